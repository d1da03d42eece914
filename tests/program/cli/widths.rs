//! Everything that the commands say is readable on a narrow terminal: no word and no command is
//! broken, names come before ids, and the next command stands on a line of its own.

use std::collections::BTreeSet;
use std::process::Command;

use mattermost_sim::{Effect, Fault};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::served::Service;
use testkit::place::{self, Place, quiet, run};

const WIDTHS: [usize; 3] = [40, 80, 200];

/// The commands of the program.
const OWN: [&str; 16] = [
    "check",
    "plan",
    "sync",
    "approve",
    "link",
    "unlink",
    "orphans",
    "undo",
    "history",
    "forget",
    "state",
    "status",
    "explain",
    "deactivate",
    "conflicts",
    "run",
];

/// Forty people with long names, in a container with a long DN.
fn company() -> Place {
    const FIRST: [&str; 8] = [
        "Maximiliane Wilhelmine",
        "Karl-Theodor Maria",
        "Bartholomäus",
        "Annegret",
        "Friederike Charlotte",
        "Jürgen",
        "Ulrike-Theresia",
        "Konstantin Alexander",
    ];
    const LAST: [&str; 5] = [
        "von Hohenlohe-Waldenburg",
        "Müller-Lüdenscheidt",
        "Schmidt",
        "Leutheusser-Schnarrenberger",
        "Zimmermann-Kowalczyk",
    ];
    let mut place = Place::new(crate::BINARY);
    place.branch = "ou=Mitarbeiterinnen und Mitarbeiter,ou=Niederlassung \
                    Sued,o=Gemeinnuetzige Beispielgesellschaft"
        .into();
    place.more = "[schedule]\ninterval = \"1h\"\n[policy]\ngrace = \"0s\"\n".into();
    for number in 0..40 {
        let (first, last) = (FIRST[number % 8], LAST[number / 8]);
        place.add(&format!("mitarbeiter.nummer.{number:02}"), first, last);
    }
    place
}

/// Runs a command on a terminal of this width, and returns what it shows there.
pub fn on_terminal(
    place: &Place,
    words: &[&str],
    width: usize,
    environment: &[(&str, &str)],
) -> String {
    let mut command = place.command(words);
    command.envs(environment.iter().copied());
    shown(&command, width, environment)
}

fn shown(command: &Command, width: usize, environment: &[(&str, &str)]) -> String {
    let mut script = place::on_terminal(command, &format!("stty rows 50 cols {width}; "));
    for name in ["NO_COLOR", "CREDENTIALS_DIRECTORY"] {
        script.env_remove(name);
    }
    script.env("TERM", "dumb").envs(environment.iter().copied());
    let output = script.output();
    let output = output.expect("script(1) is needed");
    String::from_utf8(output.stdout).unwrap().replace('\r', "")
}

/// What stands in backquotes in a line, and the command that the line is.
fn commands(line: &str) -> Vec<&str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let begun = line.trim_start();
    let mut words = begun.split(' ');
    let is_command = match (words.next(), words.next()) {
        (Some("mattersync"), Some(word)) => OWN.contains(&word),
        (Some("mmctl" | "systemctl" | "journalctl"), Some(_)) => true,
        _ => false,
    };
    quoted.chain(is_command.then_some(begun)).collect()
}

/// Whether a word of the line begins a command that is neither in backquotes nor the whole line.
fn hides_a_command(line: &str) -> bool {
    let outside: String = line.split('`').step_by(2).collect();
    let mut words = outside.trim_start().split(' ').enumerate();
    let mut before = (0, "");
    words.any(|(number, word)| {
        let (at, program) = std::mem::replace(&mut before, (number, word));
        let word = word.trim_end_matches([',', '.', ':', ';', ')']);
        let begins = match program.trim_start_matches('(') {
            "mattersync" => OWN.contains(&word),
            "mmctl" | "systemctl" | "journalctl" | "ldapsearch" | "openssl" => true,
            "chmod" | "chown" | "sed" | "install" => word.starts_with('-') || word.contains("go-"),
            _ => false,
        };
        begins && (at > 0 || program.starts_with('('))
    })
}

fn is_id(word: &str) -> bool {
    let word = word.trim_matches([',', ':', '(', ')', ';']);
    let is_uuid = word.len() == 36 && word.bytes().filter(|b| *b == b'-').count() == 4;
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_user = word.len() == 26 && word.bytes().all(lower) && word.contains(char::is_numeric);
    is_uuid || is_user || is_dn(word)
}

fn is_dn(word: &str) -> bool {
    word.contains("uid=mitarbeiter")
}

