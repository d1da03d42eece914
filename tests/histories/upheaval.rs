//! Events that meet the stage as a whole: its machine, its state, its clock.

use std::path::Path;

use crate::events::Event;
use crate::happen::{Done, in_directory, on_server};
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
                // He still acts for the story, but no longer counts as an administrator who helps.
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
            _ => Done::Nothing,
        }
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
