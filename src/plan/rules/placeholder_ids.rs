//! Placeholder ids: what is remembered by them is forgotten.

use crate::model::{Kept, Memory, Now, Remember, UserChange};

/// Forgets what is remembered of accounts whose id is a placeholder: the next entry that has it is
/// another person's, who would get the user of the first. The user stays as it is, and may be adopted
/// for the account that it was made for, as any other user.
pub fn forget(memory: &Memory, now: &Now) -> Vec<Remember> {
    let mut learned = Vec::new();
    let void = memory.accounts.iter();
    for (key, account) in void.filter(|(key, _)| key.id.is_placeholder()) {
        learned.push(Remember::forget_account(key.clone()));
        let Some(link) = &account.link else { continue };
        // The user then has a mark of ours and no link, which is no sign of an older copy of the
        // state.
        let kept = Kept {
            by: "mattersync".to_owned(),
            at: now.wall,
            witness: true,
        };
        let kept = UserChange::Kept(Some(kept));
        learned.push(Remember::User(link.user.clone(), kept));
    }
    learned
}
