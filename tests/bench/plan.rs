//! How long `plan()` takes for many accounts: a cycle in which nothing changed, and a first fill.
//! The aim is 0.3 s for 100,000 accounts, growing linearly.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mattersync::model::{Directories, Places, Plan, Roster, ServerFacts, User, UserId};
use mattersync::plan::{World, plan};

use testkit::world::MiniWorld;

/// Everything that was read, so that only the plan itself is measured.
struct Read {
    world: MiniWorld,
    directories: Directories,
    users: Roster<UserId, User>,
    places: Places,
    server: ServerFacts,
}

impl Read {
    fn of(world: MiniWorld) -> Self {
        Self {
            directories: world.directories(),
            users: world.server.roster(),
            places: world.server.places(),
            server: world.server.facts(),
            world,
        }
    }

    fn plan(&self) -> Plan {
        let world = World {
            directories: &self.directories,
            users: &self.users,
            places: &self.places,
            server: &self.server,
            memory: &self.world.memory,
            counted: None,
        };
        plan(&world, &self.world.policy, &self.world.now)
    }
}

fn accounts(number: usize) -> MiniWorld {
    let mut world = MiniWorld::new();
    world.server.checks = false; // what is measured is not the server of the test
    for n in 0..number {
        let spread = n.wrapping_mul(7_919) % number;
        world.join(
            &format!("{n:08x}-aaaa-4bbb-8ccc"),
            &format!("name{spread}.surname"),
        );
    }
    world
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    for number in [10_000, 100_000] {
        let fill = accounts(number);
        let mut same = fill.clone();
        same.cycle();
        same.cycle();
        let (fill, same) = (Read::of(fill), Read::of(same));
        assert_eq!(same.plan().steps, []);
        assert_eq!(fill.plan().steps.len(), 2 * number + 1);
        group.throughput(Throughput::Elements(number as u64));
        for (name, read) in [("nothing to change", &same), ("first fill", &fill)] {
            group.bench_function(BenchmarkId::new(name, number), |bencher| {
                // Dropping a plan of many steps is not part of making it.
                bencher.iter_with_large_drop(|| read.plan());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
