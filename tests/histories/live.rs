//! A history from its beginning to its end.

use std::collections::BTreeMap;

use mattersync::model::{HoldCause, HoldKey, NewIds, Plan};

use crate::check::{Broken, Checker, hold_word};
use crate::events::{Event, Fault, History, Round};
use crate::happen::Done;
use crate::ports::{Lie, Trouble};
use crate::stage::{Cycle, Lab, Stage};
use crate::world::{Account, Directory};

/// What came of a history.
#[derive(Debug, Default)]
pub struct Lived {
    /// How often each kind of event happened.
    pub counts: BTreeMap<String, u64>,
    pub cycles: u64,
    pub people: u64,
    /// The promise that was broken, in which round (the last is the end), and how.
    pub broken: Option<(usize, Broken)>,
    /// What happened, for people.
    pub story: Vec<String>,
}

struct Life<'l> {
    stage: Stage<'l>,
    checker: Checker,
    lived: Lived,
    /// Rounds in which our bot was disabled.
    without_bot: u32,
    /// No more faults.
    ends: bool,
}

/// The most cycles until everything is quiet, and one more for each person whom the server refuses:
/// a seat may be kept for them once.
const PATIENCE: usize = 14;

pub fn live(lab: &Lab, history: &History) -> Lived {
    let mut life = Life {
        stage: Stage::new(lab, &history.setting, history.seed),
        checker: Checker::new(&history.setting),
        lived: Lived::default(),
        without_bot: 0,
        ends: false,
    };
    let is_stale = |round: &Round| matches!(round.lie, Lie::Stale(_));
    if history.rounds.iter().any(is_stale) {
        life.stage.keep_replicas();
    }
    let mut broken = None;
    for (n, round) in history.rounds.iter().enumerate() {
        life.tell(format!("Round {n}"));
        let result = life.round(round);
        life.stage.pass(round.minutes);
        life.tell(format!("  {} minutes pass", round.minutes));
        if let Err(what) = result {
            broken = Some((n, what));
            break;
        }
    }
    if broken.is_none()
        && let Err(what) = life.end()
    {
        broken = Some((history.rounds.len(), what));
    }
    let mut lived = life.lived;
    lived.people = life.stage.directory.accounts.len() as u64;
    lived.broken = broken;
    lived
}

