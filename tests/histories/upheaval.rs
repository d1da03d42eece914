//! Events that meet the stage as a whole: its machine, its state, its clock.

use std::path::Path;

use crate::events::{Event, OUR_BOT};
use crate::happen::{Done, in_directory, on_server};
use crate::ports::Refused;
use crate::stage::Stage;

/// What a state is made of.
const FILES: [&str; 2] = ["state.sqlite", "state.sqlite-wal"];
/// What tells an older state from the last one.
const MARK: &str = "last-run";

impl Stage<'_> {
    /// Lets an event happen that needs nobody's judgement.
    pub fn happen(&mut self, event: &Event) -> Done {
        if let Some(done) = in_directory(&mut self.directory, event) {
            return done;
        }
        let users = || self.linked(&self.snapshot());
        if let Some(done) = on_server(&self.sim, &self.chief, &self.directory, &users, event) {
            return done;
        }
        match event {
            Event::ChiefLeaves => {
                let chief = self.sim.user_named("chief").unwrap();
                if !chief.is_admin() {
                    return Done::Nothing;
                }
                // They still act for the story, but no longer count as an administrator who helps.
                assert!(
                    self.sim
                        .edit_user(&chief.id, |u| u.roles = "system_user".into())
                );
                self.chief
                    .token
                    .clone_from(&self.sim.seed_admin("root.admin"));
                Done::Changed(chief.id)
            }
            Event::WallJump(hours) => {
                self.clock.jump(*hours);
                Done::Happened
            }
            Event::Reboot => {
                self.clock.reboot();
                self.start();
                Done::Happened
            }
            Event::Restart => {
                self.start();
                Done::Happened
            }
            Event::OtherIdAttribute => {
                self.directory.other_ids = !self.directory.other_ids;
                self.start();
                Done::Happened
            }
            Event::KeepCopy => {
                let read = |name: &&'static str| {
                    Some((*name, std::fs::read(self.folder.path().join(name)).ok()?))
                };
                self.copy = Some(FILES.iter().filter_map(read).collect());
                Done::Happened
            }
            Event::RestoreCopy(marked) => {
                let Some(copy) = self.copy.clone() else {
                    return Done::Nothing;
                };
                self.without_state(*marked);
                for (name, bytes) in copy {
                    let path = self.folder.path().join(name);
                    std::fs::write(&path, bytes).unwrap();
                    private(&path);
                }
                self.start();
                Done::Happened
            }
            Event::LoseState(marked) => {
                self.without_state(*marked);
                self.start();
                Done::Happened
            }
            Event::RefusedForEver(from, many, what) => {
                let linked = self.snapshot().linked;
                let people = (*from..from + many).map(|number| {
                    let refused = Refused {
                        what: *what,
                        name: format!("\"Given{number}v"),
                        user: linked.get(&number).cloned(),
                    };
                    (number, refused)
                });
                self.hub.refuse_for_ever(people);
                Done::Happened
            }
            _ => Done::Nothing,
        }
    }

    /// Whether the account that mattersync works with is in use.
    pub fn is_bot_alive(&self) -> bool {
        let bot = self.sim.user_named(OUR_BOT);
        bot.is_none_or(|bot| bot.is_active())
    }

    pub fn revive_bot(&self) {
        let bot = self.sim.user_named(OUR_BOT).unwrap();
        self.sim.set_active(&bot.id, true);
    }

    fn without_state(&mut self, marked: bool) {
        self.engine = None;
        self.disk = None;
        for found in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = found.unwrap().path();
            if !(marked && path.ends_with(MARK)) {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
