//! Whether the numbers of a reading are plausible against those of the last one.

use std::collections::BTreeMap;

use super::doubt::FEW;
use crate::model::{
    Directory, Dn, HoldCause, HoldKey, ProfileField, ProviderChange, ProviderName, Remember, Shape,
};
use crate::plan::facts::losses::losses;
use crate::plan::ledger::draft::Draft;

/// The shape of a reading: what the provider counted, and how many accounts have each field.
pub(super) fn shape(directory: &Directory) -> Shape {
    let mut with = [0_usize; ProfileField::ALL.len()];
    for (_, account) in directory.accounts.iter() {
        for field in account.profile.keys() {
            with[*field as usize] += 1;
        }
    }
    let mut shape = directory.shape.clone();
    for (count, field) in with.into_iter().zip(ProfileField::ALL) {
        shape.fields.insert(field, count);
    }
    shape
}

pub(super) fn compare(
    provider: &ProviderName,
    last: &Shape,
    now: &Shape,
) -> Vec<(HoldKey, HoldCause)> {
    let mut doubts = Vec::new();
    let lost = last.accounts.saturating_sub(now.accounts);
    if lost >= FEW && lost * 5 > last.accounts {
        let cause = HoldCause::Shrank {
            from: last.accounts,
            to: now.accounts,
            lost: losses(last, now),
        };
        doubts.push((HoldKey::Shrank(provider.clone()), cause));
    }
    for (container, had) in vanished(last, now) {
        let cause = HoldCause::ContainerVanished { had };
        let key = HoldKey::Container(provider.clone(), Dn::of(container));
        doubts.push((key, cause));
    }
    // An attribute that the configuration no longer asks for was not lost.
    let attributes = last.attributes.iter().filter_map(|(name, had)| {
        let cause = faded((*had, last), (*now.attributes.get(name)?, now))?;
        Some((HoldKey::Attribute(provider.clone(), name.clone()), cause))
    });
    doubts.extend(attributes);
    let fields = last.fields.iter().filter_map(|(field, had)| {
        let cause = faded((*had, last), (*now.fields.get(field)?, now))?;
        Some((HoldKey::Field(provider.clone(), *field), cause))
    });
    doubts.extend(fields);
    doubts
}

/// Whether the share of accounts that have a value fell to less than half. Shares are compared, not
/// numbers, because fewer accounts have fewer values.
fn faded((had, last): (usize, &Shape), (has, now): (usize, &Shape)) -> Option<HoldCause> {
    let halved = has * last.accounts * 2 < had * now.accounts;
    (had >= FEW && halved).then_some(HoldCause::AttributeFaded {
        had,
        had_of: last.accounts,
        has,
        has_of: now.accounts,
    })
}

/// The containers that had at least [`FEW`] accounts, in them or in containers inside them, and
/// have none now: of several inside each other the outermost.
fn vanished<'s>(last: &'s Shape, now: &'s Shape) -> Vec<(&'s str, usize)> {
    let (had, has) = (with_inner(last), with_inner(now));
    let gone = |container: &str| {
        let had = had.get(container).copied().unwrap_or(0);
        // The container of all containers is not one among others, unless accounts stand in it itself.
        let one_of_many = had < last.accounts || last.containers.contains_key(container);
        had >= FEW && one_of_many && has.get(container).is_none_or(|n| *n == 0)
    };
    let outermost = had
        .iter()
        .filter(|(container, _)| gone(container) && !Dn::of(container).ancestors().any(gone));
    outermost
        .map(|(container, had)| (*container, *had))
        .collect()
}

/// The number of accounts in each container, those in containers inside it included.
fn with_inner(shape: &Shape) -> BTreeMap<&str, usize> {
    let mut sums = BTreeMap::new();
    for (container, n) in &shape.containers {
        for dn in std::iter::once(container.as_str()).chain(container.ancestors()) {
            *sums.entry(dn).or_insert(0) += n;
        }
    }
    sums
}

fn lost(last: &Shape, directory: &Directory) -> Vec<String> {
    let had = |name: &String| last.attributes.get(name).is_some_and(|n| *n > 0);
    let unseen = directory.unseen_locks.iter();
    let lost = unseen.filter(|name| had(name) || last.lost_locks.contains(*name));
    lost.cloned().collect()
}

/// The attributes of lock rules that accounts had once and that none of this reading shows, where
/// because of it somebody's lock cannot be seen: a right was lost, and locks are not followed until it
/// is back or `accounts.lock` names what can be seen.
pub fn lost_locks(last: Option<&Shape>, directory: &Directory) -> Vec<String> {
    match last.filter(|_| directory.state_unknown > 0) {
        Some(last) => lost(last, directory),
        None => Vec::new(),
    }
}

/// Lock attributes that the last accounts who had them show no more, though nothing proves that
/// nobody has them: few are enough, for each of them would be let in again.
pub(super) fn hidden(
    provider: &ProviderName,
    last: &Shape,
    now: &Shape,
    directory: &Directory,
    found: &[(HoldKey, HoldCause)],
) -> Vec<(HoldKey, HoldCause)> {
    let had = |name: &String| last.attributes.get(name).copied().unwrap_or(0);
    let has = |name: &String| now.attributes.get(name).copied().unwrap_or(0);
    let known = |name: &String| {
        let key = HoldKey::Attribute(provider.clone(), name.clone());
        found.iter().any(|(other, _)| *other == key)
    };
    let names = directory.hidden_locks.iter();
    let lost = names.filter(|name| had(name) > 0 && has(name) == 0 && !known(name));
    lost.map(|name| {
        let cause = HoldCause::AttributeFaded {
            had: had(name),
            had_of: last.accounts,
            has: 0,
            has_of: now.accounts,
        };
        (HoldKey::Attribute(provider.clone(), name.clone()), cause)
    })
    .collect()
}

