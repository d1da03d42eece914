//! People and groups as NethServer 7 keeps them in its local OpenLDAP.

use crate::ldif::line;

/// The base of NethServer's local directory.
pub const BASE: &str = "dc=directory,dc=nh";

/// A crypt hash as stored for a person with a password (of no use to anybody: nobody knows it).
const HASH: &str = "$6$rounds=5000$saltsaltsalt$Tn1Gk0nQkxq2bUWqv0JmH5c9nXW5LrK8m1p3s7d9f2a4";

/// What `userPassword` says about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    /// A hash: active.
    Set,
    /// `{CRYPT}!` and a hash: locked by an administrator.
    Locked,
    /// `{CRYPT}!!`: no password was ever set.
    Never,
}

impl Password {
    /// The value of `userPassword`.
    #[must_use]
    pub fn value(self) -> String {
        match self {
            Self::Set => format!("{{CRYPT}}{HASH}"),
            Self::Locked => format!("{{CRYPT}}!{HASH}"),
            Self::Never => "{CRYPT}!!".to_owned(),
        }
    }
}

/// One person: posixAccount, shadowAccount and inetOrgPerson.
#[derive(Debug, Clone)]
pub struct Person {
    /// `uid`, and the RDN.
    pub uid: String,
    /// The full name.
    pub cn: String,
    /// `mail`; NethServer sets it to `uid@domain`.
    pub mail: Option<String>,
    /// `uidNumber`.
    pub uid_number: u32,
    /// The organisational unit, as `People`.
    pub unit: String,
    /// `userPassword`.
    pub password: Password,
    /// More attributes, in the order given.
    pub more: Vec<(String, String)>,
}

impl Person {
    /// A person with a password, in `ou=People`.
    #[must_use]
    pub fn new(uid: &str, cn: &str, uid_number: u32) -> Self {
        Self {
            uid: uid.to_owned(),
            cn: cn.to_owned(),
            mail: Some(format!("{uid}@example.org")),
            uid_number,
            unit: "People".to_owned(),
            password: Password::Set,
            more: Vec::new(),
        }
    }

    /// The DN below [`BASE`].
    #[must_use]
    pub fn dn(&self) -> String {
        format!("uid={},ou={},{BASE}", self.uid, self.unit)
    }

    /// The entry, with the empty line after it.
    #[must_use]
    pub fn ldif(&self) -> String {
        let mut text = line("dn", self.dn().as_bytes());
        for class in ["top", "inetOrgPerson", "posixAccount", "shadowAccount"] {
            text += &line("objectClass", class.as_bytes());
        }
        let gecos: String = self.cn.chars().filter(char::is_ascii).collect();
        text += &line("uid", self.uid.as_bytes());
        text += &line("cn", self.cn.as_bytes());
        // NethServer writes the user name there, not the surname.
        text += &line("sn", self.uid.as_bytes());
        text += &line("gecos", gecos.as_bytes());
        if let Some(mail) = &self.mail {
            text += &line("mail", mail.as_bytes());
        }
        text += &line("uidNumber", self.uid_number.to_string().as_bytes());
        text += &line("gidNumber", b"1000");
        let home = format!("/var/lib/nethserver/home/{}", self.uid);
        text += &line("homeDirectory", home.as_bytes());
        text += &line("loginShell", b"/usr/libexec/openssh/sftp-server");
        text += &line("userPassword", self.password.value().as_bytes());
        for (name, value) in &self.more {
            text += &line(name, value.as_bytes());
        }
        text + "\n"
    }
}

/// `n` people, always the same ones: `p0000` upward, in `ou=People`. Of every twenty the seventh is
/// locked and the thirteenth never had a password; every fifth has letters beyond ASCII in the name.
#[must_use]
pub fn people(n: u32) -> Vec<Person> {
    const FIRST: [&str; 5] = ["Alice", "Bruno", "Chiara", "David", "Zoë"];
    const LAST: [&str; 7] = [
        "Jordan",
        "Müller",
        "Rossi",
        "Novák",
        "O'Brien",
        "Smith",
        "Østergård",
    ];
    (0..n)
        .map(|i| {
            let at = i as usize;
            let cn = format!("{} {} {i}", FIRST[at % 5], LAST[at % 7]);
            let mut person = Person::new(&format!("p{i:04}"), &cn, 5_000 + i);
            person.password = match i % 20 {
                7 => Password::Locked,
                13 => Password::Never,
                _ => Password::Set,
            };
            person
        })
        .collect()
}

/// The LDIF of people.
#[must_use]
pub fn ldif(people: &[Person]) -> String {
    people.iter().map(Person::ldif).collect()
}

/// The LDIF of a `posixGroup` in `ou=Groups` with `memberUid` values, with the empty line after it.
#[must_use]
pub fn posix_group(cn: &str, gid_number: u32, members: &[&str]) -> String {
    let mut text = line("dn", format!("cn={cn},ou=Groups,{BASE}").as_bytes());
    text += "objectClass: top\nobjectClass: posixGroup\n";
    text += &line("cn", cn.as_bytes());
    text += &line("gidNumber", gid_number.to_string().as_bytes());
    for member in members {
        text += &line("memberUid", member.as_bytes());
    }
    text + "\n"
}

/// The LDIF of a `groupOfNames` in `ou=Groups`, with the empty line after it. `members` are DNs, at
/// least one.
#[must_use]
pub fn group_of_names(cn: &str, members: &[String]) -> String {
    let mut text = line("dn", format!("cn={cn},ou=Groups,{BASE}").as_bytes());
    text += "objectClass: top\nobjectClass: groupOfNames\n";
    text += &line("cn", cn.as_bytes());
    for member in members {
        text += &line("member", member.as_bytes());
    }
    text + "\n"
}
