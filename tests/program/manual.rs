//! The manual pages say what the program does: they name every command, option, exit code, event,
//! message and key, with its default, and nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mattersync::cli;
use mattersync::config::{self, ConfigError, Settings};
use mattersync::model::ActionKind;
use mattersync::observe::Kind;

const COMMAND: &str = include_str!("../../docs/man/mattersync.8");
const FORM: &str = include_str!("../../docs/man/mattersync.toml.5");
const FULL: &str = include_str!("../../config/mattersync.full.toml");

/// What mdoc writes otherwise than a terminal shows it (mandoc_char(7)).
const ESCAPES: [(&str, &str); 5] = [
    (r"\-", "-"),
    (r"\(dq", "\""),
    (r"\(aq", "'"),
    (r"\&", ""),
    (r"\e", r"\"),
];

/// The lines of a page, as they are shown but for the macros.
fn lines(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in page.lines().filter(|line| !line.starts_with(".\\\"")) {
        let shown = |line: String, (from, to): &(&str, &str)| line.replace(from, to);
        lines.push(ESCAPES.iter().fold(line.to_owned(), shown));
    }
    lines
}

/// The lines below a heading (`.Sh` or `.Ss`) up to the next one of its rank or a higher one.
fn section(page: &str, heading: &str) -> Vec<String> {
    let ends = |line: &String| {
        line.starts_with(".Sh ") || (heading.starts_with(".Ss") && line.starts_with(".Ss "))
    };
    let lines = lines(page);
    let begin = lines.iter().position(|line| line == heading);
    let begin = begin.unwrap_or_else(|| panic!("no {heading}"));
    let rest = lines[begin + 1..].iter();
    rest.take_while(|line| !ends(line)).cloned().collect()
}

/// The items of lists: the head (also one that is spread over lines by `.Xo`) and all lines.
fn items(lines: &[String]) -> Vec<(String, String)> {
    let mut items: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in lines {
        if let Some(head) = line.strip_prefix(".It ") {
            open = head == "Xo";
            let head = if open { "" } else { head };
            items.push((head.to_owned(), head.to_owned()));
        } else if line == ".Xc" {
            open = false;
        } else if let Some((head, all)) = items.last_mut() {
            if open {
                head.push(' ');
                head.push_str(line.trim_start_matches('.'));
            }
            all.push(' ');
            all.push_str(line);
        }
    }
    items
}

/// The words behind a macro, such as `Fl`, in a head.
fn marked(head: &str, macro_name: &str) -> Vec<String> {
    let words: Vec<&str> = head.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == macro_name);
    pairs.map(|pair| pair[1].to_owned()).collect()
}

/// The arguments that a head names; not the values of options: `Fl -out Ns = Ns Ar file`.
fn arguments(head: &str) -> Vec<String> {
    let words: Vec<&str> = std::iter::once("").chain(head.split_whitespace()).collect();
    let found = words
        .windows(3)
        .filter(|three| three[1] == "Ar" && three[0] != "Ns");
    found.map(|three| three[2].to_owned()).collect()
}

/// The options that a head names: `-h`, `--json`.
fn options(head: &str) -> BTreeSet<String> {
    let options = marked(head, "Fl").into_iter();
    options.map(|name| format!("-{name}")).collect()
}

fn names(arg: &clap::Arg) -> BTreeSet<String> {
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let positional = arg.is_positional().then(|| arg.get_id().to_string());
    long.into_iter().chain(short).chain(positional).collect()
}

