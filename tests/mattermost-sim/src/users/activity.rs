//! When users were last active.

use serde_json::{Value, json};

use crate::call::Call;
use crate::errors::{Outcome, ok};
use crate::world::World;

/// `POST /users/status/ids`: a row for each id that is one; who never was active has zero there.
pub(crate) fn by_ids(world: &World, call: &Call) -> Outcome {
    world.who(call)?;
    let ids = call.strings("user_ids")?;
    let row = |id: &String| {
        json!({
            "user_id": id,
            "status": "offline",
            "manual": false,
            "last_activity_at": world.activity.get(id).copied().unwrap_or(0),
        })
    };
    let rows: Vec<Value> = ids.iter().map(row).collect();
    ok(&rows)
}