/// What a person would find wrong with a text, whatever its width.
fn faults_of_text(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for line in text.lines() {
        let begun = line.trim_start();
        let indent = line.len() - begun.len();
        if hides_a_command(line) {
            faults.push(format!("a command amid a line: {line:?}"));
        }
        if indent < 4 && begun.split(' ').next().is_some_and(is_id) {
            faults.push(format!("an id before a name: {line:?}"));
        }
    }
    faults
}

/// What a person would find wrong with a screen of this width.
fn faults_of_screen(screen: &str, width: usize) -> Vec<String> {
    let mut faults = Vec::new();
    for line in screen.lines() {
        let begun = line.trim_start();
        let is_one_word = !begun.contains(' ') && begun.width() > width;
        let is_command = commands(line).iter().any(|command| {
            let alone = begun.trim_matches(['`', ',', '.', ':', ';', '(', ')']);
            alone == *command
        });
        if line.width() > width && !is_one_word && !is_command {
            faults.push(format!("a line of {}: {line:?}", line.width()));
        }
        if line.matches('`').count() % 2 == 1 {
            faults.push(format!("a broken command: {line:?}"));
        }
    }
    faults
}

/// What was broken of the whole text.
fn faults_of_breaking(whole: &str, screen: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let known: BTreeSet<&str> = whole.split_whitespace().collect();
    let mut labels = BTreeSet::new();
    // A second may pass between both.
    labels.extend(["second", "seconds"].map(str::to_owned));
    for word in &known {
        labels.insert(word.to_lowercase());
        labels.insert(format!("{}:", word.to_lowercase()));
    }
    // How old something is differs between two looks.
    let ages = ["second", "seconds"];
    for word in screen.split_whitespace() {
        if !known.contains(word)
            && !ages.contains(&word)
            && !labels.contains(word)
            && !word
                .bytes()
                .all(|b| b.is_ascii_digit() || b".:-(),;".contains(&b))
        {
            faults.push(format!("a word that is none: {word:?}"));
        }
    }
    for command in whole.lines().flat_map(commands) {
        if !screen.contains(command) {
            faults.push(format!("a command that is not whole: {command:?}"));
        }
    }
    faults
}

/// Shows a command at every width, if it changes nothing, and finds what a person would.
fn look(place: &Place, words: &[&str], faults: &mut Vec<String>) {
    let said = place.run(words);
    let whole = format!("{}{}", said.out, said.err);
    let mut found = faults_of_text(&whole);
    let lists = ["plan", "approve", "orphans", "status", "conflicts"].contains(&words[0]);
    // Entries that are in each other's way may differ in nothing else.
    let names_entries = words[0] == "conflicts" || words.contains(&"--all");
    if lists && !names_entries && whole.split_whitespace().any(is_dn) {
        found.push("a DN".into());
    }
    let stands = |line: &str| commands(line).iter().any(|c| *c == line.trim_start());
    if lists && said.code < 60 && !whole.lines().any(stands) {
        found.push("no next command".into());
    }
    for width in WIDTHS {
        let screen = on_terminal(place, words, width, &[]);
        if std::env::var_os("SHOW").is_some() {
            println!("===== {words:?} at {width}\n{screen}");
        }
        let more = faults_of_screen(&screen, width);
        found.extend(more.into_iter().map(|fault| format!("at {width}, {fault}")));
        found.extend(faults_of_breaking(&whole, &screen));
    }
    faults.extend(found.into_iter().map(|fault| format!("{words:?}: {fault}")));
}

/// Does something on a terminal of this width.
fn act(place: &Place, words: &[&str], width: usize, faults: &mut Vec<String>) -> String {
    let screen = on_terminal(place, words, width, &[]);
    if std::env::var_os("SHOW").is_some() {
        println!("===== {words:?} at {width}\n{screen}");
    }
    let found = faults_of_screen(&screen, width);
    faults.extend(
        found
            .into_iter()
            .map(|fault| format!("{words:?} at {width}: {fault}")),
    );
    screen
}

#[track_caller]
fn none(faults: Vec<String>) {
    let unique: BTreeSet<String> = faults.into_iter().collect();
    let list: Vec<String> = unique.into_iter().collect();
    assert!(
        list.is_empty(),
        "{} faults:\n{}",
        list.len(),
        list.join("\n")
    );
}