#[test]
fn every_command_and_option_has_its_place() {
    let mut program = cli::command();
    program.build();
    let common: BTreeSet<String> = program.get_arguments().flat_map(names).collect();
    let first = section(COMMAND, ".Sh DESCRIPTION");
    let first: Vec<String> = first
        .into_iter()
        .take_while(|line| !line.starts_with(".Ss"))
        .collect();
    let shown: BTreeSet<String> = items(&first)
        .iter()
        .flat_map(|(head, _)| options(head))
        .collect();
    assert_eq!(shown, common);

    let mut wanted = BTreeMap::new();
    let mut want = |name: String, command: &clap::Command| {
        let own: BTreeSet<String> = command.get_arguments().flat_map(names).collect();
        let own: BTreeSet<String> = own.difference(&common).cloned().collect();
        wanted.insert(name, own);
    };
    for command in program.get_subcommands() {
        let name = command.get_name();
        // `help` has all the others below it.
        let parts = command.get_subcommands();
        let parts = parts.filter(|part| name != "help" && part.get_name() != "help");
        let parts: Vec<_> = parts.collect();
        for part in &parts {
            want(format!("{name}{}", part.get_name()), part);
        }
        // A group of commands is none itself.
        if parts.is_empty() {
            want(name.to_owned(), command);
        }
    }
    // `help` takes a command; clap makes it of all the others instead of an argument.
    wanted.insert("help".into(), BTreeSet::from(["command".into()]));
    let mut shown = BTreeMap::new();
    for (head, _) in items(&section(COMMAND, ".Ss Commands")) {
        let mut own = options(&head);
        own.extend(arguments(&head));
        shown.insert(marked(&head, "Ic").concat(), own);
    }
    assert_eq!(shown, wanted);
}

/// The body of the first function of this name in a source file.
fn body<'a>(source: &'a str, function: &str) -> &'a str {
    let begin = source
        .find(function)
        .unwrap_or_else(|| panic!("{function}"));
    let rest = &source[begin..];
    &rest[..rest.find("\n    }\n").unwrap_or(rest.len())]
}

#[test]
fn every_exit_code_is_explained() {
    let mut codes = BTreeSet::new();
    let numbers = |text: &str, before: &str, after: &str| -> Vec<u8> {
        let parts = text.split(before).skip(1);
        parts
            .filter_map(|part| part.split(after).next()?.parse().ok())
            .collect()
    };
    codes.extend(numbers(
        include_str!("../../src/cli/exit.rs"),
        "Self = Self(",
        ")",
    ));
    for source in [
        include_str!("../../src/daemon/error.rs"),
        include_str!("../../src/cycle/error.rs"),
    ] {
        codes.extend(numbers(body(source, "fn exit_code"), "=> ", ","));
    }
    assert!(codes.len() > 8, "{codes:?}");
    let heads = items(&section(COMMAND, ".Sh EXIT STATUS"));
    let page: BTreeSet<u8> = heads
        .iter()
        .map(|(head, _)| head.parse().unwrap())
        .collect();
    assert_eq!(page, codes);
    let help = cli::command().get_after_long_help().unwrap().to_string();
    let (_, help) = help.split_once("Exit codes:").unwrap();
    let help: BTreeSet<u8> = help
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(help, codes);
}

#[test]
fn every_event_can_be_searched_for() {
    let page = lines(COMMAND).join("\n");
    let is_id = |word: &&str| {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        word.len() == 32 && word.bytes().all(hex)
    };
    let words = page.split(|c: char| !c.is_ascii_alphanumeric());
    let shown: BTreeSet<&str> = words.filter(is_id).collect();
    let wanted: BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::message_id).collect();
    assert_eq!(shown, wanted);

    let journal = items(&section(COMMAND, ".Ss Journal"));
    let is_field = |name: &String| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let shown: BTreeSet<String> = journal
        .iter()
        .flat_map(|(head, _)| marked(head, "Li"))
        .filter(is_field)
        .collect();
    let source = include_str!("../../src/observe/events.rs");
    let fields = source.lines().filter_map(|line| {
        let (name, _) = line.trim().split_once(" = ")?;
        let known = ["message_id", "sync_", "mm_", "ldap_"];
        let ours = known.iter().any(|start| name.starts_with(start));
        ours.then(|| name.to_uppercase())
    });
    assert_eq!(shown, fields.collect());

    let (_, actions) = journal
        .iter()
        .find(|(head, _)| head == "Li SYNC_ACTION")
        .unwrap();
    for kind in ActionKind::ALL {
        assert!(actions.contains(&format!(".Li {kind} ")), "{kind}");
    }
}

/// All of the program's own text, with its continued lines joined.
fn sources(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            for line in source.lines() {
                match line.strip_suffix('\\') {
                    Some(begun) => text.push_str(begun.trim_start()),
                    None => {
                        text.push_str(line.trim_start());
                        text.push('\n');
                    }
                }
            }
        }
    }
}

