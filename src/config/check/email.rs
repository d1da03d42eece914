//! Checks `accounts.email`, the sources of e-mail addresses.

use toml::Spanned;

use super::super::raw::Key;
use super::super::{EmailSource, names};
use super::report::{Check, at, get};

/// Reads `accounts.email`.
pub(super) fn sources(
    check: &mut Check<'_>,
    key: &Key<Vec<Spanned<String>>>,
    default: &[&str],
) -> Vec<EmailSource> {
    let Some(written) = get(key) else {
        return default
            .iter()
            .map(|a| EmailSource::Attribute(a.to_ascii_lowercase()))
            .collect();
    };
    if written.is_empty() {
        check.problem(at(key), "accounts.email", "the list is empty, and Mattermost has no user without an address", "write email = [\"mail\"] or, where the directory has no addresses, email = [\"{uid}@example.org\"]");
    }
    let mut found = Vec::new();
    for item in written {
        let text = item.get_ref().trim();
        let place = Some(item.span());
        let source = if text.contains(['{', '}', '@']) {
            match template(text) {
                Ok(template) => EmailSource::Template(template),
                Err(what) => {
                    check.problem(place, "accounts.email", format!("`{text}`: {what}"), "write the name of an attribute (\"mail\") or a template with one in it (\"{uid}@example.org\")");
                    continue;
                }
            }
        } else {
            EmailSource::Attribute(check.attribute_name(text, place, "accounts.email"))
        };
        if !found.contains(&source) {
            found.push(source);
        }
    }
    found
}

/// Reads a template such as `{uid}@example.org`, with attribute names in lower case; filled in, it
/// must be an address.
fn template(text: &str) -> Result<String, String> {
    let mut canonical = String::new();
    let mut filled = String::new();
    let mut rest = text;
    let mut names = 0;
    while let Some((before, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}').ok_or("a brace is not closed")?;
        if !names::is_attribute(name) {
            return Err(format!("`{name}` is not the name of an attribute"));
        }
        let name = name.to_ascii_lowercase();
        if names::is_password(&name) {
            return Err(format!("`{name}` holds passwords"));
        }
        canonical.push_str(&format!("{before}{{{name}}}"));
        filled.push_str(&format!("{before}x"));
        names += 1;
        rest = tail;
    }
    canonical.push_str(rest);
    filled.push_str(rest);
    if filled.contains('}') {
        return Err("a brace is closed that was not opened".into());
    }
    if names == 0 {
        return Err("everybody would get this same address".into());
    }
    match filled.split_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && is_domain(domain)
                && filled
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&b)) =>
        {
            Ok(canonical)
        }
        _ => Err("filled in, this is not an e-mail address".into()),
    }
}

fn is_domain(text: &str) -> bool {
    !text.contains('@')
        && text
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}
