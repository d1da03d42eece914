//! Is this reading plausible against the last one? A right that was lost on the directory looks
//! exactly like deletion: result 0 and fewer entries.

mod configuration;
mod doubt;
mod origin;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

pub use self::shape::lost_locks;

use self::configuration::{configured, foretell, learn_scope};
use self::doubt::{Doubt, FEW};
use self::origin::{learn_identity, note_step_back, odd};
use self::shape::{compare, hidden, learn_shape, shape};
use crate::model::{
    AccountKey, Action, Class, Directory, Dn, Hold, HoldCause, HoldKey, ProviderName, Remember,
    ServerChange, Shape, Step, Subject, Why,
};
use crate::plan::facts::approvals;
use crate::plan::facts::approvals::approved;
use crate::plan::facts::hold_words::hold_name;
use crate::plan::ledger::draft::{Draft, Risk};
use crate::plan::ledger::scope;
use crate::plan::ledger::scope::Taking;

/// All doubts of one cycle.
#[derive(Debug, Default)]
pub struct Doubts {
    /// In the order in which they are shown.
    list: Vec<Doubt>,
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
        let steps = draft.plan.steps.iter().filter(|step| !step.is_undo());
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
