//! What stands before a history begins: the bot that mattersync works as, and the guard's limits.

use mattermost_sim::{Mattermost, User};
use serde_json::json;

use crate::events::{Limits, OUR_BOT};

/// Makes the bot that mattersync works with; gives its token.
pub fn own_bot(sim: &Mattermost) -> String {
    let fields = json!({"username": OUR_BOT, "email": format!("{OUR_BOT}@example.org")});
    let id = sim.add_user(&fields).unwrap();
    let rights = |user: &mut User| user.roles = "system_user system_admin".into();
    assert!(sim.edit_user(&id, rights));
    sim.make_bot(&id)
}

/// The lines about the guard's limits.
pub fn limits(limits: Limits) -> String {
    let numbers: &[(&str, &str)] = match limits {
        Limits::Auto => &[],
        Limits::Numbers => &[
            ("locked", "1"),
            ("missing", "1"),
            ("create", "5"),
            ("reactivate", "1"),
            ("rename", "3"),
            ("email", "3"),
            ("move", "2"),
        ],
        Limits::Percent => &[
            ("locked", "\"12.5%\""),
            ("missing", "\"10%\""),
            ("create", "\"30%\""),
            ("reactivate", "\"10%\""),
            ("rename", "\"20%\""),
            ("email", "\"10%\""),
            ("move", "\"10%\""),
        ],
        Limits::Off => &[
            ("locked", "\"off\""),
            ("missing", "\"off\""),
            ("create", "\"off\""),
            ("reactivate", "\"off\""),
            ("rename", "\"off\""),
            ("email", "\"off\""),
            ("move", "\"off\""),
        ],
    };
    let lines = numbers
        .iter()
        .map(|(class, limit)| format!("{class} = {limit}\n"));
    lines.collect()
}