#[test]
fn a_month_is_readable_at_every_width() {
    let mut place = company();
    let mut faults = Vec::new();
    let faults = &mut faults;
    let user = |username: &str, email: &str, name: &str| {
        let fields = json!({"username": username, "email": email, "first_name": name});
        place.sim.add_user(&fields).unwrap()
    };
    // Somebody to adopt, a conflict, and people whom the directory does not know.
    user(
        "mitarbeiter.nummer.00",
        "mitarbeiter.nummer.00@example.org",
        "Maximiliane",
    );
    user(
        "mitarbeiter.nummer.01",
        "jemand.ganz.anderes@example.net",
        "Somebody else",
    );
    for number in 0..4 {
        let name = format!("ehrenamtliche.hilfe.{number}");
        let address = format!("{name}@freunde-und-foerderer.example.com");
        user(&name, &address, "Wilhelmine Friederike Auguste");
    }
    look(&place, &["check"], faults);
    look(&place, &["plan"], faults);
    look(&place, &["approve"], faults);
    look(&place, &["conflicts"], faults);
    look(&place, &["orphans"], faults);
    look(&place, &["explain", "mitarbeiter.nummer.00"], faults);
    look(&place, &["explain", "mitarbeiter.nummer.01"], faults);
    look(&place, &["explain", "nobody.at.all"], faults);
    look(&place, &["status"], faults);
    act(&place, &["approve", "adopt"], 40, faults);
    act(&place, &["sync"], 80, faults);
    look(&place, &["status"], faults);
    look(&place, &["history"], faults);
    look(&place, &["history", "1"], faults);

    // Leavers, whoever is locked, renamed, with another address.
    for number in 2..8 {
        place.edit(&format!("mitarbeiter.nummer.{number:02}"), |p| {
            p.gone = true
        });
    }
    for number in 8..16 {
        place.edit(&format!("mitarbeiter.nummer.{number:02}"), |p| {
            p.expires = 1
        });
    }
    for number in 16..20 {
        place.edit(&format!("mitarbeiter.nummer.{number:02}"), |p| {
            p.mail = Some(format!(
                "neue.adresse.{number}@beispielgesellschaft.example.org"
            ));
        });
    }
    for number in 20..24 {
        place.edit(&format!("mitarbeiter.nummer.{number:02}"), |p| {
            p.uid = format!("angestellte.nummer.{number}");
        });
    }
    for number in 24..28 {
        place.edit(&format!("mitarbeiter.nummer.{number:02}"), |p| {
            p.name.1 = "Freifrau von und zu Guttenberg-Stauffenberg".into();
        });
    }
    look(&place, &["plan"], faults);
    look(&place, &["plan", "--all"], faults);
    look(&place, &["approve"], faults);
    look(&place, &["conflicts"], faults);
    look(&place, &["explain", "mitarbeiter.nummer.02"], faults);
    look(&place, &["explain", "mitarbeiter.nummer.08"], faults);
    look(
        &place,
        &["explain", "angestellte.nummer.20", "--all"],
        faults,
    );
    act(
        &place,
        &["plan", "--out", "/tmp/does/not/exist"],
        40,
        faults,
    );
    act(&place, &["sync"], 40, faults);
    look(&place, &["status"], faults);
    look(&place, &["check"], faults);
    act(&place, &["approve", "missing"], 40, faults);
    act(&place, &["approve", "locked"], 80, faults);
    act(&place, &["approve", "rename"], 40, faults);
    act(&place, &["approve", "nothing.of.this.name"], 40, faults);
    act(&place, &["sync"], 40, faults);
    look(&place, &["history"], faults);
    look(&place, &["history", "3"], faults);
    look(&place, &["undo", "3"], faults);
    look(&place, &["undo", "99"], faults);
    look(&place, &["orphans", "--all"], faults);
    act(
        &place,
        &["undo", "3", "--person", "mitarbeiter.nummer.02", "--yes"],
        40,
        faults,
    );
    act(
        &place,
        &["undo", "--redo", "mitarbeiter.nummer.02"],
        40,
        faults,
    );
    look(&place, &["forget", "mitarbeiter.nummer.03"], faults);
    look(&place, &["forget", "mitarbeiter.nummer.30"], faults);
    act(
        &place,
        &["forget", "mitarbeiter.nummer.03", "--yes"],
        40,
        faults,
    );
    act(
        &place,
        &["deactivate", "mitarbeiter.nummer.30", "--yes"],
        40,
        faults,
    );
    look(&place, &["deactivate", "ehrenamtliche.hilfe.0"], faults);
    look(
        &place,
        &["link", "mitarbeiter.nummer.01", "ehrenamtliche.hilfe.1"],
        faults,
    );
    look(&place, &["unlink", "mitarbeiter.nummer.31"], faults);
    act(
        &place,
        &["unlink", "mitarbeiter.nummer.31", "--yes"],
        40,
        faults,
    );
    act(
        &place,
        &["orphans", "--keep", "ehrenamtliche.hilfe.2"],
        40,
        faults,
    );
    look(&place, &["state", "check"], faults);
    look(&place, &["state", "restore"], faults);
    look(&place, &["explain", "mitarbeiter.nummer.30"], faults);
    look(&place, &["explain", "mitarbeiter.nummer.31"], faults);
    none(std::mem::take(faults));
}

