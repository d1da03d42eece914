//! Is this reading plausible against the last one? A right that was lost on the directory looks
//! exactly like deletion: result 0 and fewer entries.

mod origin;

use std::collections::{BTreeMap, BTreeSet};

use self::origin::{learn_identity, note_step_back, odd};
use crate::model::{
    AccountKey, Action, Class, Directory, Dn, Hold, HoldCause, HoldKey, ProfileField,
    ProviderChange, ProviderName, Remember, ServerChange, Shape, Step, Subject, Why,
};
use crate::plan::facts::approvals;
use crate::plan::facts::approvals::approved;
use crate::plan::facts::hold_words::hold_name;
use crate::plan::facts::losses::losses;
use crate::plan::ledger::draft::{Draft, Risk};
use crate::plan::ledger::scope;
use crate::plan::ledger::scope::Taking;
use crate::plan::ledger::undone_steps::is_undo;

/// Changes that concern fewer entries than this raise no doubt.
const FEW: usize = 3;

/// Something about a reading that a person must look at before anything is taken away.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// What an approval names.
    pub key: HoldKey,
    /// What is odd.
    pub cause: HoldCause,
    /// Which provider it is about; `None` for all.
    provider: Option<ProviderName>,
}

/// All doubts of one cycle.
#[derive(Debug, Default)]
pub struct Doubts {
    /// In the order in which they are shown.
    pub list: Vec<Doubt>,
    /// Which of them are about a container.
    containers: BTreeMap<Dn, usize>,
    /// What was compared with the last readings.
    shapes: BTreeMap<ProviderName, Shape>,
}

impl Doubts {
    /// What waits because something is doubted.
    pub fn holds(&self, draft: &Draft<'_>) -> Vec<Hold> {
        let mut held: Vec<Vec<&Step>> = vec![Vec::new(); self.list.len()];
        // Steps that take something back do not rest on the reading.
        let steps = draft.plan.steps.iter().filter(|step| !is_undo(step));
        for step in steps {
            for at in self.about(draft, step) {
                let released = approved(draft.world.memory, &self.list[at].key, draft.now);
                if !released.is_some_and(|r| r.contains(&step.action.fingerprint())) {
                    held[at].push(step);
                }
            }
        }
        let pairs = self.list.iter().zip(held);
        pairs
            .filter(|(_, steps)| !steps.is_empty())
            .map(|(doubt, steps)| approvals::hold(doubt.key.clone(), doubt.cause.clone(), &steps))
            .collect()
    }

    /// Compares a provider's reading with the last one that raised no doubt.
    pub fn weigh(&mut self, draft: &mut Draft<'_>, provider: &ProviderName, directory: &Directory) {
        let memory = draft.world.memory;
        let shape = shape(directory);
        let mut found = Vec::new();
        if let Some(last) = memory.provider(provider).shape.as_ref() {
            found = compare(provider, last, &shape);
            found.extend(hidden(provider, last, &shape, directory, &found));
        }
        self.shapes.insert(provider.clone(), shape);
        if let Some(cause) = odd(
            memory.provider(provider).identity.as_ref(),
            directory.accounts.source(),
        ) {
            found.push((HoldKey::Identity(provider.clone()), cause));
        }
        found.extend(configured(draft, provider));
        for (key, cause) in found {
            match &key {
                HoldKey::Attribute(..) | HoldKey::Field(..) => {
                    draft.faded.insert(key.clone());
                }
                HoldKey::Container(_, dn) => {
                    self.containers.insert(dn.clone(), self.list.len());
                }
                _ => {}
            }
            self.list.push(Doubt {
                key,
                cause,
                provider: Some(provider.clone()),
            });
        }
    }

    /// Doubts the memory itself, if it is known to be an older copy.
    pub fn weigh_memory(&mut self, draft: &mut Draft<'_>) {
        if let Some(restored) = &draft.world.memory.server.restored {
            // Also where nothing is held because of it.
            let subject = Subject {
                name: hold_name(&HoldKey::Restored),
                ..Subject::default()
            };
            let how = restored.how.clone();
            draft.leave(subject, Why::OlderState { how });
            self.list.push(Doubt {
                key: HoldKey::Restored,
                cause: HoldCause::OlderState {
                    how: restored.how.clone(),
                },
                provider: None,
            });
        }
    }

