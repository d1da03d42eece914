//! slapd starts, answers on all its transports, and behaves as the tests of the product expect.

use std::process::Command;

use servers::people::{self, Person};
use servers::{Overlay, Slapd, SlapdOptions};

/// ldapsearch as the service, with more arguments; its output, and its exit status (the result code).
fn ldapsearch(slapd: &Slapd, url: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let (dn, password) = slapd.service();
    let output = Command::new("ldapsearch")
        .env("LDAPCONF", "/dev/null")
        .env("LDAPTLS_CACERT", slapd.ca_file())
        .args(["-x", "-LLL", "-H", url, "-D", dn, "-w", password])
        .args(["-b", slapd.base()])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        text + &String::from_utf8_lossy(&output.stderr),
        output.status.code(),
    )
}

fn count(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("dn:")).count()
}

#[test]
fn answers_on_all_transports_and_with_tls() {
    let mut slapd = Slapd::start(SlapdOptions::default()).unwrap();
    slapd.load_people(&people::people(3)).unwrap();
    let urls = [slapd.url(), slapd.ldaps_url(), slapd.ldapi_url()];
    for url in &urls {
        let (text, code) = ldapsearch(&slapd, url, &["(uid=p000*)", "cn"]);
        assert_eq!((count(&text), code), (3, Some(0)), "{url}: {text}");
    }
    let (text, code) = ldapsearch(&slapd, &urls[0], &["-ZZ", "(uid=p0001)", "cn"]);
    assert_eq!((count(&text), code), (1, Some(0)), "StartTLS: {text}");
    // The certificate is checked, not waved through.
    let stranger = Slapd::start(SlapdOptions::default()).unwrap();
    let (text, code) = ldapsearch(&stranger, &slapd.ldaps_url(), &["(uid=p0001)"]);
    assert_ne!(code, Some(0), "{text}");
    assert_ne!(slapd.pin(), stranger.pin());
    assert_eq!(slapd.pin().len(), 64);
}

