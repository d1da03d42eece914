//! A history from its beginning to its end.

use std::collections::BTreeMap;

use crate::events::{Event, Fault, History};
use crate::happen::Done;
use crate::ports::Trouble;
use crate::stage::{Lab, Stage};

#[derive(Default)]
pub struct Lived {
    pub counts: BTreeMap<String, u64>,
}

pub fn live(lab: &Lab, history: &History) -> Lived {
    let mut lived = Lived::default();
    let mut stage = Stage::new(lab, &history.setting, history.seed);
    let mut count = |what: &str| *lived.counts.entry(what.to_owned()).or_default() += 1;
    for round in &history.rounds {
        for event in &round.events {
            let done = stage.happen(event);
            if done != Done::Nothing {
                count(&kind(event));
            }
        }
        stage.serve(&round.fault);
        let cycle = stage.cycle(round.trouble.clone());
        count("cycle");
        if cycle.error.is_some() {
            count("cycle failed");
        }
        for struck in cycle.struck {
            count(struck);
        }
        if round.fault != Fault::None {
            count(&kind(&round.fault));
        }
        stage.pass(round.minutes);
    }
    stage.serve(&Fault::None);
    stage.cycle(Trouble::default());
    let _ = Event::Reboot;
    lived
}

fn kind(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    text.split('(').next().unwrap().to_owned()
}
