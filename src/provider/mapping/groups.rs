//! Groups, and the accounts that the names of their members mean.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{GroupMembers, Mapping};
use crate::model::{Account, DirectoryId, Dn, Entry, Group, GroupId};
use crate::plan::own_name;

use super::attributes::member_attributes;
use super::text::{Texts, clean};

/// A group whose members are still names.
#[derive(Debug)]
pub(super) struct RawGroup {
    pub(super) dn: String,
    name: String,
    usernames: BTreeSet<String>,
    dns: BTreeSet<Dn>,
    unreadable: usize,
    /// Whether it shows no member, and nothing proves that it has none.
    pub(super) silent: bool,
}

/// Resolves names of members to ids, for the groups and for the accounts.
pub(super) fn resolve(
    raw_groups: BTreeMap<GroupId, RawGroup>,
    accounts: &mut BTreeMap<DirectoryId, Account>,
    mapping: &Mapping,
) -> BTreeMap<GroupId, Group> {
    let index = Index::new(accounts, &raw_groups);
    let mut groups = BTreeMap::new();
    for (id, raw) in raw_groups {
        let mut members = BTreeSet::new();
        let mut other_members = raw.unreadable;
        let by_name = raw.usernames.iter().map(|n| index.usernames.get(n));
        let by_dn = raw.dns.iter().map(|n| index.dns.get(n));
        for found in by_name.chain(by_dn) {
            match found {
                Some(Some(member)) => {
                    members.insert(member.clone());
                }
                _ => other_members += 1,
            }
        }
        for member in &members {
            if let Some(account) = accounts.get_mut(member) {
                account.groups.insert(id.clone());
            }
        }
        let group = Group {
            id: id.clone(),
            dn: raw.dn,
            name: raw.name,
            members,
            other_members,
            unseen: match raw.silent {
                true => member_attributes(mapping),
                false => BTreeSet::new(),
            },
        };
        groups.insert(id, group);
    }
    groups
}

/// Classes whose groups must have a member (RFC 4519, 3.5 and 3.6), and its attribute.
const NEVER_EMPTY: [(&[u8], &str); 2] = [
    (b"groupOfNames", "member"),
    (b"groupOfUniqueNames", "uniquemember"),
];

/// Returns whether a group may have no member in the attributes of the mapping, by its classes.
pub(crate) fn may_be_empty(entry: &Entry, mapping: &Mapping) -> bool {
    let mut demanded = NEVER_EMPTY.iter().filter(|(class, _)| {
        let mut classes = entry.values("objectclass").iter();
        classes.any(|c| c.eq_ignore_ascii_case(class))
    });
    let lists = member_attributes(mapping);
    !demanded.any(|(_, list)| lists.contains(*list))
}

/// The account that each name means; `None` where it means several.
#[derive(Default)]
struct Index {
    usernames: BTreeMap<String, Option<DirectoryId>>,
    dns: BTreeMap<Dn, Option<DirectoryId>>,
}

impl Index {
    /// Indexes only names of the kinds that some group uses.
    fn new(
        accounts: &BTreeMap<DirectoryId, Account>,
        groups: &BTreeMap<GroupId, RawGroup>,
    ) -> Self {
        let mut index = Self::default();
        let by_name = groups.values().any(|g| !g.usernames.is_empty());
        let by_dn = groups.values().any(|g| !g.dns.is_empty());
        for (id, account) in accounts {
            if by_name {
                let others = account.other_usernames.iter();
                let names = std::iter::once(&account.username).chain(others);
                // A name that only looks the same does not mean the account, and does not make
                // another name ambiguous. Different spellings of one name are one name.
                let names: BTreeSet<String> = names.filter_map(|name| own_name(name)).collect();
                for name in names {
                    add(&mut index.usernames, name, id);
                }
            }
            if by_dn {
                add(&mut index.dns, Dn::of(&account.dn), id);
            }
        }
        index
    }
}

fn add<K: Ord>(map: &mut BTreeMap<K, Option<DirectoryId>>, name: K, id: &DirectoryId) {
    map.entry(name)
        .and_modify(|known| *known = None)
        .or_insert_with(|| Some(id.clone()));
}

/// Reads a group's name and the names of its members.
pub(super) fn raw_group(entry: &Entry, mapping: &Mapping) -> Result<RawGroup, String> {
    let mut group = RawGroup {
        dn: entry.dn.clone(),
        name: String::new(),
        usernames: BTreeSet::new(),
        dns: BTreeSet::new(),
        unreadable: 0,
        silent: true,
    };
    let name = Texts::of(entry, &mapping.group_name);
    let Some(text) = name.first() else {
        let what = if name.unreadable {
            "is no UTF-8 text"
        } else {
            "is missing"
        };
        return Err(format!("its {} {what}", mapping.group_name));
    };
    group.name.clone_from(text);
    for members in &mapping.group_members {
        let (GroupMembers::Usernames(attribute) | GroupMembers::Dns(attribute)) = members;
        let range = format!("{attribute};range=");
        if entry.attributes.keys().any(|name| name.starts_with(&range)) {
            return Err(format!(
                "its {attribute} was not read to the end of its ranges"
            ));
        }
        group.silent &= entry.values(attribute).is_empty();
        for value in entry.values(attribute) {
            match (std::str::from_utf8(value), members) {
                (Err(_), _) => group.unreadable += 1,
                (Ok(name), GroupMembers::Usernames(_)) => {
                    group.usernames.extend(own_name(&clean(name)));
                }
                // `groupOfNames` needs a member: an empty name stands for nobody (RFC 4519, 3.5).
                (Ok(name), GroupMembers::Dns(_)) if name.trim().is_empty() => {}
                (Ok(name), GroupMembers::Dns(_)) => {
                    group.dns.insert(Dn::of(name));
                }
            }
        }
    }
    Ok(group)
}