#[test]
fn the_pin_is_that_of_the_certificate_on_the_wire() {
    let slapd = Slapd::start(SlapdOptions::default()).unwrap();
    let address = slapd.ldaps_url().replace("ldaps://", "");
    let output = Command::new("sh")
        .args(["-c", r#"openssl s_client -connect "$0" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256"#])
        .arg(address)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let shown = text.trim().rsplit('=').next().unwrap().replace(':', "");
    assert_eq!(shown, slapd.pin());
}

#[test]
fn the_usual_size_limit_truncates_also_over_pages_until_it_is_lifted() {
    let seed = people::ldif(&people::people(1_200));
    let mut slapd = Slapd::start(SlapdOptions {
        seed,
        ..SlapdOptions::default()
    })
    .unwrap();
    let filter = "(objectClass=posixAccount)";
    let (text, code) = ldapsearch(&slapd, &slapd.url(), &[filter, "uid"]);
    assert_eq!((count(&text), code), (500, Some(4)));
    let paged = ["-E", "pr=200/noprompt", filter, "uid"];
    let (text, code) = ldapsearch(&slapd, &slapd.url(), &paged);
    assert_eq!((count(&text), code), (500, Some(4)));
    slapd
        .restart_with(SlapdOptions {
            unlimited: vec![slapd.service().0.to_owned()],
            ..SlapdOptions::default()
        })
        .unwrap();
    let (text, code) = ldapsearch(&slapd, &slapd.url(), &paged);
    assert_eq!((count(&text), code), (1_200, Some(0)));
}

#[test]
fn a_lost_right_looks_like_deletion_and_the_lock_is_hidden() {
    let mut slapd = Slapd::start(SlapdOptions {
        units: vec!["Sales".to_owned()],
        ..SlapdOptions::default()
    })
    .unwrap();
    let mut person = Person::new("sally", "Sally Sales", 7_000);
    person.unit = "Sales".to_owned();
    slapd.load_people(&people::people(10)).unwrap();
    slapd.load_people(std::slice::from_ref(&person)).unwrap();
    let all = ["(objectClass=posixAccount)"];
    let (text, code) = ldapsearch(&slapd, &slapd.url(), &all);
    assert_eq!((count(&text), code), (11, Some(0)));
    assert!(!text.contains("userPassword"));
    slapd
        .restart_with(SlapdOptions {
            access: "access to dn.subtree=\"ou=Sales,dc=directory,dc=nh\" by * none\n\
                     access to attrs=userPassword by dn.exact=\"cn=ldapservice,dc=directory,dc=nh\" \
                     read by anonymous auth by * none"
                .to_owned(),
            ..SlapdOptions::default()
        })
        .unwrap();
    let (text, code) = ldapsearch(&slapd, &slapd.url(), &all);
    assert_eq!((count(&text), code), (10, Some(0)));
    assert_eq!(text.matches("userPassword").count(), 10);
}

#[test]
fn entries_can_be_changed_renamed_moved_and_deleted() {
    let mut slapd = Slapd::start(SlapdOptions {
        units: vec!["Former".to_owned()],
        ..SlapdOptions::default()
    })
    .unwrap();
    slapd.load_people(&people::people(3)).unwrap();
    let id = slapd.search("(uid=p0001)", &["entryUUID"]).unwrap();
    let dn = Person::new("p0001", "", 0).dn();
    slapd.set(&dn, "mail", &["zoë@example.org"]).unwrap_err();
    slapd.set(&dn, "cn", &["Zoë"]).unwrap();
    let former = format!("ou=Former,{}", slapd.base());
    slapd.rename(&dn, "uid=anna", Some(&former)).unwrap();
    let entry = slapd
        .search("(uid=anna)", &["entryUUID", "cn", "uid"])
        .unwrap();
    assert!(entry.contains("cn:: Wm/Dqw=="), "{entry}");
    assert!(entry.contains("uid=anna,ou=Former"), "{entry}");
    assert!(!entry.contains("p0001"), "{entry}");
    let uuid = id
        .lines()
        .find(|line| line.starts_with("entryUUID"))
        .unwrap();
    assert!(entry.contains(uuid), "{entry}");
    slapd.delete(&format!("uid=anna,{former}")).unwrap();
    assert_eq!(slapd.search("(uid=anna)", &[]).unwrap(), "");
}

#[test]
fn stopped_it_refuses_and_started_again_it_has_its_data_and_its_url() {
    let mut slapd = Slapd::start(SlapdOptions::default()).unwrap();
    slapd.load_people(&people::people(400)).unwrap();
    let url = slapd.url();
    slapd.stop();
    let (_, code) = ldapsearch(&slapd, &url, &["(uid=p0001)"]);
    assert_eq!(code, Some(255));
    slapd.start_again().unwrap();
    let (text, code) = ldapsearch(&slapd, &url, &["(uid=p0399)"]);
    assert_eq!((count(&text), code), (1, Some(0)), "{text}");
    slapd.kill();
    slapd.start_again().unwrap();
    let (text, code) = ldapsearch(&slapd, &url, &["(uid=p0399)"]);
    assert_eq!((count(&text), code), (1, Some(0)), "{text}");
    let directory = slapd.directory().to_owned();
    assert!(slapd.log().unwrap().contains("SRCH base="));
    drop(slapd);
    assert!(!directory.exists());
    assert!(std::net::TcpStream::connect(url.replace("ldap://", "")).is_err());
}

#[test]
fn overlays_give_what_nethserver_8_has() {
    let mut slapd = Slapd::start(SlapdOptions {
        overlays: [Overlay::SyncProv, Overlay::MemberOf, Overlay::Ppolicy].into(),
        monitor: true,
        ..SlapdOptions::default()
    })
    .unwrap();
    slapd.load_people(&people::people(2)).unwrap();
    let dn = Person::new("p0001", "", 0).dn();
    slapd
        .add(&people::group_of_names("sales", std::slice::from_ref(&dn)))
        .unwrap();
    slapd
        .add(&people::posix_group("staff", 2_000, &["p0000", "p0001"]))
        .unwrap();
    slapd
        .set(&dn, "pwdAccountLockedTime", &["000001010000Z"])
        .unwrap();
    let (text, _) = ldapsearch(
        &slapd,
        &slapd.url(),
        &["(uid=p0001)", "memberOf", "pwdAccountLockedTime"],
    );
    assert!(text.contains("memberOf: cn=sales,ou=Groups"), "{text}");
    assert!(
        text.contains("pwdAccountLockedTime: 000001010000Z"),
        "{text}"
    );
    let (text, _) = ldapsearch(&slapd, &slapd.url(), &["-s", "base", "contextCSN"]);
    assert!(text.contains("contextCSN: "), "{text}");
    let monitor = ["-b", "cn=monitor", "(olmMDBEntries=*)", "olmMDBEntries"];
    let (text, _) = ldapsearch(&slapd, &slapd.url(), &monitor);
    assert!(text.contains("olmMDBEntries: 8"), "{text}");
}

#[test]
fn a_wrong_option_fails_with_what_slapd_said() {
    let error = Slapd::start(SlapdOptions {
        access: "access to nonsense".to_owned(),
        ..SlapdOptions::default()
    })
    .unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
}