    /// The places in the list of those because of which a step must wait.
    pub fn about(&self, draft: &Draft<'_>, step: &Step) -> BTreeSet<usize> {
        let mut about = BTreeSet::new();
        if self.list.is_empty() {
            return about;
        }
        let Some(key) = step.action.account() else {
            return about;
        };
        let class = step.class();
        if matches!(
            class,
            Some(Class::Missing | Class::MembershipRemoval | Class::Purge)
        ) {
            about = self.of_person(draft, key, Risk::Missing);
        } else if matches!(class, Some(Class::Locked | Class::Create | Class::Move)) {
            // Another directory, or ids from another attribute, would make everybody twice.
            about = self.of_kind(key, |k| matches!(k, HoldKey::Identity(_)));
        } else if class == Some(Class::Reactivate) {
            about = self.of_person(draft, key, Risk::Return);
        }
        if class == Some(Class::Locked) {
            about.extend(self.of_configuration(draft, key, Taking::Locked));
        }
        if class == Some(Class::Create) {
            // A lock that nobody can see any more makes leavers of long ago look like newcomers.
            about.extend(self.of_kind(key, is_lock));
            about.extend(self.of_configuration(draft, key, Taking::Create));
        }
        // An account that is there, and was only not shown, has no successor.
        if let Action::MoveLink { from, .. } = &step.action {
            about.extend(self.of_person(draft, from, Risk::Missing));
        }
        // While memory is an older copy nothing that is counted is done. An adoption is shown to a
        // person anyway, and a lock was seen today.
        if class.is_some_and(|class| !matches!(class, Class::Adopt | Class::Locked)) {
            about.extend(self.of_kind(key, |k| *k == HoldKey::Restored));
        }
        if let Some(faded) = draft.rests_on.get(&step.id) {
            about.extend(self.of_kind(key, |k| k == faded));
        }
        about
    }

    /// The places in the list of those that concern what may become of a person.
    fn of_person(&self, draft: &Draft<'_>, key: &AccountKey, risk: Risk) -> BTreeSet<usize> {
        if risk == Risk::Return {
            // A lock that nobody can see any more, or that another directory does not know,
            // would let every leaver in again.
            let mut about = self.of_kind(key, |k| {
                is_lock(k) || matches!(k, HoldKey::Identity(_) | HoldKey::Restored)
            });
            about.extend(self.of_configuration(draft, key, Taking::Return));
            return about;
        }
        let mut about = self.of_kind(key, |k| {
            matches!(
                k,
                HoldKey::Shrank(_) | HoldKey::Identity(_) | HoldKey::Restored
            )
        });
        about.extend(self.of_configuration(draft, key, Taking::Missing));
        let link = draft.world.memory.link(key);
        let dn = link.map(|link| Dn::of(&link.last_dn));
        let containers = dn.iter().flat_map(Dn::ancestors);
        about.extend(containers.filter_map(|container| self.containers.get(container)));
        about
    }

    fn of_kind(&self, key: &AccountKey, is: impl Fn(&HoldKey) -> bool) -> BTreeSet<usize> {
        let list = self.list.iter().enumerate();
        list.filter(|(_, doubt)| doubt.concerns(&key.provider) && is(&doubt.key))
            .map(|(at, _)| at)
            .collect()
    }

    /// The place in the list of a change of the configuration that may be why a person is where
    /// they are.
    fn of_configuration(
        &self,
        draft: &Draft<'_>,
        key: &AccountKey,
        taking: Taking,
    ) -> BTreeSet<usize> {
        let causes = |doubt: &Doubt| match &doubt.cause {
            HoldCause::Configuration { changes } => changes
                .iter()
                .any(|change| scope::may_cause(change, draft, key, taking)),
            _ => false,
        };
        let list = self.list.iter().enumerate();
        list.filter(|(_, doubt)| doubt.concerns(&key.provider) && causes(doubt))
            .map(|(at, _)| at)
            .collect()
    }

