//! Many people with users, and a guard as it comes.

use std::time::Duration;

use mattersync::model::{HoldKey, Plan};

use crate::world::MiniWorld;

/// People `00` to `NN`, all with users, the guard as it comes.
pub fn company(people: usize) -> MiniWorld {
    let mut world = MiniWorld::new();
    for n in 0..people {
        world.join(&format!("{n:02}"), &format!("user{n:02}"));
    }
    world.policy.guard.clear();
    world.policy.grace = Duration::ZERO;
    world.cycle();
    world.cycle();
    assert_eq!(world.memory.links().count(), people);
    world
}

pub fn people(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|n| format!("{n:02}"))
}

pub fn holds(plan: &Plan) -> Vec<HoldKey> {
    plan.holds.iter().map(|h| h.key.clone()).collect()
}
