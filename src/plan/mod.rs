//! The pure core: it makes a plan from what was read.
//!
//! [`plan`] gets both sides as read, the policy, what is remembered, and the time. It has no side
//! effects and asks nobody; the same input gives the same plan.
//!
//! Its layers, each of which uses only those above it in this list:
//!
//! * `input`, `policy`: what a plan is made from.
//! * `facts`: look-ups over the input, known before anything is planned.
//! * `ledger`: the plan while it is being made, and what all rules ask of it.
//! * `rules`: a file each, called in the order that [`plan`] gives and explains.
//! * `results`: what follows from a step that was carried out ([`remember`]), the outcome of steps
//!   whose outcome was lost ([`outcome_by_reading`]), how a step is taken back ([`inverse()`]).
//! * `action`, `words`: the kinds of actions, and texts for steps and reasons.

mod action;
mod facts;
mod input;
mod ledger;
mod policy;
mod results;
mod rules;
mod words;

pub use action::people;
pub use facts::address::legal_email;
pub use facts::approvals::{APPROVAL, approved};
pub use facts::clock::set_by;
pub use facts::effect::Effect;
pub use facts::hold_remedies::if_wrong;
pub use facts::hold_words::hold_name;
pub use facts::limits::{DAY, limit};
pub use facts::names::{legal_username, own_name};
pub use facts::progress::behind;
pub use facts::spans::Span;
pub use facts::user_index::{Claim, LinkObstacle, UserIndex};
pub use facts::usernames::keep as keep_usernames;
pub use input::World;
pub use policy::{
    AdoptRule, Authority, ByHand, LifecyclePolicy, Limit, Policy, Setting, TeamPolicy,
};
pub use results::inverse::{Inverse, inverse};
pub use results::outcome::{
    before, begun, forget_account, in_doubt, made, made_later, remember, undone,
};
pub use results::recover::{Settled, outcome_by_reading};
pub use rules::dates::next_expiry;
pub use rules::doubts::lost_locks;
pub use rules::places::team_moved;
pub use rules::purge::due as purge_due;
pub use rules::restored::{forget as forget_absences, unknown_marks, witnesses};
pub use rules::seats::taken;
pub use words::{Sentence, among_conflicts, linking_command, why_left};

use crate::model::{
    AccountKey, Class, Directory, Done, Gap, Hold, HoldChange, Now, Plan, ProviderChange,
    ProviderName, Remember, ServerChange, Step, Subject, Timestamp, UserId, Why,
};

use facts::linked_accounts::LinkedAccounts;
use facts::{approvals, clock, limits};
use ledger::draft::{Draft, Person};
use ledger::standing::Standing;
use rules::doubts::Doubts;
use rules::{
    creations, dates, duplicates, emails, flaps, guard, handover, lifecycle, matching, memberships,
    naming, new_ids, placeholder_ids, places, profiles, purge, resets, restored, seats, undo,
};

/// Makes the plan of one cycle.
///
/// It guarantees that nothing is taken away because of an absence that is not proven; that a user
/// whom we neither created nor adopted is in no step but [`crate::model::Action::Adopt`]; that a
/// class above its limit is in [`Plan::holds`] as a whole; that a second plan, after the first was
/// carried out, contains only what waits for more readings or time; and that neither the order of
/// the input nor the ids that the server chose matter.
pub fn plan(world: &World<'_>, policy: &Policy, now: &Now) -> Plan {
    after(placeholder_ids::forget(world.memory, now), world, |world| {
        plan_of_people(world, policy, now)
    })
}

/// Returns the plan that follows from what is remembered once this was learned.
fn after(learned: Vec<Remember>, world: &World<'_>, plan: impl FnOnce(&World<'_>) -> Plan) -> Plan {
    if learned.is_empty() {
        return plan(world);
    }
    let mut memory = world.memory.clone();
    learned.iter().for_each(|change| memory.remember(change));
    let mut plan = plan(&World {
        memory: &memory,
        ..*world
    });
    plan.learned.splice(0..0, learned);
    plan
}

