//! Every row of the table of lock rules, and how rows are combined.

use std::time::Duration;

use proptest::prelude::*;

use super::super::testing::entry;
use super::*;
use LockRule::{
    AccountExpires, LoginDisabled, LoginShell, NsAccountLock, PwdAccountLockedTime, ShadowExpire,
    UserAccountControl, UserPassword,
};

/// 2026-01-01 00:00 UTC.
const NOW: i64 = 1_767_225_600_000;

fn now() -> Now {
    Now {
        wall: Timestamp(NOW),
        boot: Duration::ZERO,
        boot_id: "boot".into(),
    }
}

fn state(rules: &[LockRule], values: &[(&str, &str)], seen: &[LockRule]) -> AccountState {
    let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let (judgement, _) = judge(&entry("cn=a", &values), rules, &now());
    judgement.state_given(&seen.iter().cloned().collect())
}

/// `a`ctive, `l`ocked or `u`nknown.
fn letter(rules: &[LockRule], values: &[(&str, &str)], seen: &[LockRule]) -> char {
    match state(rules, values, seen) {
        AccountState::Active => 'a',
        AccountState::Locked { .. } => 'l',
        AccountState::Unknown { .. } => 'u',
        AccountState::NotAPerson { .. } => 'n',
    }
}

fn filetime_of(ms: i64) -> String {
    ((ms + FILETIME_EPOCH_MS) * 10_000).to_string()
}

#[test]
fn every_rule_alone() {
    let past = filetime_of(NOW - 1000);
    let future = filetime_of(NOW + 1000);
    let today = (NOW / DAY_MS).to_string();
    let tomorrow = (NOW / DAY_MS + 1).to_string();
    let cases: &[(LockRule, Option<&str>, char)] = &[
        (UserAccountControl, None, 'u'),
        (UserAccountControl, Some("512"), 'a'),
        (UserAccountControl, Some("514"), 'l'),
        (UserAccountControl, Some("66050"), 'l'),
        (UserAccountControl, Some("528"), 'a'),
        (UserAccountControl, Some("many"), 'u'),
        (AccountExpires, None, 'a'),
        (AccountExpires, Some("0"), 'a'),
        (AccountExpires, Some("9223372036854775807"), 'a'),
        (AccountExpires, Some(&past), 'l'),
        (AccountExpires, Some(&future), 'a'),
        (AccountExpires, Some("-5"), 'u'),
        (AccountExpires, Some("9223372036854775808"), 'u'),
        (PwdAccountLockedTime, None, 'u'),
        (PwdAccountLockedTime, Some("000001010000Z"), 'l'),
        (PwdAccountLockedTime, Some("20251231235959Z"), 'a'),
        (PwdAccountLockedTime, Some("00090101000000Z"), 'a'),
        (PwdAccountLockedTime, Some("yesterday"), 'u'),
        (NsAccountLock, None, 'a'),
        (NsAccountLock, Some("TRUE"), 'l'),
        (NsAccountLock, Some("false"), 'a'),
        (NsAccountLock, Some("maybe"), 'u'),
        (LoginDisabled, None, 'a'),
        (LoginDisabled, Some("true"), 'l'),
        (LoginDisabled, Some("FALSE"), 'a'),
        (UserPassword, None, 'u'),
        (UserPassword, Some("{CRYPT}!$6$salt$hash"), 'l'),
        (UserPassword, Some("{crypt}!"), 'l'),
        (UserPassword, Some("{CRYPT}!!"), 'l'),
        (UserPassword, Some("{CRYPT}!!!"), 'l'),
        (UserPassword, Some("{CRYPT}$6$salt$hash"), 'a'),
        (UserPassword, Some("{SSHA}!abc"), 'l'),
        (UserPassword, Some("{SSHA}abc"), 'a'),
        (UserPassword, Some(""), 'u'),
        (ShadowExpire, None, 'a'),
        (ShadowExpire, Some("-1"), 'a'),
        (ShadowExpire, Some("0"), 'u'),
        (ShadowExpire, Some("1"), 'l'),
        (ShadowExpire, Some(&today), 'l'),
        (ShadowExpire, Some(&tomorrow), 'a'),
        (LoginShell, None, 'a'),
        (LoginShell, Some("/bin/bash"), 'a'),
        (LoginShell, Some("/usr/libexec/openssh/sftp-server"), 'a'),
        (LoginShell, Some("/sbin/nologin"), 'l'),
        (LoginShell, Some("/usr/sbin/nologin\n"), 'l'),
        (LoginShell, Some("/bin/false"), 'l'),
    ];
    for (rule, value, want) in cases {
        let key = rule.attribute_key();
        let values: Vec<_> = value.iter().map(|v| (key.as_str(), *v)).collect();
        let rules = std::slice::from_ref(rule);
        assert_eq!(letter(rules, &values, &[]), *want, "{rule:?} {value:?}");
    }
}

