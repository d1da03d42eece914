//! The server's settings: `GET /config` for administrators, `GET /config/client` for everybody.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::call::{Call, Door};
use crate::errors::{ApiError, Outcome, ok};
use crate::options::Version;
use crate::world::World;

/// Recorded from fresh servers: settings, client configuration, the role `system_user`.
const FIVE: &str = include_str!("../data/v5.38.json");
const NINE: &str = include_str!("../data/v9.1.json");
const TEN: &str = include_str!("../data/v10.9.json");
const ELEVEN: &str = include_str!("../data/v11.json");

/// Which key of the client configuration shows which setting.
const SHOWN: [(&str, &str, &str); 29] = [
    ("EnableCommands", "ServiceSettings", "EnableCommands"),
    (
        "EnableIncomingWebhooks",
        "ServiceSettings",
        "EnableIncomingWebhooks",
    ),
    (
        "EnableOAuthServiceProvider",
        "ServiceSettings",
        "EnableOAuthServiceProvider",
    ),
    (
        "EnableOutgoingWebhooks",
        "ServiceSettings",
        "EnableOutgoingWebhooks",
    ),
    (
        "DefaultClientLocale",
        "LocalizationSettings",
        "DefaultClientLocale",
    ),
    (
        "EnableBotAccountCreation",
        "ServiceSettings",
        "EnableBotAccountCreation",
    ),
    (
        "EnableConfirmNotificationsToChannel",
        "TeamSettings",
        "EnableConfirmNotificationsToChannel",
    ),
    ("EnableCustomBrand", "TeamSettings", "EnableCustomBrand"),
    (
        "EnableCustomUserStatuses",
        "TeamSettings",
        "EnableCustomUserStatuses",
    ),
    ("EnableOpenServer", "TeamSettings", "EnableOpenServer"),
    (
        "EnableSignUpWithEmail",
        "EmailSettings",
        "EnableSignUpWithEmail",
    ),
    (
        "EnableUserAccessTokens",
        "ServiceSettings",
        "EnableUserAccessTokens",
    ),
    ("EnableUserCreation", "TeamSettings", "EnableUserCreation"),
    (
        "EnableUserDeactivation",
        "TeamSettings",
        "EnableUserDeactivation",
    ),
    (
        "ExperimentalEnableDefaultChannelLeaveJoinMessages",
        "ServiceSettings",
        "ExperimentalEnableDefaultChannelLeaveJoinMessages",
    ),
    (
        "ExperimentalPrimaryTeam",
        "TeamSettings",
        "ExperimentalPrimaryTeam",
    ),
    (
        "ExperimentalViewArchivedChannels",
        "TeamSettings",
        "ExperimentalViewArchivedChannels",
    ),
    (
        "LockTeammateNameDisplay",
        "TeamSettings",
        "LockTeammateNameDisplay",
    ),
    (
        "PasswordEnableForgotLink",
        "PasswordSettings",
        "EnableForgotLink",
    ),
    ("PasswordMinimumLength", "PasswordSettings", "MinimumLength"),
    ("PasswordRequireLowercase", "PasswordSettings", "Lowercase"),
    ("PasswordRequireNumber", "PasswordSettings", "Number"),
    ("PasswordRequireSymbol", "PasswordSettings", "Symbol"),
    ("PasswordRequireUppercase", "PasswordSettings", "Uppercase"),
    (
        "RequireEmailVerification",
        "EmailSettings",
        "RequireEmailVerification",
    ),
    (
        "RestrictDirectMessage",
        "TeamSettings",
        "RestrictDirectMessage",
    ),
    (
        "SendEmailNotifications",
        "EmailSettings",
        "SendEmailNotifications",
    ),
    ("SiteName", "TeamSettings", "SiteName"),
    ("SiteURL", "ServiceSettings", "SiteURL"),
];

/// The settings of a server, and what was recorded of its kind.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    sections: Value,
    client: Map<String, Value>,
    /// The keys of the client configuration that are shown without credentials.
    limited: BTreeSet<String>,
    pub ping: Value,
    pub system_user: Value,
    mark: String,
    mark_width: usize,
}

