//! The number of people of a class that a cycle may touch, and who counts.

use std::time::Duration;

use crate::model::{Class, Fingerprint, Memory, ProviderName, Step};
use crate::plan::policy::{Limit, Policy};

/// The time over which done steps are summed.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the largest number of people of a class in one cycle; `None` for no limit. `active` is
/// the number of active linked users.
pub fn limit(policy: &Policy, class: Class, active: u64) -> Option<u64> {
    if class == Class::Purge {
        // A step that cannot be taken back needs an approval each time.
        return Some(0);
    }
    match policy.guard.get(&class).copied().unwrap_or_default() {
        Limit::Auto => Some(auto(class, active)),
        Limit::Number(number) => Some(number),
        Limit::BasisPoints(points) => {
            Some(active.saturating_mul(u64::from(points)).div_ceil(10_000))
        }
        Limit::Off => None,
    }
}

fn auto(class: Class, n: u64) -> u64 {
    match class {
        Class::Missing => root(n, 16),
        Class::Locked => root(n, 4),
        Class::Reactivate | Class::Rename | Class::Email | Class::Move => root(n, 10).max(2),
        Class::MembershipRemoval => n.div_ceil(50).max(3),
        Class::Create => n.div_ceil(10).max(20),
        Class::Adopt | Class::Grant | Class::Privileged | Class::Purge => 0,
    }
}

/// Returns the square root of `n / divisor`, rounded up.
fn root(n: u64, divisor: u64) -> u64 {
    let down = (n / divisor).isqrt();
    let enough = |k: u64| k.saturating_mul(k).saturating_mul(divisor) >= n;
    if enough(down) { down } else { down + 1 }
}

/// Returns the person whom a step is about, for the sum over a day.
pub fn person(step: &Step) -> Fingerprint {
    let account = step.action.account().map(ToString::to_string);
    let user = || step.action.user().map(ToString::to_string);
    let person = account.or_else(user).map(Fingerprint::new);
    person.unwrap_or_else(|| step.action.fingerprint())
}

/// Returns whether a step is a creation of its provider's first fill, which is neither limited nor
/// counted for a day. Beside the links of another provider there is no first fill: that may be the
/// same directory under another name, and every user would be created twice.
pub fn first_fill(memory: &Memory, step: &Step) -> bool {
    let first = |provider: &ProviderName| {
        // Keys are sorted by provider, so it is enough to look at both ends.
        let ends = [
            memory.links().map(|(key, _)| key).next(),
            memory.links().map(|(key, _)| key).next_back(),
        ];
        let alone = ends.into_iter().flatten().all(|k| &k.provider == provider);
        !memory.provider(provider).filled && alone
    };
    step.class() == Some(Class::Create)
        && step
            .action
            .account()
            .is_some_and(|key| first(&key.provider))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_limits_grow_with_the_square_root() {
        for (class, n, want) in [
            (Class::Missing, 0, 0),
            (Class::Missing, 1, 1),
            (Class::Missing, 16, 1),
            (Class::Missing, 17, 2),
            (Class::Missing, 1_200, 9),
            (Class::Missing, 100_000, 80),
            (Class::Locked, 100, 5),
            (Class::Locked, 101, 6),
            (Class::Rename, 10, 2),
            (Class::Move, 1_000, 10),
            (Class::Rename, 1_000, 10),
            (Class::Rename, 1_001, 11),
            (Class::MembershipRemoval, 100, 3),
            (Class::MembershipRemoval, 1_000, 20),
            (Class::Create, 50, 20),
            (Class::Create, 1_000, 100),
            (Class::Adopt, 1_000, 0),
            (Class::Grant, 1_000, 0),
            (Class::Privileged, 1_000, 0),
        ] {
            assert_eq!(auto(class, n), want, "{class} of {n}");
        }
    }
}
