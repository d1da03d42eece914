//! What people and administrators do on Mattermost that mattersync has no part in, and that must
//! reach nobody else: marks that are forged, rights, bots, teams.

use mattermost_sim::{Mattermost, Team, User};
use serde_json::{Value, json};

use crate::events::{Event, Forgery, Likeness, OUR_BOT};
use crate::happen::{Chief, Done, sign_up};
use crate::ports::LARGEST;
use crate::world::Directory;

/// The property by which a user is known as made by mattersync.
const MARK: &str = "mattersync";
/// The team that mattersync fills.
pub const TEAM: &str = "everybody";

/// The first linked user from a number on who fits.
type From<'a> = dyn Fn(u32, &dyn Fn(&User) -> bool) -> Option<User> + 'a;

/// Lets such an event happen; `None` when it is another one.
pub fn mischief(
    sim: &Mattermost,
    chief: &Chief,
    directory: &Directory,
    from: &From<'_>,
    event: &Event,
) -> Option<Done> {
    use Event as E;
    let edit = |user: Option<User>, change: &dyn Fn(&mut User)| match user {
        Some(user) => {
            assert!(sim.edit_user(&user.id, change));
            Done::Changed(user.id)
        }
        None => Done::Nothing,
    };
    let happened = |done: bool| if done { Done::Happened } else { Done::Nothing };
    Some(match event {
        E::AdminDemotes(n) => {
            let admin = |u: &User| u.is_active() && u.is_admin();
            edit(from(*n, &admin), &|u| u.roles = "system_user".into())
        }
        E::ForgesMark(n, Forgery::Stranger) => match sign_up(sim, directory, *n, Likeness::Both) {
            Some(id) => edit(sim.user(&id), &|u| mark(u, Some("forged".into()))),
            None => Done::Nothing,
        },
        E::ForgesMark(n, how) => {
            let marked = |u: &User| u.is_active() && u.props.contains_key(MARK);
            let value = match how {
                Forgery::Copied => {
                    let other = from(n + 1, &marked);
                    other.and_then(|u| u.props.get(MARK).cloned())
                }
                Forgery::Erased => None,
                _ => Some("forged".into()),
            };
            edit(from(*n, &marked), &|u| mark(u, value.clone()))
        }
        E::LargeProps(n, huge) => edit(from(*n, &User::is_active), &|u| {
            let text = "<".repeat(if *huge { LARGEST } else { LARGE });
            u.props.insert("drawer".into(), text.into());
        }),
        E::OwnsBot(n) => happened(from(*n, &User::is_active).is_some_and(|owner| {
            let name = format!("helper{n}");
            let bot = sim.add_user(&json!({
                "username": name, "email": format!("{name}@example.org"),
            }));
            bot.is_ok_and(|bot| {
                let _ = sim.make_bot(&bot);
                hand_over(sim, chief, &bot, &owner)
            })
        })),
        E::OwnsOurBot(n) => {
            let bot = sim.user_named(OUR_BOT).filter(User::is_active);
            let owner = from(*n, &User::is_active);
            happened(match (bot, owner) {
                (Some(bot), Some(owner)) => hand_over(sim, chief, &bot.id, &owner),
                _ => false,
            })
        }
        E::TeamRenamed(n) => happened(team(sim).is_some_and(|team| {
            team.name == TEAM && sim.edit_team(&team.id, |team| team.name = format!("people-{n}"))
        })),
        E::TeamArchived => happened(team(sim).is_some_and(|team| {
            let target = format!("/teams/{}", team.id);
            team.delete_at == 0 && chief.ask(sim, "DELETE", &target, &Value::Null)
        })),
        E::TeamBack => happened(team(sim).is_some_and(|team| {
            let odd = team.delete_at != 0 || team.name != TEAM;
            let taken = |t: &Team| t.id != team.id && t.name == TEAM;
            odd && !sim.teams().iter().any(taken)
                && sim.edit_team(&team.id, |team| {
                    team.name = TEAM.into();
                    team.delete_at = 0;
                })
        })),
        _ => return None,
    })
}

/// A few of these are too many for one answer.
const LARGE: usize = LARGEST / 4;

/// Whether a user's row is one of those.
pub fn is_large(user: &User) -> bool {
    user.props.contains_key("drawer")
}

/// Whether a user's row cannot be read.
pub fn is_unreadable(user: &User) -> bool {
    let text = user.props.get("drawer").and_then(Value::as_str);
    text.is_some_and(|text| text.len() >= LARGEST)
}

/// The team that mattersync made first.
fn team(sim: &Mattermost) -> Option<Team> {
    let teams = sim.teams().into_iter();
    teams.min_by_key(|team| team.create_at)
}

fn mark(user: &mut User, value: Option<Value>) {
    match value {
        Some(value) => drop(user.props.insert(MARK.into(), value)),
        None => drop(user.props.remove(MARK)),
    }
}

fn hand_over(sim: &Mattermost, chief: &Chief, bot: &str, owner: &User) -> bool {
    let target = format!("/bots/{bot}/assign/{}", owner.id);
    chief.ask(sim, "POST", &target, &Value::Null)
}