impl Config {
    pub(crate) fn new(version: Version) -> Config {
        let (recorded, mark_width) = match version {
            Version::V5_38 => (FIVE, 32),
            Version::V9_1 => (NINE, 32),
            Version::V10_9 => (TEN, 32),
            Version::V11 => (ELEVEN, 64),
        };
        // The two files are part of the program and parsed by a test.
        let mut recorded: Value = serde_json::from_str(recorded).unwrap_or(Value::Null);
        let client = match recorded["client_config"].take() {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let limited = recorded["client_config_limited"].as_array();
        let limited = limited.into_iter().flatten().filter_map(Value::as_str);
        let mut config = Config {
            client,
            limited: limited.map(str::to_owned).collect(),
            sections: recorded["config"].take(),
            ping: recorded["ping"].take(),
            system_user: recorded["system_user"].take(),
            mark: String::new(),
            mark_width,
        };
        config.renew_mark();
        config
    }

    /// Lays these settings over the present ones, as `PUT /config/patch` does.
    pub(crate) fn patch(&mut self, patch: &Value) {
        lay_over(&mut self.sections, patch);
        self.renew_mark();
    }

    pub(crate) fn get(&self, section: &str, key: &str) -> &Value {
        &self.sections[section][key]
    }

    pub(crate) fn flag(&self, section: &str, key: &str) -> bool {
        self.get(section, key)
            .as_bool()
            .unwrap_or_else(|| self.client_flag(section, key))
    }

    /// What a setting was at first whose value was recorded in the client configuration alone.
    fn client_flag(&self, section: &str, key: &str) -> bool {
        let shown = SHOWN
            .iter()
            .find(|shown| (shown.1, shown.2) == (section, key));
        shown.and_then(|shown| self.client.get(shown.0)?.as_str()) == Some("true")
    }

    pub(crate) fn number(&self, section: &str, key: &str) -> u64 {
        self.get(section, key).as_u64().unwrap_or(0)
    }

    pub(crate) fn words(&self, section: &str, key: &str) -> &str {
        self.get(section, key).as_str().unwrap_or_default()
    }

    /// The part of `X-Version-Id` that changes with the client configuration.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// FNV-1a over the settings, repeated to the length that the version has.
    fn renew_mark(&mut self) {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in self.sections.to_string().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.mark.clear();
        while self.mark.len() < self.mark_width {
            let _ = write!(self.mark, "{hash:016x}");
            hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        }
    }

    fn client(&self, whole: bool, no_accounts: bool) -> Map<String, Value> {
        let keys = self.client.iter();
        let mut shown: Map<String, Value> = keys
            .filter(|(key, _)| whole || self.limited.contains(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for (key, section, setting) in SHOWN {
            if let Some(place) = shown.get_mut(key) {
                *place = json!(as_text(self.get(section, setting), place));
            }
        }
        if let Some(place) = shown.get_mut("NoAccounts") {
            *place = json!(no_accounts.to_string());
        }
        shown
    }
}

fn as_text(setting: &Value, recorded: &Value) -> String {
    match setting {
        Value::String(text) => text.clone(),
        Value::Null => recorded.as_str().unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

fn lay_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (below, above) => *below = above.clone(),
    }
}

/// `GET /config`.
pub(crate) fn get(world: &World, call: &Call) -> Outcome {
    world.who(call)?.must_be_admin()?;
    ok(&world.config.sections)
}

/// `PUT /config/patch`.
pub(crate) fn patch(world: &mut World, call: &Call) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let patch = call.object("config")?;
    world.config.patch(&patch);
    ok(&world.config.sections)
}

/// `GET /config/client?format=old`: a part of it without credentials.
pub(crate) fn client(world: &World, call: &Call) -> Outcome {
    if call.query().get("format") != "old" {
        return Err(ApiError::new(
            501,
            "api.config.client.old_format.app_error",
            "New format for the client configuration is not supported yet.",
        ));
    }
    let whole = call.door == Door::Local || world.who(call).is_ok();
    ok(&world.config.client(whole, world.users.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Config;
    use crate::options::Version;

    #[test]
    fn the_recorded_settings_are_there() {
        for version in Version::ALL {
            let config = Config::new(version);
            assert_eq!(config.number("TeamSettings", "MaxUsersPerTeam"), 50);
            assert!(config.client.len() > config.limited.len());
            assert!(config.limited.len() > 80);
            assert!(config.ping.is_object() && config.system_user.is_object());
        }
    }

    #[test]
    fn a_patch_changes_what_it_names_and_the_mark() {
        let mut config = Config::new(Version::V5_38);
        let before = config.mark().to_owned();
        config.patch(&json!({"PasswordSettings": {"MinimumLength": 12}}));
        assert_ne!(config.mark(), before);
        assert_eq!(config.mark().len(), 32);
        assert!(config.flag("PasswordSettings", "Symbol"));
        let client = config.client(true, false);
        assert_eq!(client["PasswordMinimumLength"], "12");
        assert_eq!(client["PasswordRequireSymbol"], "true");
    }
}