#[test]
fn an_absent_locked_time_means_open_where_it_can_be_read() {
    let rules = [PwdAccountLockedTime];
    assert_eq!(letter(&rules, &[], &[PwdAccountLockedTime]), 'a');
    assert_eq!(letter(&rules, &[], &[NsAccountLock]), 'u');
    // A password that others may have is not made up for by their having one.
    assert_eq!(letter(&[UserPassword], &[], &[UserPassword]), 'u');
    assert_eq!(
        letter(&[UserAccountControl], &[], &[UserAccountControl]),
        'u'
    );
}

fn own(attribute: &str, pattern: &str) -> LockRule {
    LockRule::Value {
        attribute: attribute.into(),
        pattern: pattern.into(),
    }
}

#[test]
fn an_attribute_of_the_directory_s_own() {
    let james = own("accountStatus", "disabled");
    let samba = own("sambaAcctFlags", "*D*");
    let lds = own("msDS-UserAccountDisabled", "TRUE");
    let bits = LockRule::Bits {
        attribute: "state".into(),
        bits: 6,
    };
    for (rule, value, want) in [
        (&james, Some("active"), 'a'),
        (&james, Some("Disabled "), 'l'),
        (&james, None, 'u'),
        (&samba, Some("[UD         ]"), 'l'),
        (&samba, Some("[U          ]"), 'a'),
        (&lds, Some("true"), 'l'),
        (&bits, Some("4"), 'l'),
        (&bits, Some("1"), 'a'),
        (&bits, Some("many"), 'u'),
    ] {
        let key = rule.attribute_key();
        let values: Vec<_> = value.iter().map(|v| (key.as_str(), *v)).collect();
        assert_eq!(
            letter(std::slice::from_ref(rule), &values, &[]),
            want,
            "{rule:?} {value:?}"
        );
    }
    // Who lacks it, where others have it, or where another rule shows the same, is not locked.
    let rules = [james.clone(), UserPassword];
    assert_eq!(letter(&rules, &[], std::slice::from_ref(&james)), 'a');
    assert_eq!(letter(&rules, &[("userpassword", "{SSHA}x")], &[]), 'a');
    // Several values of one attribute that lock are several rules.
    let zimbra = [
        own("zimbraAccountStatus", "locked"),
        own("zimbraAccountStatus", "closed"),
    ];
    assert_eq!(
        letter(&zimbra, &[("zimbraaccountstatus", "closed")], &[]),
        'l'
    );
    assert_eq!(
        letter(&zimbra, &[("zimbraaccountstatus", "active")], &[]),
        'a'
    );
}

/// What 389 and FreeIPA compute `nsAccountLock` from stands in their exports; it itself does not.
#[test]
fn what_the_server_computes_is_computed_here_too() {
    let state = |dn: &str, values: &[(&str, &str)]| {
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let (judgement, _) = judge(&entry(dn, &values), &[NsAccountLock], &now());
        match judgement.state_given(&BTreeSet::new()) {
            AccountState::Locked {
                attribute, value, ..
            } => format!("{attribute}={value}"),
            other => format!("{other:?}"),
        }
    };
    let role = "cn=nsManagedDisabledRole,dc=example";
    let locked = format!("nsRoleDN={role}");
    assert_eq!(state("uid=a", &[("nsroledn", role)]), locked);
    assert_eq!(
        state("uid=a", &[("nsroledn", "cn=sales,dc=example")]),
        "Active"
    );
    let tree = "cn=accounts,cn=provisioning,dc=ipa,dc=example";
    for place in ["cn=deleted users", "cn=Staged Users"] {
        let state = state(&format!("uid=a,{place},{tree}"), &[]);
        assert_eq!(state, format!("container={},{tree}", place.to_lowercase()));
    }
    assert_eq!(
        state("uid=a,cn=users,cn=accounts,dc=ipa,dc=example", &[]),
        "Active"
    );
    // The server's own word goes before it.
    assert_eq!(
        state(
            &format!("uid=a,cn=staged users,{tree}"),
            &[("nsaccountlock", "FALSE")]
        ),
        "Active"
    );
}