    /// Remembers the shape and identity of each complete reading, as far as nothing more could be
    /// taken from anybody because of a doubt. A doubt stays until then: also while the missing are
    /// within their grace, and while some of them are not approved.
    pub fn learn(&self, draft: &mut Draft<'_>) {
        let mut open = vec![0_usize; self.list.len()];
        let mut back = open.clone();
        for (key, risk) in &draft.at_risk {
            for at in self.of_person(draft, key, *risk) {
                open[at] += 1;
                back[at] += usize::from(*risk == Risk::Return);
            }
        }
        let at_risk = open.clone();
        for step in &draft.plan.steps {
            for at in self.about(draft, step) {
                let released =
                    approvals::approved(draft.world.memory, &self.list[at].key, draft.now);
                if !released.is_some_and(|r| r.contains(&step.action.fingerprint())) {
                    open[at] += 1;
                }
            }
        }
        let stays = |(at, doubt): (usize, &Doubt)| {
            let approved = approvals::approved(draft.world.memory, &doubt.key, draft.now).is_some();
            open[at] >= if approved { FEW } else { 1 }
        };
        let staying: Vec<&Doubt> = self
            .list
            .iter()
            .enumerate()
            .filter(|pair| stays(*pair))
            .map(|(_, doubt)| doubt)
            .collect();
        for (doubt, (at_risk, back)) in self.list.iter().zip(at_risk.into_iter().zip(back)) {
            foretell(draft, doubt, at_risk - back, back);
        }
        for doubt in &staying {
            if let Some(provider) = &doubt.provider {
                note_step_back(draft, provider, &doubt.cause);
            }
        }
        let whole = |d: &Directory| d.accounts.gaps().is_empty();
        let all = draft.world.directories.values().all(whole);
        let doubted = staying.iter().any(|d| d.key == HoldKey::Restored);
        if draft.world.memory.server.restored.is_some() && all && !doubted {
            draft.learn(Remember::Server(ServerChange::Restored(None)));
        }
        for (provider, directory) in draft.world.directories {
            if whole(directory) {
                let of = staying.iter().filter(|d| d.concerns(provider));
                let keys: Vec<&HoldKey> = of.map(|d| &d.key).collect();
                let shape = self.shapes.get(provider);
                learn_shape(draft, provider, shape, &keys);
                learn_identity(draft, provider, directory, &keys);
                learn_scope(draft, provider, &keys);
            }
        }
    }
}

/// Whether what is doubted is an attribute that says who is locked.
fn is_lock(key: &HoldKey) -> bool {
    matches!(key, HoldKey::Attribute(..))
}

impl Doubt {
    fn concerns(&self, provider: &ProviderName) -> bool {
        self.provider.as_ref().is_none_or(|own| own == provider)
    }
}

/// A change of the settings that decide who is in scope.
fn configured(draft: &Draft<'_>, provider: &ProviderName) -> Option<(HoldKey, HoldCause)> {
    let now = draft.policy.scopes.get(provider)?;
    let changes = scope::changes(draft.world.memory.provider(provider).scope.as_ref()?, now);
    let key = HoldKey::Configuration(provider.clone());
    (!changes.is_empty()).then_some((key, HoldCause::Configuration { changes }))
}

/// Says of a change of the configuration what will be held because of it when the grace ends, or
/// the next reading agrees. That is about nobody by name: it is called as the hold will be.
fn foretell(draft: &mut Draft<'_>, doubt: &Doubt, missing: usize, back: usize) {
    let HoldCause::Configuration { changes } = &doubt.cause else {
        return;
    };
    let subject = || Subject {
        name: hold_name(&doubt.key),
        ..Subject::default()
    };
    if missing > 0 {
        let (people, changes) = (missing, changes.clone());
        draft.leave(subject(), Why::DroppedByConfiguration { people, changes });
    }
    if back > 0 {
        let (people, changes) = (back, changes.clone());
        draft.leave(subject(), Why::BackByConfiguration { people, changes });
    }
}

fn learn_scope(draft: &mut Draft<'_>, provider: &ProviderName, staying: &[&HoldKey]) {
    let is = |key: &&&HoldKey| matches!(key, HoldKey::Configuration(_));
    let Some(now) = draft.policy.scopes.get(provider) else {
        return;
    };
    let now = scope::values(now);
    let last = draft.world.memory.provider(provider).scope.as_ref();
    if !staying.iter().any(|key| is(&key)) && last != Some(&now) {
        draft.learn(Remember::Provider(
            provider.clone(),
            ProviderChange::Scope(Some(now)),
        ));
    }
}

fn learn_shape(
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

/// The shape of a reading: what the provider counted, and how many accounts have each field.
fn shape(directory: &Directory) -> Shape {
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

fn compare(provider: &ProviderName, last: &Shape, now: &Shape) -> Vec<(HoldKey, HoldCause)> {
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
    (had >= FEW && halved).then(|| HoldCause::AttributeFaded {
        from: percent(had, last.accounts),
        to: percent(has, now.accounts),
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
fn hidden(
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
            from: percent(had(name), last.accounts).max(1),
            to: 0,
        };
        (HoldKey::Attribute(provider.clone(), name.clone()), cause)
    })
    .collect()
}

fn percent(part: usize, whole: usize) -> u8 {
    u8::try_from((part * 100).checked_div(whole).unwrap_or(0)).unwrap_or(100)
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
