//! The page `docs/first-evening.md` tells what the program says: each command that stands there is
//! run, in the order of the page, between a real OpenLDAP and a simulated Mattermost.
//!
//! To write the page anew: `FIRST_EVENING=write cargo test --test program first_evening`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use servers::people::{self, Password, Person};
use servers::{Slapd, SlapdOptions};
use testkit::place::Place;

use crate::cli::widths::on_terminal;

const WIDTH: usize = 80;

/// Root, as OpenLDAP sees who comes over its socket.
const ROOT: &str = "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth";

/// The day on which the page takes place.
const DAY: &str = "2027-01-11";

/// The office of the page.
struct Office {
    slapd: Slapd,
    place: Place,
    /// What the page shows in place of what is another thing each time.
    shown: Vec<(String, String)>,
}

impl Office {
    fn open() -> Self {
        let options = SlapdOptions {
            access: format!("access to attrs=userPassword by dn.exact=\"{ROOT}\" read by * none"),
            ..SlapdOptions::default()
        };
        let slapd = Slapd::start(options).unwrap();
        let mut office = [
            ("anna", "Anna Meier"),
            ("bruno", "Bruno Rossi"),
            ("carla", "Carla Conti"),
            ("dario", "Dario Galli"),
            ("jmueller", "Jürgen Müller"),
            ("lea", "Lea Weber"),
        ]
        .into_iter()
        .zip(5001..)
        .map(|((uid, cn), number)| Person::new(uid, cn, number))
        .collect::<Vec<_>>();
        if let Some(lea) = office.last_mut() {
            lea.password = Password::Never;
        }
        slapd.add(&people::ldif(&office)).unwrap();
        let mut place = Place::new(crate::BINARY);
        place.accounts = Some(format!(
            "[[provider]]\nname = \"company\"\nurls = [{:?}]\nbind = \"external\"\n\
             schema = \"rfc2307\"\nbase = {:?}\n[accounts]\nlock = [\"userPassword\"]\n",
            slapd.ldapi_url(),
            people::BASE,
        ));
        place.write();
        let config = fs::read_to_string(place.path("config.toml")).unwrap();
        let lines = config.lines().filter(|line| !line.contains("initial-"));
        let config = lines.collect::<Vec<_>>().join("\n");
        fs::write(place.path("config.toml"), config).unwrap();
        place.sim.set_config(&json!({
            "EmailSettings": {"SMTPServer": "mail.example.org", "SMTPPort": "587"},
            "ServiceSettings": {"SiteURL": "https://chat.example.org"},
        }));
        let anna = json!({"username": "anna", "email": "anna@example.org", "nickname": "Annina"});
        place.sim.add_user(&anna).unwrap();
        let dir = place.dir.path().display().to_string();
        let shown = vec![
            (
                format!("{dir}/control.sock"),
                "/run/mattersync/control.sock".to_owned(),
            ),
            (format!("{dir}/state"), "/var/lib/mattersync".to_owned()),
            (dir, "/etc/mattersync".to_owned()),
            (
                format!("ldapi://{}", slapd.socket().display()),
                "ldapi:///var/run/ldapi".to_owned(),
            ),
            (place.sim.url(), "https://chat.example.org".to_owned()),
        ];
        Self {
            slapd,
            place,
            shown,
        }
    }

    /// Lets happen what a remark of the page says.
    fn happens(&self, what: &str) {
        let dn = |uid| format!("uid={uid},ou=People,{}", people::BASE);
        match what {
            "Lea gets her first password." => {
                let value = Password::Set.value();
                let changed = self.slapd.set(&dn("lea"), "userPassword", &[&value]);
                changed.unwrap();
            }
            "Dario is locked in the directory." => {
                let value = Password::Locked.value();
                let changed = self.slapd.set(&dn("dario"), "userPassword", &[&value]);
                changed.unwrap();
            }
            other => panic!("the page lets happen what the test does not know: {other}"),
        }
    }