pub(super) fn learn_shape(
    draft: &mut Draft<'_>,
    provider: &ProviderName,
    now: Option<&Shape>,
    staying: &[&HoldKey],
) {
    let last = draft.world.memory.provider(provider).shape.as_ref();
    let whole = |key: &&HoldKey| matches!(key, HoldKey::Shrank(_) | HoldKey::Identity(_));
    let Some(now) = now.filter(|_| !staying.iter().any(whole)) else {
        return;
    };
    let mut now = now.clone();
    if let Some(last) = last {
        keep_doubted(&mut now, last, staying);
        if let Some(directory) = draft.world.directories.get(provider) {
            let lost = lost(last, directory).into_iter();
            now.lost_locks.extend(lost);
        }
    }
    if last != Some(&now) {
        draft.learn(Remember::Provider(
            provider.clone(),
            ProviderChange::Shape(Some(now)),
        ));
    }
}

/// Keeps the last believed numbers of whatever is still doubted, scaled to the present reading.
fn keep_doubted(now: &mut Shape, last: &Shape, staying: &[&HoldKey]) {
    let (accounts, before) = (now.accounts, last.accounts.max(1));
    let scaled = |had: Option<&usize>| (had.copied().unwrap_or(0) * accounts).div_ceil(before);
    for key in staying {
        match key {
            HoldKey::Container(_, dn) => {
                let within = last.containers.iter().filter(|(inner, _)| {
                    *inner == dn || inner.ancestors().any(|outer| outer == dn.as_str())
                });
                let within = within.map(|(inner, had)| (inner.clone(), *had));
                now.containers.extend(within);
            }
            HoldKey::Attribute(_, name) => {
                let kept = scaled(last.attributes.get(name));
                now.attributes.insert(name.clone(), kept);
            }
            HoldKey::Field(_, field) => {
                let kept = scaled(last.fields.get(field));
                now.fields.insert(*field, kept);
            }
            HoldKey::Class(_)
            | HoldKey::NewIds(_)
            | HoldKey::Shrank(_)
            | HoldKey::Identity(_)
            | HoldKey::Configuration(_)
            | HoldKey::Restored
            | HoldKey::Flapping
            | HoldKey::Clock
            | HoldKey::Team(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(accounts: usize, containers: &[(&str, usize)], attributes: &[(&str, usize)]) -> Shape {
        let (containers, attributes) = (containers.iter(), attributes.iter());
        Shape {
            accounts,
            containers: containers.map(|(dn, n)| (Dn::of(dn), *n)).collect(),
            attributes: attributes
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect(),
            ..Shape::default()
        }
    }

    fn keys(last: &Shape, now: &Shape) -> Vec<HoldKey> {
        let doubts = compare(&ProviderName::new("p"), last, now);
        doubts.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn a_fifth_less_or_a_container_gone_is_doubtful() {
        let last = shape(100, &[("ou=a", 96), ("ou=b", 4)], &[]);
        assert_eq!(
            keys(&last, &shape(80, &[("ou=a", 76), ("ou=b", 4)], &[])),
            []
        );
        let shrank = HoldKey::Shrank(ProviderName::new("p"));
        assert_eq!(
            keys(&last, &shape(79, &[("ou=a", 75), ("ou=b", 4)], &[])),
            [shrank]
        );
        let gone = HoldKey::Container(ProviderName::new("p"), Dn::of("ou=b"));
        assert_eq!(keys(&last, &shape(96, &[("ou=a", 96)], &[])), [gone]);
    }

    #[test]
    fn containers_inside_a_container_count_for_it() {
        let last = shape(
            100,
            &[
                ("ou=a,ou=sales,dc=x", 2),
                ("ou=b\\, c,ou=sales,dc=x", 2),
                ("ou=people,dc=x", 96),
            ],
            &[],
        );
        let people = ("ou=people,dc=x", 96);
        let gone = HoldKey::Container(ProviderName::new("p"), Dn::of("ou=sales,dc=x"));
        assert_eq!(keys(&last, &shape(96, &[people], &[])), [gone]);
        let one_left = shape(98, &[people, ("ou=a,ou=sales,dc=x", 2)], &[]);
        assert_eq!(keys(&last, &one_left), []);
        let all_gone = keys(&last, &shape(0, &[], &[]));
        let of_containers = all_gone
            .iter()
            .filter(|key| matches!(key, HoldKey::Container(..)));
        assert_eq!(
            of_containers.count(),
            2,
            "each, and not their root: {all_gone:?}"
        );
    }

    #[test]
    fn a_share_that_halves_is_doubtful() {
        let last = shape(10, &[], &[("mail", 8), ("title", 2)]);
        assert_eq!(keys(&last, &shape(10, &[], &[("mail", 4)])), []);
        let faded = HoldKey::Attribute(ProviderName::new("p"), "mail".into());
        assert_eq!(keys(&last, &shape(10, &[], &[("mail", 3)])), [faded]);
    }
}
