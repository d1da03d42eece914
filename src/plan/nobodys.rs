//! What is remembered by an id that is nobody's.

use crate::model::{AccountKey, Kept, Memory, Now, Remember};

/// Forgets what is remembered of accounts whose id is a placeholder: the next entry that has it is
/// another person's, who would get the user of the first. The user stays as it is, and may be adopted
/// for the account that it was made for, as any other user.
pub fn forget(memory: &Memory, now: &Now) -> Vec<Remember> {
    let is_void = |key: &&AccountKey| key.id.is_placeholder();
    let mut learned = Vec::new();
    for (key, link) in memory.links.iter().filter(|(key, _)| is_void(key)) {
        // That the user has a mark of ours and no link is no sign of an older copy of the state.
        let kept = Kept {
            by: "mattersync".to_owned(),
            at: now.wall,
            witness: true,
        };
        learned.push(Remember::Unlink(key.clone()));
        learned.push(Remember::Kept(link.user.clone(), Some(kept)));
    }
    let of = |keys: Vec<&AccountKey>, change: fn(AccountKey) -> Remember| {
        let keys = keys.into_iter().filter(is_void);
        keys.map(|key| change(key.clone())).collect::<Vec<_>>()
    };
    let absences = memory.absences.keys().collect();
    learned.extend(of(absences, |key| Remember::Absence(key, None)));
    let returns = memory.returns.keys().collect();
    learned.extend(of(returns, |key| Remember::Return(key, None)));
    let names = memory.names.keys().collect();
    learned.extend(of(names, |key| Remember::Name(key, None)));
    let nonces = memory.nonces.keys().collect();
    learned.extend(of(nonces, |key| Remember::Nonce(key, None)));
    let gone = memory.gone.keys().collect();
    learned.extend(of(gone, |key| Remember::Gone(key, None)));
    learned
}
