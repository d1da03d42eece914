//! Faults of form: their place is shown, a secret never.

use super::super::ConfigError;
use super::{GOOD, parse, with, without};

/// What is printed and logged of an error.
fn printed(text: &str) -> String {
    let error = parse(text)
        .err()
        .unwrap_or_else(|| panic!("accepted: {text}"));
    format!("{error}\n{error:?}")
}

fn shown(text: &str) -> String {
    match parse(text) {
        Err(ConfigError::Syntax(fault)) => fault.to_string(),
        other => panic!("not a fault of form: {other:?}"),
    }
}

#[test]
fn a_fault_is_shown_with_file_line_column_and_caret() {
    let text = "[policy]\ngrace = \"24h\nadopt = \"never\"\n";
    assert_eq!(
        shown(text),
        "/etc/mattersync/config.toml:2:13: grace: invalid basic string, expected `\"`\n  |\n2 | grace = \"24h\n  |             ^"
    );
    let text = with("[[provider]]", "page-size = \"many\"");
    assert_eq!(
        shown(&text),
        "/etc/mattersync/config.toml:3:13: provider.page-size: invalid type: string \"many\", expected a whole number without quotes\n  |\n3 | page-size = \"many\"\n  |             ^^^^^^"
    );
}

#[test]
fn an_unknown_key_names_the_one_that_was_meant() {
    for (section, line, hint) in [
        ("[[provider]]", "url = []", "write `urls`"),
        ("[[provider]]", "page_size = 5", "write `page-size`"),
        ("[[provider]]", "filter = \"\"", "belongs to [accounts]"),
        ("[mattermost]", "grace = \"\"", "belongs to [policy]"),
        ("[guard]", "leavers = 3", "there are locked, missing, adopt"),
        ("[guard]", "mising = 3", "write `missing`"),
        ("[mattermost]", "tokem = { file = \"/x\" }", "write `token`"),
        ("[scheduler]", "interval = \"5m\"", "write `schedule`"),
    ] {
        let shown = shown(&with(section, line));
        assert!(shown.contains(hint), "{shown}");
        assert!(
            shown.contains('^') && shown.contains("config.toml:"),
            "{shown}"
        );
    }
}

#[test]
fn lists_of_tables_are_explained() {
    let text = GOOD.replace("[[provider]]", "[provider]");
    assert!(shown(&text).contains("write it as [[provider]]"));
    let text = format!(
        "mattermost = \"x\"\n{}",
        without(&["[mattermost]", "url =", "token"])
    );
    assert!(
        shown(&text).contains("write it as [mattermost]"),
        "{}",
        shown(&text)
    );
    let text = with("[accounts]", "email = \"mail\"");
    assert!(
        shown(&text).contains("expected a list, in square brackets"),
        "{}",
        shown(&text)
    );
}