#[test]
fn every_message_is_one_that_the_program_gives() {
    let mut program = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut program,
    );
    let heads = items(&section(COMMAND, ".Sh DIAGNOSTICS"));
    assert!(heads.len() > 30);
    for (head, _) in heads {
        let message = head.strip_prefix("Sy ").unwrap();
        let parts = message.split("...").map(str::trim);
        let parts: Vec<&str> = parts.filter(|part| part.len() > 3).collect();
        assert!(!parts.is_empty(), "{message}");
        for part in parts {
            assert!(program.contains(part), "{part:?} of {message:?}");
        }
    }
}

/// Every key that the page of the configuration has, with all that it says of it.
fn keys() -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for heading in lines(FORM) {
        let Some(name) = heading.strip_prefix(".Ss [") else {
            continue;
        };
        let name = name.trim_matches(['[', ']']);
        // The section is looked up as it is written.
        for (head, all) in items(&section(FORM, &heading)) {
            let Some(key) = head.strip_prefix("Ic ") else {
                continue;
            };
            let key = key.split(' ').next().unwrap();
            let earlier = keys.insert(format!("{name}.{key}"), all);
            assert_eq!(earlier, None, "{name}.{key} stands there twice");
        }
    }
    keys
}

#[test]
fn every_key_has_its_place() {
    let mut known = config::all_keys();
    known.retain(|key| !key.ends_with(".file") && !key.ends_with(".credential"));
    let sections: Vec<String> = known
        .iter()
        .filter_map(|key| Some(key.rsplit_once('.')?.0.to_owned()))
        .collect();
    known.retain(|key| !sections.contains(key));
    assert!(known.len() > 70, "{known:?}");
    let shown: BTreeSet<String> = keys().into_keys().collect();
    assert_eq!(shown, known);
}

/// A text without macros and with one blank between words.
fn without_macros(text: &str) -> String {
    let is_macro = |word: &&str| {
        let name = word.trim_start_matches('.');
        ["Li", "Ic", "No", "Pq", "Dl", "Pp"].contains(&name)
    };
    let words: Vec<&str> = text.split_whitespace().filter(|w| !is_macro(w)).collect();
    words.join(" ").replace(" ,", ",").replace(" ;", ";")
}

#[test]
fn every_default_is_the_one_in_force() {
    // Their defaults follow from other keys.
    const DERIVED: [&str; 2] = ["provider.group-base", "team.name"];
    let keys = keys();
    let mut section = "";
    let mut seen = 0;
    for line in FULL.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        }
        let (line, ad) = match line.strip_prefix("# ad: ") {
            Some(line) => (line, true),
            None => (line.strip_prefix('#').unwrap_or_default(), false),
        };
        let Some((key, value)) = line.split_once(" = ") else {
            continue;
        };
        let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let key = format!("{section}.{key}");
        if !is_key || DERIVED.contains(&key.as_str()) {
            continue;
        }
        let said = keys.get(&key).unwrap_or_else(|| panic!("{key}"));
        let said = without_macros(said);
        let bare = value.trim_matches('"');
        let wanted = match (ad, bare.len() > 50 && !value.starts_with('[')) {
            (_, true) => format!(" {bare}"),
            (true, _) => format!("with ad {value}"),
            (false, _) => format!("default {value}"),
        };
        assert!(said.contains(&wanted), "{key}: {wanted:?} in {said:?}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_lock_rule_is_explained() {
    let text = include_str!("../../config/mattersync.toml");
    let text = format!("{text}\n[accounts]\nlock = [\"none\"]\n");
    let Err(ConfigError::Invalid(problems)) = Settings::parse(&text, Path::new("test")) else {
        panic!("there is no such rule");
    };
    let problem = problems.iter().find(|p| p.key == "accounts.lock").unwrap();
    let rules = problem.instead.strip_prefix("write some of ").unwrap();
    let (rules, _) = rules
        .split_once("; or an attribute of your directory")
        .unwrap();
    let rules: BTreeSet<&str> = rules.split(", ").collect();
    let heads = items(&section(FORM, ".Ss Lock rules"));
    let shown = heads
        .iter()
        .filter_map(|(head, _)| head.strip_prefix("Li "));
    assert_eq!(shown.collect::<BTreeSet<_>>(), rules);
}
