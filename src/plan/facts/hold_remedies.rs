//! What to do about a hold that is right to be one: when what it keeps back is a mistake.

use crate::model::{Class, Hold, HoldCause, HoldKey, Step};

/// Returns what to do instead of an approval, and that nothing is lost meanwhile. `steps` are those
/// that are held.
pub fn if_wrong(hold: &Hold, steps: &[&Step]) -> &'static str {
    if !steps.is_empty() && steps.iter().all(|step| step.is_undo()) {
        return "If it is wrong: do not release it. What was to be taken back then stays, and \
                `mattersync undo --redo PERSON` drops it for one person.";
    }
    match (&hold.key, &hold.cause) {
        (HoldKey::Class(Class::Adopt), _) if hold.steps.len() == 1 => {
            "If they are two people: do not release it, and give the account another username or \
             address in the directory. Nothing is changed meanwhile."
        }
        (_, HoldCause::GivenBack { .. }) => {
            "If it is wrong: let the directory have the values that are on Mattermost. The hold ends \
             by itself."
        }
        (HoldKey::Class(class), _) => class_remedy(*class),
        (
            HoldKey::Shrank(_)
            | HoldKey::Container(..)
            | HoldKey::Attribute(..)
            | HoldKey::Field(..),
            _,
        ) => {
            "If it is wrong: give back the right to read, or what was deleted. The hold ends by \
             itself at the next reading that shows it."
        }
        (HoldKey::NewIds(_), _) => {
            "If it is wrong: write the old attribute back into accounts.id. Nobody is touched \
             meanwhile."
        }
        (HoldKey::Identity(_), HoldCause::WentBack(_)) => {
            "If it is wrong: restore a newer backup of the directory, or correct there what the old \
             one brought back. The hold ends by itself."
        }
        (HoldKey::Identity(_), _) => {
            "If it is wrong: correct the address of the server in the configuration. The hold ends \
             by itself."
        }
        (HoldKey::Configuration(_), _) => {
            "If it is wrong: write the old value back and reload. The hold ends by itself."
        }
        (HoldKey::Restored, _) => {
            "If there is a newer state file: stop the service, put that one back with `mattersync \
             state restore`, and start it again."
        }
        (HoldKey::Flapping, _) => {
            "If it is wrong: find out who changes it back and forth. The hold ends by itself once it \
             has stayed the same for long enough."
        }
        (HoldKey::Clock, _) => {
            "If the clock is wrong: set it (timedatectl). The hold ends by itself."
        }
        (HoldKey::Team(_), _) => {
            "If it is wrong: give the team its old name back, or name the right one in [[team]]. The \
             hold ends by itself."
        }
    }
}

fn class_remedy(class: Class) -> &'static str {
    match class {
        Class::Locked => {
            "If it is wrong: unlock them in the directory. The hold ends by itself; none of these is \
             deactivated meanwhile."
        }
        Class::Missing => {
            "If it is wrong: bring the accounts back, or correct the base or the filter. The hold \
             ends by itself; none of these is deactivated meanwhile."
        }
        Class::Create => {
            "If it is wrong: take the accounts out of the directory, or narrow accounts.filter. The \
             hold ends by itself; none of these is created meanwhile."
        }
        Class::Adopt => {
            "If one of them is somebody else: release the others alone, by their usernames, and give \
             the one another username and address on either side. Nothing is changed meanwhile."
        }
        Class::Move => {
            "If one of them is somebody else: do not release it. The user stays with the old account."
        }
        Class::Purge => {
            "If one of them is to stay: do not release it, or take policy.purge-after out. Nobody is \
             deleted meanwhile."
        }
        Class::Privileged | Class::Reactivate | Class::Rename | Class::Email => {
            "If it is wrong: correct the directory. The hold ends by itself; none of these is changed \
             meanwhile."
        }
        Class::MembershipRemoval | Class::Grant => {
            "If it is wrong: correct the groups in the directory. The hold ends by itself; none of \
             these is changed meanwhile."
        }
    }
}
