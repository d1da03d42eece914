//! Continuation references (RFC 4511, 4.5.3): another server holds a part of the base, as the
//! server itself or a file that a search wrote says. References are never followed; it only matters
//! whether people may be there.

use crate::config::percent_decoded;
use crate::model::Dn;

/// Parts of every Active Directory domain to which a search of its root refers, and which contain
/// no people: the forest's configuration and the zones of its name servers ([MS-ADTS] 3.1.1.1).
const WITHOUT_PEOPLE: [&str; 3] = ["cn=configuration", "dc=domaindnszones", "dc=forestdnszones"];

/// Returns the address that hides a part of the base, if this reference hides one. Its addresses
/// are several ways to one part.
///
/// The name in an address need not resemble the place where it was found, so every address that is
/// not known to be harmless hides something.
pub(super) fn hides(addresses: &[String], base: &str) -> Option<String> {
    if addresses.is_empty() {
        return Some("a reference without an address".into());
    }
    let base = Dn::of(base);
    let mut addresses = addresses.iter();
    addresses
        .find(|address| !name_in(address).is_some_and(|name| is_without_people(&name, &base)))
        .cloned()
}

fn is_without_people(name: &str, base: &Dn) -> bool {
    let name = Dn::of(name);
    let domain = name.parent();
    name.rdns()
        .next()
        .is_some_and(|part| WITHOUT_PEOPLE.contains(&part))
        && !domain.is_root()
        && (base.is_within(&domain) || domain.is_within(base))
}

/// Returns the DN of an LDAP URL (RFC 4516).
fn name_in(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let name = path.split('?').next()?;
    percent_decoded(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "DC=ad,DC=example,DC=org";

    fn hidden(address: &str) -> bool {
        hides(&[address.to_owned()], BASE).is_some()
    }

    #[test]
    fn parts_that_hold_no_people_hide_none() {
        for part in ["CN=Configuration", "DC=DomainDnsZones", "dc=forestdnszones"] {
            assert!(
                !hidden(&format!("ldap://ad.example.org/{part},{BASE}")),
                "{part}"
            );
            assert!(
                !hidden(&format!("ldaps://x:636/{part},DC=example,DC=org??sub")),
                "{part}"
            );
        }
        assert!(!hidden(
            "ldap://x/CN=Configuration%2CDC=ad%2cDC=example,DC=org"
        ));
    }

    #[test]
    fn everything_else_does() {
        for address in [
            "ldap://child.ad.example.org/DC=child,DC=ad,DC=example,DC=org",
            // Where a name leads need not be where it was found.
            "ldap://elsewhere/ou=people,o=other",
            "ldap://x/CN=Configuration,DC=other",
            "ldap://x/CN=Configuration",
            "ldap://x/OU=x,CN=Configuration,DC=ad,DC=example,DC=org",
            "ldap://x/",
            "ldap://x",
            "nonsense",
            "ldap://x/CN=Configuration,DC=ad%zz",
        ] {
            assert!(hidden(address), "{address}");
        }
        assert!(hides(&[], BASE).is_some());
        let mixed = [
            format!("ldap://x/CN=Configuration,{BASE}"),
            "ldap://y/".into(),
        ];
        assert_eq!(hides(&mixed, BASE), Some("ldap://y/".into()));
    }
}
