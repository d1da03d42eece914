//! What is followed with a warning, and what is seen of the files themselves.

use std::os::unix::fs::PermissionsExt;

use super::super::Settings;
use super::{GOOD, good, refused, warned, with, without, without_in};

fn provider(line: &str) -> String {
    with("[[provider]]", line)
}

#[test]
fn what_is_legal_and_unreasonable_is_warned_about() {
    warned(
        &with("[schedule]", "interval = \"30s\""),
        "less than a minute",
    );
    warned(
        &with("[schedule]", "jitter = \"10m\""),
        "longer than the interval",
    );
    warned(&with("[policy]", "grace = \"0s\""), "no time to be noticed");
    warned(&with("[guard]", "missing = \"off\""), "reaches everybody");
    warned(&with("[guard]", "adopt = 3"), "take over");
    warned(
        &provider("danger-accept-any-certificate = true"),
        "pretend to be the server",
    );
    warned(
        &GOOD.replace("dc1.example.org", "10.0.0.5"),
        "no public authority",
    );
    let start_tls = GOOD.replace("ldaps://dc1.example.org", "ldap://10.0.0.5");
    warned(
        &start_tls.replace("[[provider]]", "[[provider]]\nstart-tls = true"),
        "no public authority",
    );
    warned(
        &GOOD.replace("chat.example.org", "chat.lan"),
        "no public authority",
    );
    warned(
        &GOOD
            .replace("ldaps://", "ldap://127.0.0.1\", \"ldap://")
            .replace(
                "[[provider]]",
                "[[provider]]\nca-file = \"/a\"\ndanger-bind-without-tls = true",
            ),
        "no certificate is ever looked at",
    );
    warned(
        &GOOD.replace("org\"]", "org\", \"ldaps://DC1.example.org:636\"]"),
        "twice",
    );
    warned(&without(&["bind-"]).replace("rfc2307", "ad"), "anonymous");
    warned(&with("[accounts]", "id = \"uid\""), "immutable");
    warned(&with("[accounts]", "lock = []"), "nobody counts as locked");
    warned(
        &with("[accounts]", "filter = \"(!(nsAccountLock=true))\""),
        "accounts.lock",
    );
    warned(
        &with(
            "[accounts]",
            "not-a-person = [\"scanner\", \"Admin\", \"root\"]",
        ),
        "leaves out \"administrator\", \"guest\", \"ldapservice\", \"nfsnobody\", \"nobody\", \"*$\"",
    );
    let nethserver = GOOD.replace("dc=example,dc=org", "DC=directory, dc=nh");
    warned(&nethserver, "NethServer 7");
    let root = "urls = [\"ldapi:///var/run/ldapi\"]\nbind = \"external\"\n";
    let root = without_in(&nethserver, &["urls", "bind-"])
        .replace("[[provider]]\n", &format!("[[provider]]\n{root}"));
    assert_eq!(good(&root).1, []);
    warned(
        &root.replace("[accounts]", "[accounts]\nlock = [\"shadowExpire\"]"),
        "NethServer 7",
    );
    warned(
        &with("[mattermost]", "initial-password = { credential = \"x\" }"),
        "random",
    );
    warned(
        &with("[mattermost]", "requests-per-second = 50"),
        "10 by default",
    );
    warned(
        &with("[[team]]", "display-name = \"Example Org\""),
        "placeholder",
    );
}

#[test]
fn files_of_secrets_are_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ldap.secret");
    let text = GOOD.replace("/nonexistent/ldap.secret", path.to_str().unwrap());
    let set = |mode| {
        std::fs::write(&path, "hunter2").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o600);
    assert_eq!(good(&text).1, []);
    set(0o644);
    warned(&text, "everybody on this machine can read this secret");
    set(0o666);
    refused(&text, "provider.bind-password", "chmod go-w");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    refused(&text, "provider.bind-password", "name a file");
}

#[test]
fn the_file_itself_is_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config.toml");
    let error = Settings::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("config.toml") && error.contains("--config FILE"),
        "{error}"
    );
    std::fs::write(&path, b"a\n\xff").unwrap();
    assert!(
        Settings::load(&path)
            .unwrap_err()
            .to_string()
            .contains("line 2 is not UTF-8")
    );
    std::fs::write(&path, GOOD).unwrap();
    for (mode, refused) in [
        (0o644, false),
        (0o666, true),
        (0o646, true),
        (0o664, true),
        (0o640, false),
    ] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let said = Settings::load(&path).map_err(|error| error.to_string());
        match said {
            Ok(_) => assert!(!refused, "{mode:o}"),
            Err(said) => assert!(refused && said.contains("chmod go-w"), "{mode:o}: {said}"),
        }
    }
}

#[test]
fn what_is_no_file_or_has_no_end_is_no_configuration() {
    let place = tempfile::tempdir().unwrap();
    let large = place.path().join("large.toml");
    std::fs::write(&large, vec![b'#'; 5 << 20]).unwrap();
    for (path, says) in [
        (large.as_path(), "more than 4 MiB"),
        (place.path(), "no regular file"),
        (std::path::Path::new("/dev/zero"), "no regular file"),
    ] {
        let said = Settings::load(path).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }
}
