//! A domain controller starts, answers over ldaps, and can be changed.

use std::process::Command;

use servers::{AdPerson, SambaDc, ad_people};

fn ldapsearch(dc: &SambaDc, url: &str, filter: &str, attributes: &[&str]) -> (String, Option<i32>) {
    let (name, password) = dc.service();
    let output = Command::new("ldapsearch")
        .env("LDAPCONF", "/dev/null")
        .env("LDAPTLS_REQCERT", "never")
        .args(["-x", "-LLL", "-H", url, "-D", &name, "-w", password])
        .args(["-E", "pr=1000/noprompt", "-b", dc.base(), filter])
        .args(attributes)
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
fn samba_answers_over_ldaps_and_refuses_simple_binds_without_tls() {
    let dc = SambaDc::start().unwrap();
    dc.add_people(&ad_people(40)).unwrap();
    let everybody = "(&(sAMAccountType=805306368)(cn=p00*))";
    let (text, code) = ldapsearch(&dc, dc.ldaps_url(), everybody, &["userAccountControl"]);
    assert_eq!((count(&text), code), (40, Some(0)), "{text}");
    assert_eq!(text.matches("userAccountControl: 514").count(), 2, "{text}");
    assert!(text.contains("CN=Configuration"), "{text}");
    let (text, code) = ldapsearch(&dc, dc.url(), everybody, &["cn"]);
    assert_eq!(code, Some(8), "{text}");
}

#[test]
fn the_pin_is_that_of_the_certificate_that_samba_shows() {
    let dc = SambaDc::start().unwrap();
    let output = Command::new("sh")
        .args(["-c", "openssl s_client -connect 127.0.0.1:636 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let shown = text.trim().rsplit('=').next().unwrap().replace(':', "");
    assert_eq!(shown, dc.pin().unwrap());
    let verify = Command::new("openssl")
        .args(["verify", "-CAfile"])
        .arg(dc.ca_file())
        .arg(dc.directory().join("private/tls/cert.pem"))
        .output()
        .unwrap();
    assert!(verify.status.success());
}

#[test]
fn people_are_disabled_renamed_moved_and_deleted_while_samba_runs() {
    let mut dc = SambaDc::start().unwrap();
    let anna = AdPerson::new("anna", "Änna Østergård");
    dc.add_people(std::slice::from_ref(&anna)).unwrap();
    let group = dc.add_group("sales", &[anna.dn()]).unwrap();
    let ask = |dc: &SambaDc, filter: &str| {
        ldapsearch(
            dc,
            dc.ldaps_url(),
            filter,
            &["objectGUID", "userAccountControl", "memberOf"],
        )
        .0
    };
    let before = ask(&dc, "(sAMAccountName=anna)");
    assert!(before.contains("userAccountControl: 512"), "{before}");
    assert!(before.contains(&format!("memberOf: {group}")), "{before}");
    let guid = before
        .lines()
        .find(|line| line.starts_with("objectGUID"))
        .unwrap();

    dc.set_enabled(&anna.dn(), false).unwrap();
    let former = dc.add_unit("Former").unwrap();
    dc.rename(&anna.dn(), "CN=anne", Some(&former)).unwrap();
    let dn = format!("CN=anne,{former}");
    dc.set(&dn, "sAMAccountName", &["anne"]).unwrap();
    let after = ask(&dc, "(sAMAccountName=anne)");
    assert!(after.contains(guid) && after.contains(&dn), "{after}");
    assert!(after.contains("userAccountControl: 514"), "{after}");
    dc.set_enabled(&dn, true).unwrap();
    assert!(ask(&dc, "(cn=anne)").contains("userAccountControl: 512"));

    dc.stop();
    assert_eq!(
        ldapsearch(&dc, dc.ldaps_url(), "(cn=anne)", &[]).1,
        Some(255)
    );
    dc.start_again().unwrap();
    assert_eq!(count(&ask(&dc, "(cn=anne)")), 1);
    dc.delete(&dn).unwrap();
    assert_eq!(count(&ask(&dc, "(cn=anne)")), 0);
    let directory = dc.directory();
    drop(dc);
    assert!(!directory.exists());
}