fn plan_of_people(world: &World<'_>, policy: &Policy, now: &Now) -> Plan {
    let linked_accounts = LinkedAccounts::of(world);
    let draft = Draft::new(world, &linked_accounts, policy, now);
    let Some(restored) = restored::noticed(&draft) else {
        return decide(draft);
    };
    drop(draft);
    // The rest of the plan follows from it.
    let noticed = Remember::Server(ServerChange::Restored(Some(restored)));
    after(vec![noticed], world, |world| {
        let linked_accounts = LinkedAccounts::of(world);
        decide(Draft::new(world, &linked_accounts, policy, now))
    })
}

/// Calls the rules in their order.
///
/// 1. What the reading is worth comes first: whatever is doubted, rejected or seen twice must be known
///    before anybody is judged.
/// 2. A person's word comes before what the directory says: orders, and what was taken back.
/// 3. Who is who, then who is in and who is out: names and addresses depend on who leaves.
/// 4. Who is not in the reading comes after who is: a successor may have been found.
/// 5. Usernames before addresses, fields and creations: each later rule takes what is left.
/// 6. What is marked (flapping, our own bot) comes after all steps about people are there.
/// 7. The guard judges, seats go to whoever passes it, memberships to whoever has a seat. Then the guard
///    judges once more, with the memberships.
/// 8. What is learned comes last: it depends on what is held.
fn decide(mut draft: Draft<'_>) -> Plan {
    let (world, linked_accounts) = (draft.world, draft.linked_accounts);
    let mut doubts = Doubts::default();
    doubts.weigh_memory(&mut draft);
    for (provider, directory) in world.directories {
        doubts.weigh(&mut draft, provider, directory);
        bad_entries(&mut draft, provider, directory);
        duplicates::learn(&mut draft, provider, directory);
    }
    bad_users(&mut draft);
    lifecycle::ordered(&mut draft);
    undo::plan_undone(&mut draft);
    let matched = matching::people(&mut draft);
    let mut people = Vec::with_capacity(matched.len());
    for mut person in matched {
        let standing = lifecycle::judge(&mut draft, &mut person);
        people.push((person, standing));
    }
    purge::keep_ages(&mut draft);
    for (provider, directory) in world.directories {
        lifecycle::missing(&mut draft, provider, directory);
        purge::candidates(&mut draft, provider, directory);
    }
    let naming = naming::plan_usernames(&mut draft, &people);
    let mut addresses = emails::plan_addresses(&mut draft, &people);
    profiles::plan_profiles(&mut draft, &people);
    let mut made = creations::plan_creations(&mut draft, &people, &naming, &mut addresses);
    undo::part(&mut draft);
    resets::ordered(&mut draft);
    flaps::mark(&mut draft);
    handover::before_leaving(&mut draft);
    let active = u64::try_from(linked_accounts.active()).unwrap_or(u64::MAX);
    draft.plan.holds = holds(&draft, &doubts, active);
    let unseated = seats::allot(&mut draft, &mut made);
    memberships::everyone(&mut draft, &people, &made, &unseated);
    draft.plan.holds = holds(&draft, &doubts, active);
    doubts.learn(&mut draft);
    dates::learn(&mut draft);
    places::learn(&mut draft);
    flaps::forget_old(&mut draft);
    filled(&mut draft, &people, active);
    shown(&mut draft);
    forget_old(&mut draft);
    draft.finish()
}

fn holds(draft: &Draft<'_>, doubts: &Doubts, active: u64) -> Vec<Hold> {
    let mut holds = doubts.holds(draft);
    holds.extend(flaps::hold(draft));
    holds.extend(dates::hold(draft));
    holds.extend(places::holds(draft));
    holds.extend(new_ids::holds(draft));
    guard::holds(draft, holds, &dates::expected(draft, active), active)
}

fn bad_entries(draft: &mut Draft<'_>, provider: &ProviderName, directory: &Directory) {
    for bad in directory.accounts.rejected() {
        let key = |id| AccountKey {
            provider: provider.clone(),
            id,
        };
        let subject = Subject {
            account: bad.key.clone().map(key),
            dn: Some(bad.name.clone()),
            name: bad.name.clone(),
            ..Subject::default()
        };
        draft.leave(subject, Why::BadEntry(bad.why.clone()));
    }
}

