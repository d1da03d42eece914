//! Schemas: sets of defaults for the mapping of entries.

use super::LockRule;

/// A set of defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// OpenLDAP and NethServer: `posixAccount`, `uid`, `entryUUID` (RFC 2307, 4530).
    Rfc2307,
    /// Active Directory and Samba AD.
    Ad,
}

/// The defaults of one schema. Attribute names are spelt as people know them.
pub(super) struct Defaults {
    pub(super) filter: &'static str,
    pub(super) id: &'static str,
    pub(super) username: &'static str,
    pub(super) email: &'static [&'static str],
    pub(super) first_name: &'static [&'static str],
    pub(super) last_name: &'static [&'static str],
    pub(super) full_name: &'static [&'static str],
    pub(super) nickname: &'static [&'static str],
    pub(super) position: &'static [&'static str],
    pub(super) locale: &'static [&'static str],
    pub(super) lock: &'static [LockRule],
    pub(super) not_a_person: &'static [&'static str],
    pub(super) group_filter: &'static str,
    pub(super) group_name: &'static str,
    pub(super) group_members: &'static [&'static str],
    pub(super) group_member_usernames: &'static [&'static str],
}

/// OpenLDAP, NethServer, 389.
///
/// The filter says nothing about persons or locks: a filter would turn a person who is locked, or
/// whose mailbox others share now, into a person who is missing. The rules of `not_a_person` match
/// the system accounts that NethServer creates or hides, what Samba's old tools create (`root`,
/// `nobody`), and machine accounts, whose names end in `$`. A shell that refuses logins is not among
/// them: on NethServer most people have one.
///
/// The lock rules are the places where the servers of this schema write a lock: ppolicy's attribute
/// (NethServer 8), 389's, and the password (NethServer 7). Each server uses one of them, and one
/// that can be read is enough if another has no value. If none can be read, as for everybody but
/// root on NethServer 7, the state is unknown, which is true. `loginShell` is not among them: a
/// shell that refuses logins does not say that a person has left.
const RFC2307: Defaults = Defaults {
    filter: "(objectClass=posixAccount)",
    id: "entryUUID",
    username: "uid",
    email: &["mail"],
    first_name: &["givenName"],
    last_name: &["sn"],
    full_name: &["displayName", "cn"],
    nickname: &[],
    position: &["title"],
    locale: &["preferredLanguage"],
    lock: &[
        LockRule::PwdAccountLockedTime,
        LockRule::NsAccountLock,
        LockRule::UserPassword,
        LockRule::ShadowExpire,
    ],
    not_a_person: &[
        "admin",
        "administrator",
        "guest",
        "ldapservice",
        "nfsnobody",
        "nobody",
        "root",
        "*$",
    ],
    group_filter: "(objectClass=posixGroup)",
    group_name: "cn",
    group_members: &["member", "uniqueMember"],
    group_member_usernames: &["memberUid"],
};

/// Active Directory and Samba.
///
/// 805306368 is `SAM_NORMAL_USER_ACCOUNT`: no computers, contacts or managed service accounts.
///
/// The rules of `not_a_person` match critical system objects (`Administrator`, `Guest`, `krbtgt`, in
/// any language), trusts and machines (bits 0x800, 0x1000 and 0x2000 of
/// `userAccountControl`, [MS-ADTS] 2.2.16; managed service accounts are machines too), and
/// Exchange's shared (4), room (16) and equipment (32) mailboxes, with their counterparts in the
/// cloud. Their accounts are disabled by design, which does not mean that somebody left. A filter
/// could not express that: Samba's schema has no `msExchRecipientTypeDetails`, and a condition on
/// an attribute that a server does not know is neither true nor false, so that its negation would
/// hide everybody (RFC 4511, 4.5.1.7).
const AD: Defaults = Defaults {
    filter: "(sAMAccountType=805306368)",
    id: "objectGUID",
    username: "sAMAccountName",
    email: &["mail", "userPrincipalName"],
    first_name: &["givenName"],
    last_name: &["sn"],
    full_name: &["displayName", "cn"],
    nickname: &[],
    position: &["title"],
    locale: &["preferredLanguage"],
    lock: &[LockRule::UserAccountControl, LockRule::AccountExpires],
    not_a_person: &[
        "admin",
        "administrator",
        "guest",
        "krbtgt",
        "krbtgt_*",
        "ldapservice",
        "*$",
        "isCriticalSystemObject=TRUE",
        "userAccountControl&14336",
        "msExchRecipientTypeDetails=4",
        "msExchRecipientTypeDetails=16",
        "msExchRecipientTypeDetails=32",
        "msExchRecipientTypeDetails=8589934592",
        "msExchRecipientTypeDetails=17179869184",
        "msExchRecipientTypeDetails=34359738368",
    ],
    group_filter: "(objectClass=group)",
    group_name: "sAMAccountName",
    group_members: &["member"],
    group_member_usernames: &[],
};

impl Schema {
    /// The words used in the configuration.
    pub(super) const NAMES: [(&'static str, Self); 2] =
        [("rfc2307", Self::Rfc2307), ("ad", Self::Ad)];

    pub(super) fn defaults(self) -> &'static Defaults {
        match self {
            Self::Rfc2307 => &RFC2307,
            Self::Ad => &AD,
        }
    }
}