/// What is typed once, at night, and has to be copied: where a secret or the configuration is not
/// as it should be.
#[test]
fn what_repairs_the_configuration_can_be_copied_whole() {
    let place = company();
    let mut faults = Vec::new();
    let token = place.path("token");
    let written = std::fs::read_to_string(&token).unwrap();
    let write_token = format!(
        "`install -m 640 -g mattersync /dev/stdin '{}'`",
        token.display()
    );
    for broken in ["none", "empty", "two lines", "windows", "writable"] {
        let content = match broken {
            "none" => None,
            "empty" => Some(String::new()),
            "two lines" => Some("a\nb\n".to_owned()),
            "windows" => Some(format!("{}\r\n", written.trim_end())),
            _ => Some(written.clone()),
        };
        let _ = std::fs::remove_file(&token);
        if let Some(content) = content {
            place.secret("token", &content);
        }
        let is_writable = broken == "writable";
        if is_writable {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
            std::fs::set_permissions(&token, mode).unwrap();
        }
        for words in [&["check"][..], &["plan"], &["sync"], &["status"]] {
            let said = place.run(words);
            let whole = format!("{}{}", said.out, said.err);
            let is_install = !is_writable && broken != "windows";
            if is_install && words[0] != "status" {
                assert!(whole.contains(&write_token), "{broken}: {whole}");
            }
            look(&place, words, &mut faults);
        }
    }
    place.secret("token", &written);
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    let without = config.lines().filter(|line| !line.starts_with("base"));
    let without = without.collect::<Vec<_>>().join("\n");
    std::fs::write(place.path("config.toml"), without).unwrap();
    for words in [&["check"][..], &["plan"], &["status"]] {
        let search = "`ldapsearch -x -H URL -s base -b '' namingContexts`";
        place.run(words).exits(78).says(search);
        look(&place, words, &mut faults);
    }
    none(faults);
}

#[test]
fn the_answers_of_the_service_are_readable_too() {
    let place = company();
    let mut faults = Vec::new();
    place.stranger("mitarbeiter.nummer.00", "mitarbeiter.nummer.00");
    place.stranger("ehrenamtliche.hilfe", "ehrenamtliche.hilfe");
    let service = Service::start(&place);
    for words in [
        &["status"][..],
        &["plan"],
        &["approve"],
        &["check"],
        &["explain", "nobody"],
    ] {
        look(&place, words, &mut faults);
    }
    act(&place, &["approve", "adopt"], 40, &mut faults);
    act(&place, &["sync"], 40, &mut faults);
    // A configuration that is not in force, and one that cannot be used.
    let config = place.path("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    for more in ["[[team]]\ndisplay-name = \"Andere\"", "[scheduel]"] {
        std::fs::write(&config, format!("{good}\n{more}\n")).unwrap();
        for words in [&["status"][..], &["plan"], &["check"], &["orphans"]] {
            look(&place, words, &mut faults);
        }
    }
    std::fs::write(&config, good).unwrap();
    drop(service);
    none(faults);
}

#[test]
fn what_cannot_be_done_is_readable_too() {
    let mut place = company();
    let mut faults = Vec::new();
    let refusal = Fault::new(Effect::status(500)).writes();
    place.sim.add_fault(refusal.path("/api/v4/users"));
    act(&place, &["sync"], 40, &mut faults);
    place.sim.clear_faults();
    act(&place, &["sync"], 80, &mut faults);
    place.garble("mitarbeiter.nummer.07", &["username"]);
    place.edit("mitarbeiter.nummer.08", |p| p.mail = None);
    place.edit("mitarbeiter.nummer.09", |p| p.gone = true);
    place.add("mitarbeiter.nummer.41", "Ohne", "Adresse").mail = None;
    place.add("mitarbeiter.nummer.42", "Zweimal", "Da").mail =
        Some("mitarbeiter.nummer.11@example.org".into());
    place.write();
    for words in [
        &["plan"][..],
        &["plan", "--all"],
        &["check"],
        &["orphans"],
        &["conflicts"],
    ] {
        look(&place, words, &mut faults);
    }
    act(&place, &["sync"], 40, &mut faults);
    look(&place, &["status"], &mut faults);
    look(&place, &["history", "1"], &mut faults);
    let file = place.path("saved").display().to_string();
    place.edit("mitarbeiter.nummer.12", |p| p.name.0 = "Umbenannt".into());
    act(&place, &["plan", "--out", &file], 40, &mut faults);
    place.edit("mitarbeiter.nummer.12", |p| p.name.0 = "Anders".into());
    look(&place, &["sync", "--plan", &file], &mut faults);
    look(&place, &["explain", "mitarbeiter.nummer.07"], &mut faults);
    std::fs::write(place.path("token"), "wrong\n").unwrap();
    for words in [&["plan"][..], &["check"], &["sync"]] {
        look(&place, words, &mut faults);
    }
    std::fs::remove_file(place.path("people.ldif")).unwrap();
    look(&place, &["plan"], &mut faults);
    look(&place, &["check"], &mut faults);
    std::fs::remove_file(place.path("token")).unwrap();
    look(&place, &["plan"], &mut faults);
    std::fs::write(place.path("config.toml"), "[[provider]]\nnmae = \"x\"\n").unwrap();
    look(&place, &["plan"], &mut faults);
    std::fs::remove_file(place.path("config.toml")).unwrap();
    look(&place, &["status"], &mut faults);
    none(faults);
}