impl Life<'_> {
    fn tell(&mut self, what: String) {
        self.lived.story.push(what);
    }

    fn count(&mut self, what: &str) {
        *self.lived.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn round(&mut self, round: &Round) -> Result<(), Broken> {
        let fault = &round.fault;
        self.stage.begin_round();
        self.somebody_revives_our_bot(2);
        for event in &round.events {
            let done = self.happen(event)?;
            if done != Done::Nothing {
                self.tell(format!("  {event:?} {done:?}"));
                self.count(&kind(event));
            }
        }
        self.stage.serve(fault);
        let cycle = self.stage.cycle(round.trouble.clone(), round.lie.clone());
        if cycle.lie != Lie::None {
            self.tell(format!("  Mattermost: {:?}", cycle.lie));
            self.count(&kind(&cycle.lie));
        }
        if *fault != Fault::None {
            self.tell(format!("  The directory: {fault:?}"));
            self.count(&kind(fault));
        }
        for struck in cycle
            .struck
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
        {
            self.count(struck);
        }
        self.judge(&cycle)
    }

    fn judge(&mut self, cycle: &Cycle) -> Result<(), Broken> {
        self.lived.cycles += 1;
        if !cycle.struck.is_empty() {
            self.tell(format!("  Struck: {:?}", cycle.struck));
        }
        let changes = cycle.deeds.iter().flat_map(|d| d.changed.values());
        for _ in changes.filter(|(_, after)| after.is_none()) {
            self.count("purged");
        }
        self.lived.story.extend(crate::report::deeds(cycle));
        if let Some(plan) = &cycle.plan {
            if std::env::var_os("HISTORIES_PLANS").is_some() {
                self.lived.story.extend(crate::report::plan(plan));
            }
            for hold in &plan.holds {
                let (word, steps) = (hold_word(&hold.key), hold.steps.len());
                self.tell(format!("  held: {steps} as {word}: {}", hold.cause));
            }
        }
        if let Some(error) = &cycle.error {
            self.tell(format!("  The cycle failed: {error}"));
        }
        self.checker.cycle(cycle)
    }

    fn happen(&mut self, event: &Event) -> Result<Done, Broken> {
        match event {
            Event::ApproveAll => Ok(self.approve(None)),
            Event::ApproveOne(n) => Ok(self.approve(Some(*n))),
            Event::Order(n) => self.order(*n),
            Event::KeepCopy => {
                self.checker.kept();
                Ok(self.stage.happen(event))
            }
            Event::RestoreCopy(marked) | Event::LoseState(marked) => {
                let done = self.stage.happen(event);
                if done != Done::Nothing {
                    let restored = matches!(event, Event::RestoreCopy(_));
                    self.checker.forgot(restored, *marked);
                }
                Ok(done)
            }
            Event::Reboot => {
                self.checker.rebooted = true;
                Ok(self.stage.happen(event))
            }
            // Who finds a team before mattersync has learned whether it was made?
            Event::TeamRenamed(_) | Event::TeamArchived if !self.stage.knows_a_team() => {
                Ok(Done::Nothing)
            }
            _ => {
                let done = self.stage.happen(event);
                self.checker.happened(&done);
                Ok(done)
            }
        }
    }

    /// Whoever deactivated the owner of our bot, and so our bot, notices after so many rounds.
    fn somebody_revives_our_bot(&mut self, after: u32) {
        if self.stage.is_bot_alive() {
            self.without_bot = 0;
            return;
        }
        self.without_bot += 1;
        if self.without_bot >= after {
            self.stage.revive_bot();
            self.tell("  somebody enables the bot".into());
        }
    }

    /// A person looks at what is held, and approves it: all of it, or one part.
    fn approve(&mut self, one: Option<u32>) -> Done {
        let Some(plan) = self.stage.show_holds() else {
            return Done::Nothing;
        };
        let mut words = self.words(&plan);
        if let Some(n) = one
            && !words.is_empty()
        {
            words = vec![words.swap_remove(n as usize % words.len())];
        }
        let mut done = Done::Nothing;
        for word in words {
            if let Some(approved) = self.stage.approve(&word) {
                let wall = mattersync::clock::Clock::now(self.stage.clock.as_ref())
                    .wall
                    .0;
                self.checker.approved(&word, &approved, wall);
                if let Some(new_ids) = &approved.new_ids {
                    self.stage.directory.gave_up.extend(gone(new_ids));
                    self.count("new ids");
                }
                let released = approved.released.len();
                self.tell(format!("  alice approves {word}: {released} steps"));
                done = Done::Happened;
            }
        }
        done
    }

    /// What a person would type: the holds' names; where one has a wrong adoption in it, the
    /// people whose adoptions are right.
    fn words(&self, plan: &Plan) -> Vec<String> {
        let mut words = Vec::new();
        for hold in &plan.holds {
            let steps = plan.steps.iter().filter(|s| hold.steps.contains(&s.id));
            let right = |step: &&mattersync::model::Step| self.checker.may_approve(step);
            let (right, wrong): (Vec<_>, Vec<_>) = steps.partition(right);
            if matches!(hold.key, HoldKey::Team(_)) && !self.ends {
                // They put the team's name back instead; in the end, where another team has it by
                // now, they take that one.
                continue;
            }
            if !self.may_give_new_ids(&hold.cause) {
                continue;
            }
            if wrong.is_empty() {
                words.push(hold_word(&hold.key));
            } else {
                words.extend(right.into_iter().filter_map(|s| s.subject.dn.clone()));
            }
        }
        words
    }

    /// Whether whoever is said not to be there is not: a careful person looks.
    fn may_give_new_ids(&self, cause: &HoldCause) -> bool {
        let HoldCause::NewIds(new_ids) = cause else {
            return true;
        };
        let accounts = &self.stage.directory.accounts;
        new_ids.is_possible()
            && gone(new_ids).all(|number| !accounts.get(&number).is_some_and(Account::is_here))
    }

    fn order(&mut self, n: u32) -> Result<Done, Broken> {
        let snapshot = self.stage.snapshot();
        let linked = &snapshot.linked;
        let found = linked
            .range(n..)
            .next()
            .or_else(|| linked.first_key_value());
        let Some((_, user)) = found else {
            return Ok(Done::Nothing);
        };
        let cycle = self.stage.order(user);
        self.tell(format!("  alice orders {user} to be deactivated"));
        self.checker.ordered(&cycle);
        self.judge(&cycle)?;
        Ok(Done::Happened)
    }

    /// All faults end, people look after what is held, and everything comes to rest.
    fn end(&mut self) -> Result<(), Broken> {
        self.tell("The end: no more faults".into());
        self.ends = true;
        let nameless: Vec<u32> = self
            .stage
            .directory
            .accounts
            .values()
            .filter(|a| a.flaw == Some(crate::world::Flaw::NoId))
            .map(|a| a.number)
            .collect();
        for number in nameless {
            self.stage.directory.edit(number, |a| a.flaw = None);
        }
        self.stage.happen(&Event::TeamBack);
        let mut quiet = 0;
        for _ in 0..PATIENCE + self.stage.refused_for_ever() {
            self.stage.serve(&Fault::None);
            self.somebody_revives_our_bot(1);
            self.stage.happen(&Event::ClickMails);
            self.approve(None);
            let cycle = self.stage.cycle(Trouble::default(), Lie::None);
            self.judge(&cycle)?;
            quiet = if cycle.is_quiet() { quiet + 1 } else { 0 };
            if quiet == 3 {
                // No day comes between the last two cycles, on which somebody expires.
                break;
            }
            self.stage.pass(13 * 60);
        }
        self.stage.serve(&Fault::None);
        let cycle = self.stage.cycle(Trouble::default(), Lie::None);
        self.judge(&cycle)?;
        self.checker.rests(&cycle)?;
        self.checker.is_true(&cycle)
    }
}

/// Who is not there, and gets no new id.
fn gone(new_ids: &NewIds) -> impl Iterator<Item = u32> {
    let gone = new_ids.renumbered.iter().filter(|line| line.gone.is_some());
    gone.filter_map(|line| Directory::number_of(line.from.as_str()))
}

fn kind(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    text.split('(').next().unwrap().to_owned()
}
