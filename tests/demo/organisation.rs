//! A fictitious organisation as an LDIF file.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The people and where their file is.
pub struct Organisation {
    path: PathBuf,
    people: Vec<Person>,
}

struct Person {
    id: String,
    uid: String,
    first: String,
    last: String,
    locked: bool,
}

impl Organisation {
    /// Nine people, one of whom has left already.
    pub fn new(path: PathBuf) -> Self {
        let mut organisation = Self {
            path,
            people: Vec::new(),
        };
        for (uid, first, last) in [
            ("mickey", "Mickey", "Mouse"),
            ("minnie", "Minnie", "Mouse"),
            ("donald", "Donald", "Duck"),
            ("daisy", "Daisy", "Duck"),
            ("goofy", "Goofy", "Goof"),
            ("horace", "Horace", "Horsecollar"),
            ("gyro", "Gyro", "Gearloose"),
            ("scrooge", "Scrooge", "McDuck"),
            ("magica", "Magica", "De Spell"),
        ] {
            organisation.join(uid, first, last);
        }
        organisation.lock("magica");
        organisation
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Somebody new.
    pub fn join(&mut self, uid: &str, first: &str, last: &str) {
        self.people.push(Person {
            id: uuid(uid),
            uid: uid.to_owned(),
            first: first.to_owned(),
            last: last.to_owned(),
            locked: false,
        });
    }

    /// Locks an account as OpenLDAP's password policy does.
    pub fn lock(&mut self, uid: &str) {
        for person in self.people.iter_mut().filter(|p| p.uid == uid) {
            person.locked = true;
        }
    }

    /// Another username; the person stays the same, and so does the `entryUUID`.
    pub fn rename(&mut self, uid: &str, to: &str) {
        for person in self.people.iter_mut().filter(|p| p.uid == uid) {
            to.clone_into(&mut person.uid);
        }
    }

    /// Writes the whole file beside its place and moves it there, as a good export does.
    pub fn write(&self) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, self.ldif())?;
        std::fs::rename(beside, &self.path)
    }

    /// Leaves only the first third of the file, as an interrupted copy does.
    pub fn cut(&self) -> io::Result<()> {
        let whole = self.ldif();
        let third: String = whole.chars().take(whole.len() / 3).collect();
        std::fs::write(&self.path, third)
    }

    fn ldif(&self) -> String {
        let mut text = String::from("version: 1\n\n");
        for person in &self.people {
            let Person {
                id,
                uid,
                first,
                last,
                locked,
            } = person;
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "dn: uid={uid},ou=People,dc=example,dc=org\nobjectClass: inetOrgPerson\n\
                 objectClass: posixAccount\nentryUUID: {id}\nuid: {uid}\ncn: {first} {last}\n\
                 givenName: {first}\nsn: {last}\nmail: {uid}@example.org\n"
            );
            if *locked {
                text.push_str("pwdAccountLockedTime: 000001010000Z\n");
            }
            text.push('\n');
        }
        text
    }
}

/// A made-up `entryUUID`, the same for a name in every run.
fn uuid(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
