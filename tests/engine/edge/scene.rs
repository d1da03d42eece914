//! A directory that misbehaves on demand, a simulated Mattermost, and cycles between them.

use std::collections::BTreeMap;

use ldap_fault::{Entry, FaultServer, READER_PASSWORD, Script};
use mattermost_sim::Version;
use mattersync::cycle::Engine;
use mattersync::model::{DirectoryId, Memory};

use testkit::stage::{Stage, cycle};

pub const BASE: &str = "dc=directory,dc=nh";
pub const PEOPLE: &str = "ou=People,dc=directory,dc=nh";

/// Nobody is spared by a grace or a limit: what is not done here is not done because it is wrong.
pub const HASTY: &str = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = \"off\"\nlocked = \"off\"\n\
                         reactivate = \"off\"\nrename = \"off\"\nemail = \"off\"\ncreate = \"off\"\n";

/// Everything that a cycle needs.
pub struct Scene {
    pub stage: Stage,
    pub ldap: FaultServer,
    schema: &'static str,
    entries: BTreeMap<u32, Entry>,
}

/// An entry of the OpenLDAP kind, `n` making its id.
pub fn person(n: u32, uid: &str) -> Entry {
    let entry = Entry::posix_person(uid, PEOPLE, n);
    entry
        .with("givenName", "Given")
        .set("sn", format!("Sur{n}"))
}

/// The id of such an entry.
pub fn id(n: u32) -> DirectoryId {
    DirectoryId::new(format!("00000000-0000-4000-8000-{n:012x}"))
}

/// Changes of an entry that has the attribute already.
pub trait Set {
    /// With this value and no other.
    fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self;
}

impl Set for Entry {
    fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }
}

impl Scene {
    /// These people in an OpenLDAP, numbered from 0.
    pub async fn of(uids: &[&str]) -> Self {
        let entries = (0..).zip(uids).map(|(n, uid)| (n, person(n, uid)));
        Self::with("rfc2307", entries.collect(), |script| script).await
    }

    /// So many people `p0000` upward.
    pub async fn people(number: u32) -> Self {
        let entries = (0..number).map(|n| (n, person(n, &format!("p{n:04}"))));
        Self::with("rfc2307", entries.collect(), |script| script).await
    }

    /// So many people `p0000` upward in an Active Directory.
    pub async fn domain(number: u32) -> Self {
        let entries = (0..number).map(|n| (n, ad_person(n)));
        Self::with("ad", entries.collect(), |script| script).await
    }

    pub async fn with(
        schema: &'static str,
        entries: BTreeMap<u32, Entry>,
        change: impl FnOnce(Script) -> Script,
    ) -> Self {
        let script = Script::new(BASE, entries.values().cloned().collect());
        Self {
            stage: Stage::new(Version::V11),
            ldap: FaultServer::start(change(script)).await.unwrap(),
            schema,
            entries,
        }
    }

    /// The provider's section for servers at these addresses.
    pub fn provider_at(&self, urls: &[String]) -> String {
        format!(
            "urls = {urls:?}\nschema = {:?}\nbase = {BASE:?}\nbind-dn = \"cn=reader,{BASE}\"\n\
             bind-password = {}\n",
            self.schema,
            self.stage.secret("ldap", READER_PASSWORD)
        )
    }

    /// An engine with these further sections. Where they do not say what is a lock, it is
    /// `shadowExpire`, or what is usual in Active Directory.
    pub fn engine(&self, rest: &str) -> Engine {
        self.engine_at(&[self.ldap.url()], "", rest)
    }

    /// The same with other servers and more keys of the provider.
    pub fn engine_at(&self, urls: &[String], keys: &str, rest: &str) -> Engine {
        let provider = self.provider_at(urls) + keys;
        let accounts = match self.schema == "ad" || rest.contains("[accounts]") {
            true => "",
            false => "[accounts]\nlock = [\"shadowExpire\"]\n",
        };
        self.stage.engine(&provider, &format!("{accounts}{rest}"))
    }

    /// Puts an entry in, or in place of the one of this number.
    pub fn put(&mut self, n: u32, entry: Entry) {
        self.entries.insert(n, entry);
        self.publish();
    }

    /// Changes an entry.
    pub fn edit(&mut self, n: u32, change: impl FnOnce(Entry) -> Entry) {
        let entry = self.entries.remove(&n).expect("an entry");
        self.put(n, change(entry));
    }

    /// Takes an entry out.
    pub fn remove(&mut self, n: u32) -> Entry {
        let entry = self.entries.remove(&n).expect("an entry");
        self.publish();
        entry
    }

    fn publish(&self) {
        self.ldap
            .set_entries(self.entries.values().cloned().collect());
    }

    pub async fn memory(&self) -> Memory {
        self.stage.store.load().await.unwrap()
    }

    /// The first cycle, after which everybody has a user, and the second, which rests.
    pub async fn fill(&self, engine: &mut Engine) {
        cycle(&self.stage, engine).await;
        let rest = cycle(&self.stage, engine).await;
        self.stage.assert_rests(&rest);
        assert_eq!(self.stage.active(), self.entries.len());
    }
}

/// An entry of the Active Directory kind.
pub fn ad_person(n: u32) -> Entry {
    Entry::ad_person(&format!("p{n:04}"), PEOPLE, n)
}