    /// Runs a command, and returns what the page shows of it.
    fn says(&self, command: &str) -> String {
        let words = split(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ["mattersync", words @ ..] = words.as_slice() else {
            panic!("the page runs something else: {command}");
        };
        let said = on_terminal(&self.place, words, WIDTH, &[("TZ", "UTC")]);
        self.steady(&said)
    }

    /// Replaces what is another thing each time.
    fn steady(&self, said: &str) -> String {
        let mut text = said.to_owned();
        for (ours, shown) in &self.shown {
            text = text.replace(ours, shown);
        }
        for user in self.place.sim.users() {
            text = text.replace(&user.id, &id_of(&user.username));
        }
        for (uid, number) in ["anna", "bruno", "carla", "dario", "jmueller", "lea"]
            .into_iter()
            .zip(1..)
        {
            let found = self.slapd.search(&format!("(uid={uid})"), &["entryUUID"]);
            let found = found.unwrap();
            let uuid = found
                .lines()
                .find_map(|line| line.strip_prefix("entryUUID: "));
            let same = format!("6f1d2c3a-5b7e-4c0d-9a8f-0000000000{number:02}");
            text = text.replace(uuid.unwrap(), &same);
        }
        let lines = text
            .lines()
            .map(|line| steady_line(line).trim_end().to_owned());
        let mut lines: Vec<String> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.join("\n")
    }
}

/// Days, times of the day and durations.
fn steady_line(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let bare = word.trim_matches([',', '.', ':', ';', '(', ')']);
        let shape: String = bare
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        match shape.as_str() {
            "9999-99-99" if bare > "2026" => word.replace(bare, DAY),
            "99:99:99" => word.replace(bare, "20:15:00"),
            _ => word.to_owned(),
        }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    match line
        .strip_suffix(" s.")
        .and_then(|rest| rest.rsplit_once(' '))
    {
        Some((rest, number)) if number.parse::<f64>().is_ok() => format!("{rest} 0.4 s."),
        _ => line,
    }
}

/// An id as Mattermost makes them, the same for the same name each time.
fn id_of(name: &str) -> String {
    let letters = b"ybndrfg8ejkmcpqxot1uwisza345h769";
    let mut seed = name.bytes().fold(7_u64, |seed, byte| {
        seed.wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(u64::from(byte) | 1)
    });
    let mut id = String::new();
    for _ in 0..26 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(seed >> 59).unwrap();
        id.push(char::from(letters[at]));
    }
    id
}

/// The words of a command; single quotes keep several together.
fn split(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

/// The page with what the program says now.
fn made_anew(page: &str) -> String {
    let office = Office::open();
    let mut made = String::new();
    let mut output = false;
    for line in page.lines() {
        let remark = line
            .strip_prefix("<!-- ")
            .and_then(|l| l.strip_suffix(" -->"));
        if let Some(what) = remark.and_then(|remark| remark.strip_prefix("here: ")) {
            office.happens(what);
        }
        if line == "```" && output {
            output = false;
        }
        if output {
            continue;
        }
        made.push_str(line);
        made.push('\n');
        if let Some(command) = line.strip_prefix("# mattersync ") {
            made.push_str(&office.says(&format!("mattersync {command}")));
            made.push('\n');
            output = true;
        }
    }
    made
}

#[test]
fn the_page_tells_what_the_program_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/first-evening.md");
    let page = fs::read_to_string(&path).unwrap();
    let made = made_anew(&page);
    if std::env::var_os("FIRST_EVENING").is_some() {
        fs::write(&path, &made).unwrap();
    }
    for (number, (told, now)) in (1..).zip(page.lines().zip(made.lines())) {
        assert_eq!(told, now, "docs/first-evening.md:{number}");
    }
    assert_eq!(page, made);
    assert!(page.matches("\n# mattersync ").count() > 10);
}