#[test]
fn no_message_ever_has_a_secret() {
    // The right key, a misspelt one, a wrong section, a wrong type, broken quotes, several lines.
    let lines = [
        "bind-password = \"hunter2\"",
        "bind-password = 'hunter2'",
        "bind-password = hunter2",
        "bind-password = \"hunter2",
        "bind-password = \"hunter2\" x",
        "bind-password = ['hunter2']",
        "bind-password = [\n  'hunter2',\n]",
        "bind-password = [\n  'hunter2\n]",
        "bind-password = { file = 'hunter2' }",
        "bind-password = { credential = 'hunter2 x' }",
        "bind-password = { fil = 'hunter2' }",
        "bind-password = { file = '/x', value = 'hunter2' }",
        "bind-password = { hunter2 = 1 }",
        "bind-password = { hunter2 }",
        "bind-password = { file = { x = 'hunter2' } }",
        "bind-password = { file = ['hunter2'] }",
        "bind-password = \"\"\"\nhunter2\n\"\"\"",
        "bind-password = \"\"\"\nhunter2\nbase = 3",
        "bind-password = \"\"\"\nbase = 'hunter2 \\q'\n\"\"\"",
        "danger-token-without-tls = 'hunter2'",
        "bind-password =\n\"hunter2\"",
        "bind-password =\nhunter2",
        "bind-password: hunter2",
        "bind-password \"hunter2\"",
        "bind-password.value = 'hunter2'",
        "bind-password.hunter2 = 1",
        "\"bind-password\" = hunter2",
        "bind_password = \"hunter2\"",
        "bind-passwort = 'hunter2'",
        "bindpw = 'hunter2'",
        "binden = 'hunter2'",
        "binden = 'hunter2",
        "binden = '''\nhunter2\n'''",
        "binden = '''\nhunter2",
        "binden = [\n 'hunter2'\n 'x' ]",
        "kennwort = { x = 'hunter2' }",
        "name = { x = 'hunter2' }",
        "hunter2",
        "'hunter2'",
        "= 'hunter2'",
        "12345678 hunter2",
        "urls = [\"ldaps://admin:hunter2@dc1\" x]",
        "urls = 'ldaps://admin:hunter2@dc1'",
        "urls = [\"ldaps://admin:hunter2@dc1\"]",
        "[mattermost.token]\nvalue = 'hunter2'",
        "[mattermost.token]\nfile = 'hunter2",
        "[mattermost.token]\nhunter2",
        "[token]\nx = 'hunter2'",
        "[token]\nname = 'hunter2'\nbase = 5 x",
        "provider = [{ kind = 'ldap', bind-pw = 'hunter2', x }]",
    ];
    for line in lines {
        // In every section, at the end, and with another fault on the next line.
        let mut texts: Vec<String> = ["[[provider]]", "[mattermost]", "[policy]", "[accounts]"]
            .iter()
            .flat_map(|section| {
                [
                    with(section, line),
                    with(section, &format!("{line}\nbase = =")),
                ]
            })
            .collect();
        texts.push(with(
            "[[provider]]",
            &format!("sentinels = [\n{line}\nbase = ="),
        ));
        texts.push(format!("{line}\n{GOOD}"));
        texts.push(format!("{GOOD}{line}"));
        texts.push(GOOD.replace(
            "bind-password = { file = \"/nonexistent/ldap.secret\" }",
            line,
        ));
        texts.push(GOOD.replace(
            "token = { credential = \"mattermost-token\" }",
            &line.replace("bind-password", "token"),
        ));
        for text in texts {
            let printed = printed(&text);
            assert!(
                !printed.contains("hunter2"),
                "{line}\n{text}\n----\n{printed}"
            );
        }
    }
}

#[test]
fn an_inline_secret_is_told_where_to_go() {
    let text = GOOD.replace("{ file = \"/nonexistent/ldap.secret\" }", "\"hunter2\"");
    let printed = printed(&text);
    assert!(
        printed.contains(
            "/etc/mattersync/config.toml:7: provider.bind-password: a secret does not stand"
        ),
        "{printed}"
    );
    assert!(printed.contains("write { file = "), "{printed}");
}

#[test]
fn a_fault_beside_a_secret_is_still_placed() {
    let text = GOOD.replace(
        "token = { credential = \"mattermost-token\" }",
        "token = { credential = \"x\" } }",
    );
    let shown = shown(&text);
    assert!(
        shown.starts_with("/etc/mattersync/config.toml:13:"),
        "{shown}"
    );
    assert!(shown.contains("not shown"), "{shown}");
}

#[test]
fn bytes_and_marks_of_other_systems() {
    assert!(parse(&format!("\u{feff}{GOOD}")).is_ok());
    assert!(parse(&GOOD.replace('\n', "\r\n")).is_ok());
    let shown = shown(
        &GOOD
            .replace("[policy]", "[policy]\ngrace = \"24h")
            .replace('\n', "\r\n"),
    );
    assert!(
        shown.contains(":16:14:") && !shown.contains('\r') && shown.contains("16 | grace"),
        "{shown}"
    );
}

#[test]
fn deep_nesting_is_a_fault_and_not_a_crash() {
    let text = format!("x = {}", "[".repeat(100_000));
    assert!(parse(&text).is_err());
    let text = with(
        "[accounts]",
        &format!(
            "filter = \"{}(a=b){}\"",
            "(!".repeat(3_000),
            ")".repeat(3_000)
        ),
    );
    assert!(printed(&text).contains("not an LDAP filter"));
}
