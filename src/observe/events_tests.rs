//! What the journal says of events.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span;

use super::*;
use crate::model::{
    AccountKey, Belonging, BelongingKind, Belongings, DirectoryId, ProviderName, UserId,
};

/// The fields of all events, one after the other.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeMap<String, String>>>);

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut heard = self.0.lock().unwrap();
        heard.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl tracing::Subscriber for Heard {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The run, the user and the account can be searched by; what could be misused is not there.
#[test]
fn the_line_about_a_leaver_says_who_and_not_what_it_can_be_misused_by() {
    let user = UserId::new("user-of-anna");
    let account = AccountKey {
        provider: ProviderName::new("company"),
        id: DirectoryId::new("id-of-anna"),
    };
    let hook = Belonging {
        kind: BelongingKind::IncomingWebhook,
        id: "secret-hook".into(),
        owner: user.clone(),
        name: "monitor".into(),
        active: true,
    };
    let all = Belongings {
        found: vec![hook],
        not_asked: BTreeMap::new(),
    };
    let after = Aftermath::of(Fate::Left, &user, "anna", Some(&account), &all);
    let heard = Heard::default();
    tracing::subscriber::with_default(heard.clone(), || aftermath(RunId(7), &after));
    let fields = heard.0.lock().unwrap().clone();
    for (name, value) in [
        ("sync_run", "7"),
        ("sync_left", "\"1 incoming webhook\""),
        ("mm_user_id", "\"user-of-anna\""),
        ("mm_username", "\"anna\""),
        ("ldap_id", "\"id-of-anna\""),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
    assert!(!format!("{fields:?}").contains("secret-hook"), "{fields:?}");
}

#[test]
fn message_ids_are_unique_and_well_formed() {
    let ids: BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::message_id).collect();
    assert_eq!(ids.len(), Kind::ALL.len());
    for id in ids {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(id.len() == 32 && id.chars().all(hex), "{id}");
    }
}