/// Names the users whom Mattermost describes in a way that cannot be used. Users of linked accounts
/// are reported with their account.
fn bad_users(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for bad in draft.world.users.rejected() {
        let linked = |id: &UserId| {
            draft.linked_accounts.owner(id).is_some() || memory.user(id).order.is_some()
        };
        if bad.key.as_ref().is_some_and(linked) {
            continue;
        }
        let id = bad.key.as_ref().map(UserId::as_str);
        let name = match (bad.name.as_str(), id) {
            ("", id) => id.unwrap_or("a user without a name and an id").to_owned(),
            (name, Some(id)) => format!("{name} ({id})"),
            (name, None) => name.to_owned(),
        };
        let subject = Subject {
            user: bad.key.clone(),
            name,
            ..Subject::default()
        };
        draft.leave(subject, Why::BadUser(bad.why.clone()));
    }
}

/// Records that the first fill is complete, once a proven reading leaves no more users to create
/// than the guard allows anyway.
fn filled(draft: &mut Draft<'_>, people: &[(Person<'_>, Standing)], active: u64) {
    let limit = limits::limit(draft.policy, Class::Create, active).unwrap_or(0);
    for (provider, directory) in draft.world.directories {
        // An entry that cannot be read may stay for years and must not keep the limits away.
        let mut gaps = directory.accounts.gaps().iter();
        let whole = gaps.all(|gap| matches!(gap, Gap::Rejected(_)));
        if draft.world.memory.provider(provider).filled || !whole {
            continue;
        }
        let ours = |s: &&Step| s.action.account().is_some_and(|k| &k.provider == provider);
        let creates = draft.plan.steps.iter().filter(ours);
        let creates = creates.filter(|s| s.class() == Some(Class::Create)).count();
        let anybody = people
            .iter()
            .any(|(p, _)| &p.key.provider == provider && p.user.is_some());
        if anybody && u64::try_from(creates).is_ok_and(|creates| creates <= limit) {
            draft.learn(Remember::Provider(
                provider.clone(),
                ProviderChange::Filled(true),
            ));
        }
    }
}

/// Records what is held now, which the next approval is about.
fn shown(draft: &mut Draft<'_>) {
    let holds = draft.plan.holds.clone();
    let memory = draft.world.memory;
    for hold in &holds {
        if memory.hold(&hold.key).shown.as_ref() != Some(&hold.fingerprints) {
            let fingerprints = Some(hold.fingerprints.clone());
            draft.learn(Remember::Hold(
                hold.key.clone(),
                HoldChange::Shown(fingerprints),
            ));
        }
    }
    let before = memory.holds.iter().filter(|(_, hold)| hold.shown.is_some());
    for (key, _) in before.filter(|(key, _)| holds.iter().all(|h| h.key != **key)) {
        draft.learn(Remember::Hold(key.clone(), HoldChange::Shown(None)));
    }
}

fn forget_old(draft: &mut Draft<'_>) {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp(draft.now.wall.0.saturating_sub(day));
    let done = &draft.world.memory.done;
    let set_by = clock::set_by(draft.world.memory, draft.now);
    if set_by != 0 && !done.is_empty() {
        // If the clock was set, the day is not over: what was done keeps its age.
        draft.learn(Remember::ForgetDone(Timestamp(i64::MAX)));
        for done in done {
            let at = Timestamp(done.at.0.saturating_add(set_by));
            if at >= before {
                draft.learn(Remember::Done(Done { at, ..done.clone() }));
            }
        }
    } else if done.iter().any(|d| d.at < before) {
        draft.learn(Remember::ForgetDone(before));
    }
    for (key, hold) in &draft.world.memory.holds {
        let approval = hold.approval.as_ref();
        if approval.is_some_and(|approval| approvals::has_ended(approval, draft.now)) {
            draft.learn(Remember::Hold(key.clone(), HoldChange::Approval(None)));
        }
    }
}