#[test]
fn the_help_is_readable_too() {
    let mut faults = Vec::new();
    let mut names: Vec<Vec<String>> = vec![vec![]];
    let command = mattersync::cli::command();
    names.extend(
        command
            .get_subcommands()
            .map(|c| vec![c.get_name().to_owned()]),
    );
    for name in names {
        let mut command = quiet(crate::BINARY);
        command.args(&name).arg("--help");
        let whole = run(&mut command).exits(0).out;
        for width in WIDTHS {
            let screen = shown(&command, width, &[]);
            for command in whole.lines().flat_map(commands) {
                // An explanation may follow the command.
                let command = command.split("  ").next().unwrap_or(command);
                if !screen.contains(command) {
                    faults.push(format!("{name:?} at {width}: {command:?} is not whole"));
                }
            }
            for line in screen.lines().filter(|line| line.width() > width) {
                let begun = line.trim_start();
                let is_usage = begun.starts_with("Usage: ");
                if begun.contains(' ') && !is_usage && commands(line).is_empty() {
                    faults.push(format!("{name:?} at {width}: {line:?}"));
                }
            }
        }
    }
    none(faults);
}

#[test]
fn colours_and_progress_are_shown_where_the_terminal_has_them() {
    let mut place = Place::new(crate::BINARY);
    place.add("anna", "Anna", "Able");
    let screen =
        |words: &[&str], environment: &[(&str, &str)]| on_terminal(&place, words, 80, environment);
    let (title, alarm, command) = (
        "\x1b[1mCreate 1 user",
        "\x1b[1;31m",
        "\x1b[36m  mattersync sync",
    );
    let able = screen(&["plan"], &[("TERM", "xterm")]);
    assert!(able.contains(title) && able.contains(command), "{able:?}");
    assert!(able.contains("reading both sides"), "{able:?}");
    let failed = screen(&["explain"], &[("TERM", "xterm")]);
    assert!(failed.contains('\x1b'), "{failed:?}");
    let failed = screen(&["deactivate", "nobody"], &[("TERM", "xterm")]);
    assert!(failed.contains(alarm), "{failed:?}");

    let plain = screen(&["plan"], &[("TERM", "xterm"), ("NO_COLOR", "1")]);
    assert!(plain.contains("reading both sides"), "{plain:?}");
    assert_eq!(
        plain.replace("\x1b[K", "").matches('\x1b').count(),
        0,
        "{plain:?}"
    );
    let program = place.command(&["plan"]);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let mut piped = Command::new("sh");
    piped.args(["-c", &format!("{} | cat", words.join(" "))]);
    let piped = shown(&piped, 80, &[("TERM", "xterm")]);
    assert!(piped.contains("Create 1 user"), "{piped:?}");
    assert!(
        !piped.contains('\x1b') && !piped.contains("reading both"),
        "{piped:?}"
    );
    for words in [
        &["plan"][..],
        &["deactivate", "nobody"],
        &["explain"],
        &["--help"],
    ] {
        for environment in [&[("TERM", "dumb")][..], &[("TERM", "dumb"), ("CI", "true")]] {
            let dumb = screen(words, environment);
            assert!(
                !dumb.contains('\x1b') && !dumb.contains("reading both"),
                "{dumb:?}"
            );
        }
        let piped = place.run(words);
        let piped = piped.out + &piped.err;
        assert!(
            !piped.contains('\x1b') && !piped.contains("reading both"),
            "{piped:?}"
        );
    }
}
