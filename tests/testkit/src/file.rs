//! A directory in an LDIF file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mattersync::clock::Clock;
use mattersync::config::Settings;
use mattersync::cycle::Engine;

use crate::stage::Stage;

const BASE: &str = "dc=example,dc=org";

/// Nobody waits for the end of a grace period.
pub const NO_GRACE: &str = "[policy]\ngrace = \"0s\"\n";

/// People `user000`, `user001` and so on, and what they were renamed to.
pub struct File {
    path: PathBuf,
    people: BTreeMap<u32, Person>,
    folder: tempfile::TempDir,
}

#[derive(Clone)]
pub struct Person {
    pub uid: String,
    pub mail: String,
    pub sn: String,
    pub locked: bool,
}

impl Person {
    fn new(n: u32) -> Self {
        Self {
            uid: format!("user{n:03}"),
            mail: format!("user{n:03}@example.org"),
            sn: format!("Sur{n}"),
            locked: false,
        }
    }
}

impl File {
    pub fn new(number: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = Self {
            path: folder.path().join("people.ldif"),
            people: (0..number).map(|n| (n, Person::new(n))).collect(),
            folder,
        };
        file.write();
        file
    }

    fn write(&self) {
        let mut text = format!(
            "version: 1\n\n\
             dn: {BASE}\nobjectClass: domain\ndc: example\n\
             entryUUID: 00000000-0000-4000-8000-00000000ffff\n\n\
             dn: ou=People,{BASE}\nobjectClass: organizationalUnit\nou: People\n\
             entryUUID: 00000000-0000-4000-8000-00000000fffe\n\n"
        );
        for (n, person) in &self.people {
            let Person {
                uid,
                mail,
                sn,
                locked,
            } = person;
            let locked = if *locked { "TRUE" } else { "FALSE" };
            write!(
                text,
                "dn: cn=Person {n},ou=People,{BASE}\nobjectClass: posixAccount\n\
                 objectClass: inetOrgPerson\nuid: {uid}\ncn: Person {n}\nsn: {sn}\n\
                 givenName: Given\nmail: {mail}\n\
                 entryUUID: 10000000-0000-4000-8000-{n:012x}\nnsAccountLock: {locked}\n\n"
            )
            .unwrap();
        }
        std::fs::write(&self.path, text).unwrap();
    }

    fn provider(&self) -> String {
        format!(
            "kind = \"ldif\"\npath = {:?}\nschema = \"rfc2307\"\nbase = {BASE:?}\n\
             [accounts]\nlock = [\"nsAccountLock\"]\n",
            self.path.display().to_string()
        )
    }

    /// An engine that works with a token.
    pub fn engine(&self, stage: &Stage, rest: &str) -> Engine {
        stage.engine(&self.provider(), rest)
    }

    /// An engine that works over the local socket.
    pub fn socket_engine(&self, stage: &Stage) -> Engine {
        let text = format!(
            "[[provider]]\n{}[mattermost]\nsocket = {:?}\n[state]\ndirectory = {:?}\n",
            self.provider(),
            stage.sim.socket().display().to_string(),
            self.folder.path().display().to_string()
        );
        let (settings, _) = Settings::parse(&text, Path::new("cycle.toml"))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let store = Arc::clone(&stage.store);
        let clock: Arc<dyn Clock> = Arc::<crate::stage::HandClock>::clone(&stage.clock);
        Engine::new(settings, store, clock).unwrap()
    }

    pub fn remove(&mut self, who: Range<u32>) {
        for n in who {
            self.people.remove(&n);
        }
        self.write();
    }

    pub fn add(&mut self, who: Range<u32>) {
        for n in who {
            self.people.insert(n, Person::new(n));
        }
        self.write();
    }

    pub fn lock(&mut self, who: Range<u32>) {
        for n in who {
            self.edit(n, |person| person.locked = true);
        }
    }

    pub fn edit(&mut self, n: u32, change: impl FnOnce(&mut Person)) {
        change(self.people.get_mut(&n).unwrap());
        self.write();
    }
}