#[test]
fn rules_together() {
    let open = ("userpassword", "{CRYPT}$6$x");
    let locked = ("userpassword", "{CRYPT}!$6$x");
    let both = [PwdAccountLockedTime, UserPassword];
    for rules in [both, [UserPassword, PwdAccountLockedTime]] {
        assert_eq!(letter(&rules, &[], &[]), 'u');
        assert_eq!(letter(&rules, &[open], &[]), 'a');
        assert_eq!(letter(&rules, &[locked], &[PwdAccountLockedTime]), 'l');
        assert_eq!(letter(&rules, &[], &[PwdAccountLockedTime]), 'a');
        let forever = ("pwdaccountlockedtime", "000001010000Z");
        assert_eq!(letter(&rules, &[open, forever], &[]), 'l');
    }
    // Dates and shells never make up for a lock that cannot be seen.
    let silent = [UserPassword, ShadowExpire, LoginShell];
    let dates = [("shadowexpire", "99999"), ("loginshell", "/bin/sh")];
    assert_eq!(letter(&silent, &dates, &[]), 'u');
    let ad = [UserAccountControl, AccountExpires];
    assert_eq!(letter(&ad, &[("accountexpires", "0")], &[]), 'u');
    assert_eq!(letter(&ad, &[("accountexpires", "1")], &[]), 'l');
    // The convention "absent means not locked" does not make up for a hidden password; a
    // readable attribute does.
    let ds = [NsAccountLock, UserPassword];
    assert_eq!(letter(&ds, &[], &[]), 'u');
    assert_eq!(letter(&ds, &[], &[NsAccountLock]), 'a');
    assert_eq!(letter(&ds, &[("nsaccountlock", "false")], &[]), 'a');
    // What is there and cannot be understood is not outvoted, except by a lock.
    let odd = ("shadowexpire", "0");
    assert_eq!(letter(&silent, &[open, odd], &[]), 'u');
    assert_eq!(letter(&silent, &[locked, odd], &[]), 'l');
    assert_eq!(letter(&[], &[], &[]), 'a');
}

#[test]
fn several_values_keep_the_strictest_but_any_open_password_opens() {
    let flags = [("nsaccountlock", "false"), ("nsaccountlock", "true")];
    assert_eq!(letter(&[NsAccountLock], &flags, &[]), 'l');
    let passwords = [("userpassword", "{CRYPT}!x"), ("userpassword", "{SSHA}x")];
    assert_eq!(letter(&[UserPassword], &passwords, &[]), 'a');
}

#[test]
fn no_password_is_ever_told() {
    let rules = [UserPassword];
    for value in ["{CRYPT}!$6$topsecret", "{CRYPT}!!", "{CRYPT}!topsecret"] {
        let said = format!("{:?}", state(&rules, &[("userpassword", value)], &[]));
        assert!(
            !said.contains("topsecret") && !said.contains("$6$"),
            "{said}"
        );
    }
}

#[test]
fn the_nearest_date_of_expiry_is_kept() {
    let ms = NOW + 5 * DAY_MS;
    let days = (NOW / DAY_MS + 7).to_string();
    let values = [("accountexpires", filetime_of(ms)), ("shadowexpire", days)];
    let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let (judgement, expires) = judge(
        &entry("cn=a", &values),
        &[ShadowExpire, AccountExpires],
        &now(),
    );
    assert_eq!(judgement, Judgement::Settled(AccountState::Active));
    assert_eq!(expires, Some(Timestamp(ms)));
    let state = state(
        &[AccountExpires],
        &[("accountexpires", &filetime_of(NOW))],
        &[],
    );
    assert_eq!(
        state,
        AccountState::Locked {
            attribute: "accountExpires".into(),
            value: "2026-01-01 00:00:00 UTC".into(),
            expired: Some(Timestamp(NOW)),
        }
    );
}

#[test]
fn never_is_no_date() {
    for (rule, value) in [
        (AccountExpires, "0"),
        (AccountExpires, "9223372036854775807"),
        (ShadowExpire, "-1"),
    ] {
        let key = rule.attribute_key();
        let entry = entry("cn=a", &[(&key, value.as_bytes())]);
        let (_, expires) = judge(&entry, std::slice::from_ref(&rule), &now());
        assert_eq!(expires, None, "{rule:?} {value}");
    }
}

#[test]
fn unknown_says_why() {
    let AccountState::Unknown { why } = state(&[PwdAccountLockedTime, UserPassword], &[], &[])
    else {
        panic!("not unknown");
    };
    assert!(
        why.contains("pwdAccountLockedTime and userPassword"),
        "{why}"
    );
}

proptest! {
    #[test]
    fn no_value_panics(value in proptest::collection::vec(any::<u8>(), 0..60), number in any::<i64>()) {
        let all = [
            UserAccountControl, AccountExpires, PwdAccountLockedTime, NsAccountLock,
            LoginDisabled, UserPassword, ShadowExpire, LoginShell,
        ];
        for rule in all {
            let key = rule.attribute_key();
            let number = number.to_string();
            for value in [value.as_slice(), number.as_bytes()] {
                let entry = entry("cn=a", &[(&key, value)]);
                let _ = judge(&entry, std::slice::from_ref(&rule), &now());
            }
        }
    }
}
