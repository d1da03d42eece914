//! Lets events happen: to the directory and to the server, as people and administrators do it.

use mattermost_sim::{Call, Fate, MailKind, Mattermost, User};
use serde_json::{Value, json};

use crate::events::{Event, Likeness};
use crate::mischief::mischief;
use crate::world::{Account, Directory, Flaw, Mail, Name, Place};

/// What an event did, as far as somebody has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It could not happen to anybody.
    Nothing,
    /// In the directory, or to nobody's user.
    Happened,
    /// Somebody else than mattersync changed the state of this user.
    Deactivated(String),
    Reactivated(String),
    /// Somebody else than mattersync changed other things about this user.
    Changed(String),
}

/// The administrator of the server, who is not mattersync.
pub struct Chief {
    pub token: String,
}

impl Chief {
    pub fn ask(&self, sim: &Mattermost, method: &str, target: &str, body: &Value) -> bool {
        let call = Call::new(method, &format!("/api/v4{target}")).token(&self.token);
        matches!(sim.ask(&call.json(body)), Fate::Answer(a) if (200..300).contains(&a.status))
    }
}

/// Something happens in the directory; `None` when the event is none of the directory.
pub fn in_directory(directory: &mut Directory, event: &Event) -> Option<Done> {
    use Event as E;
    let here = |a: &Account| a.is_here();
    let sound = |a: &Account| a.is_here() && a.flaw.is_none();
    let gave_up = directory.gave_up.clone();
    let find =
        |directory: &Directory, n: u32, fits: &dyn Fn(&Account) -> bool| directory.find(n, fits);
    let done = match event {
        E::Join(n) => join(directory, Account::new(*n)),
        E::Crowd(first, number) => {
            for n in *first..first + number {
                join(directory, Account::new(n));
            }
            true
        }
        E::JoinAs(n, other, with_mail) => {
            let gone = find(directory, *other, &|a| a.place == Place::Deleted);
            match gone.map(|gone| directory.accounts[&gone].clone()) {
                None => false,
                Some(gone) => {
                    let mut new = Account::new(*n);
                    new.name = gone.name;
                    if *with_mail && !gone.mails.is_empty() {
                        new.mails.clone_from(&gone.mails);
                    }
                    join(directory, new)
                }
            }
        }
        E::Recreate(n, new) => match find(directory, *n, &sound) {
            None => false,
            Some(old) => {
                let mut made = directory.accounts[&old].clone();
                directory.edit(old, |a| a.place = Place::Deleted);
                made.number = *new;
                join(directory, made)
            }
        },
        E::SwapNames(a, b) | E::SwapMails(a, b) | E::SameName(a, b) | E::ShareMail(a, b) => {
            two(directory, event, *a, *b)
        }
        E::RingOfNames(a, b, c) => {
            let (a, b, c) = (
                find(directory, *a, &sound),
                find(directory, *b, &sound),
                find(directory, *c, &sound),
            );
            match (a, b, c) {
                (Some(a), Some(b), Some(c)) if a != b && b != c && a != c => {
                    let [x, y, z] = [a, b, c].map(|n| directory.accounts[&n].name);
                    directory.edit(a, |p| p.name = y);
                    directory.edit(b, |p| p.name = z);
                    directory.edit(c, |p| p.name = x);
                    true
                }
                _ => false,
            }
        }
        E::NewIds(first) => {
            directory.replaced += u32::from(first.is_multiple_of(2));
            let here: Vec<Account> = directory.accounts.values().cloned().collect();
            let here = here.into_iter().filter(|a| a.is_here() && a.flaw.is_none());
            for (account, number) in here.zip(*first..) {
                directory.edit(account.number, |a| a.place = Place::Deleted);
                directory
                    .accounts
                    .insert(number, Account { number, ..account });
            }
            true
        }
        E::Expires(n, days) => {
            let day = directory.today + days;
            change(
                directory,
                *n,
                |a| here(a) && a.expires.is_none(),
                |a| a.expires = Some(day),
            )
        }
        E::Prolonged(n) => change(
            directory,
            *n,
            |a| here(a) && a.expires.is_some(),
            |a| a.expires = None,
        ),
        E::ReplaceDirectory => {
            directory.replaced += 1;
            true
        }
        E::Leave(n) => change(directory, *n, here, |a| a.place = Place::Deleted),
        E::Return(n) => {
            let unit = Place::Unit(*n as usize % 3);
            change(
                directory,
                *n,
                |a| a.place == Place::Deleted && !gave_up.contains(&a.number),
                |a| a.place = unit,
            )
        }
        E::Rename(n, to) => change(directory, *n, sound, |a| a.name = Name::of(*to)),
        E::CaseOfName(n) => change(directory, *n, sound, |a| a.name.loud = !a.name.loud),
        E::Move(n, unit) => change(
            directory,
            *n,
            |a| a.is_here() && a.place != Place::Unit(*unit),
            |a| a.place = Place::Unit(*unit),
        ),
        E::MoveOut(n) => change(directory, *n, here, |a| a.place = Place::Archive),
        E::MoveBack(n) => change(
            directory,
            *n,
            |a| a.place == Place::Archive && !gave_up.contains(&a.number),
            |a| a.place = Place::Unit(0),
        ),
        E::Lock(n) => change(
            directory,
            *n,
            |a| !a.locked && a.place != Place::Deleted,
            |a| a.locked = true,
        ),
        E::Unlock(n) => change(
            directory,
            *n,
            |a| a.locked && a.place != Place::Deleted,
            |a| a.locked = false,
        ),
        E::NewMail(n, to) => change(directory, *n, here, |a| a.mails = vec![Mail::of(*to)]),
        E::LoseMail(n) => change(
            directory,
            *n,
            |a| a.is_here() && !a.mails.is_empty(),
            |a| a.mails.clear(),
        ),
        E::CaseOfMail(n) => change(
            directory,
            *n,
            |a| a.is_here() && !a.mails.is_empty(),
            |a| a.mails[0].loud = !a.mails[0].loud,
        ),
        E::TwoMails(n, more) => change(
            directory,
            *n,
            |a| a.is_here() && a.mails.len() == 1,
            |a| a.mails.push(Mail::of(*more)),
        ),
        E::NewNames(n) => change(directory, *n, here, |a| a.version += 1),
        E::LoseTitle(n) => change(directory, *n, here, |a| a.titled = !a.titled),
        E::Spoil(n, flaw) => spoil(directory, *n, *flaw),
        E::Mend(n) => change(directory, *n, |a| a.flaw.is_some(), |a| a.flaw = None),
        _ => return None,
    };
    Some(if done { Done::Happened } else { Done::Nothing })
}

fn change(
    directory: &mut Directory,
    from: u32,
    fits: impl Fn(&Account) -> bool,
    change: impl FnOnce(&mut Account),
) -> bool {
    let found = directory.find(from, fits);
    if let Some(number) = found {
        directory.edit(number, change);
    }
    found.is_some()
}

/// No two who are there have both the same username and an address in common: nobody could tell
/// for whom a user is made.
fn join(directory: &mut Directory, new: Account) -> bool {
    let twin = |a: &Account| {
        a.place != Place::Deleted
            && a.name.number == new.name.number
            && a.mails
                .iter()
                .any(|m| new.mails.iter().any(|n| n.number == m.number))
    };
    if directory.accounts.contains_key(&new.number) || directory.find(0, twin).is_some() {
        return false;
    }
    directory.accounts.insert(new.number, new);
    true
}

fn two(directory: &mut Directory, event: &Event, a: u32, b: u32) -> bool {
    let sound = |a: &Account| a.is_here() && a.flaw.is_none();
    let (Some(a), Some(b)) = (directory.find(a, sound), directory.find(b, sound)) else {
        return false;
    };
    let (x, y) = (
        directory.accounts[&a].clone(),
        directory.accounts[&b].clone(),
    );
    if a == b {
        return false;
    }
    let share = |x: &Account, y: &Account| {
        x.mails
            .iter()
            .any(|m| y.mails.iter().any(|n| n.number == m.number))
    };
    match event {
        Event::SwapNames(..) if x.name.number != y.name.number => {
            directory.edit(a, |p| p.name = y.name);
            directory.edit(b, |p| p.name = x.name);
        }
        Event::SwapMails(..) if x.mails != y.mails => {
            directory.edit(a, |p| p.mails = y.mails);
            directory.edit(b, |p| p.mails = x.mails);
        }
        Event::SameName(..) if !share(&x, &y) => directory.edit(a, |p| p.name = y.name),
        Event::ShareMail(..) if x.name.number != y.name.number && !y.mails.is_empty() => {
            directory.edit(a, |p| p.mails = y.mails);
        }
        _ => return false,
    }
    true
}

fn spoil(directory: &mut Directory, n: u32, flaw: Flaw) -> bool {
    let sound = |a: &Account| a.is_here() && a.flaw.is_none();
    let Some(number) = directory.find(n, sound) else {
        return false;
    };
    let flaw = match flaw {
        Flaw::IdOf(other) => {
            let other = directory.find(other, |a| sound(a) && a.number != number);
            match other {
                Some(other) => Flaw::IdOf(other),
                None => return false,
            }
        }
        flaw => flaw,
    };
    directory.edit(number, |a| a.flaw = Some(flaw));
    true
}

/// Something happens on the server; `None` when the event is none of the server. `users` are
/// those whom it can happen to, by the number of their account.
pub fn on_server(
    sim: &Mattermost,
    chief: &Chief,
    directory: &Directory,
    users: &dyn Fn() -> Vec<(u32, User)>,
    event: &Event,
) -> Option<Done> {
    use Event as E;
    let from = |n: u32, fits: &dyn Fn(&User) -> bool| -> Option<User> {
        let users = users();
        let after = users.iter().filter(|(number, _)| *number >= n);
        let before = users.iter().filter(|(number, _)| *number < n);
        let mut all = after.chain(before).map(|(_, user)| user);
        all.find(|user| fits(user)).cloned()
    };
    let exactly = |n: u32| {
        let users = users();
        let user = users.into_iter().find(|(number, _)| *number == n);
        user.map(|(_, user)| user).filter(User::is_active)
    };
    let patch = |user: &User, body: Value| {
        chief.ask(sim, "PUT", &format!("/users/{}/patch", user.id), &body)
    };
    let changed = |user: Option<User>, done: &dyn Fn(&User) -> bool| match user {
        Some(user) if done(&user) => Done::Changed(user.id),
        _ => Done::Nothing,
    };
    let set = |user: Option<User>, active: bool| match user {
        Some(user) => {
            let body = json!({"active": active});
            match chief.ask(sim, "PUT", &format!("/users/{}/active", user.id), &body) {
                true if active => Done::Reactivated(user.id),
                true => Done::Deactivated(user.id),
                false => Done::Nothing,
            }
        }
        None => Done::Nothing,
    };
    Some(match event {
        E::AdminDeactivates(n) => set(from(*n, &User::is_active), false),
        E::AdminDeactivatesAgain(n) => set(from(*n, &|u| !u.is_active()), false),
        E::AdminReactivates(n) => set(from(*n, &|u| !u.is_active()), true),
        E::AdminRenames(n, to) | E::OwnName(n, to) => changed(from(*n, &User::is_active), &|u| {
            patch(u, json!({"username": Name::of(*to).legal()}))
        }),
        E::AdminChangesMail(n, to) | E::OwnMail(n, to) => {
            let mail = Mail::of(*to).legal();
            changed(from(*n, &User::is_active), &|u| {
                // The person has clicked already.
                let free = sim.users().iter().all(|other| other.email != mail);
                free && sim.edit_user(&u.id, |user| {
                    user.email.clone_from(&mail);
                    user.email_verified = true;
                })
            })
        }
        E::AdminPromotes(n) => changed(from(*n, &|u| u.is_active() && !u.is_admin()), &|u| {
            sim.edit_user(&u.id, |user| user.roles = "system_user system_admin".into())
        }),
        E::RemovedFromTeam(n) => {
            let inside = |u: &User| {
                let members = sim.team_members();
                members
                    .iter()
                    .any(|m| m.user_id == u.id && m.delete_at == 0)
            };
            changed(from(*n, &|u| u.is_active() && inside(u)), &|u| {
                let teams = sim.teams();
                teams.iter().any(|team| {
                    let target = format!("/teams/{}/members/{}", team.id, u.id);
                    chief.ask(sim, "DELETE", &target, &Value::Null)
                })
            })
        }
        E::ClickMails => {
            let mails = sim.mails();
            let asks = mails.iter().filter(|m| m.kind == MailKind::Verification);
            let clicked = asks.filter(|mail| sim.click(mail)).count();
            if clicked > 0 {
                Done::Happened
            } else {
                Done::Nothing
            }
        }
        E::Stranger(n, like) => stranger(sim, directory, *n, *like),
        E::NameWar(n, to) => changed(exactly(*n), &|u| {
            patch(u, json!({"username": Name::of(*to).legal()}))
        }),
        E::MailWar(n, to) => changed(exactly(*n), &|u| {
            let mail = Mail::of(*to).legal();
            let free = sim.users().iter().all(|other| other.email != mail);
            free && sim.edit_user(&u.id, |user| user.email = mail)
        }),
        _ => return mischief(sim, chief, directory, &from, event),
    })
}

fn stranger(sim: &Mattermost, directory: &Directory, n: u32, like: Likeness) -> Done {
    match sign_up(sim, directory, n, like) {
        Some(_) => Done::Happened,
        None => Done::Nothing,
    }
}

/// Somebody signs up who is in this like somebody of the directory, or who joins later; their id.
pub fn sign_up(sim: &Mattermost, directory: &Directory, n: u32, like: Likeness) -> Option<String> {
    let (mut name, mut mail) = (format!("stranger{n}"), format!("stranger{n}@example.org"));
    let (its_name, its_mail) = match directory.accounts.get(&n) {
        Some(a) => (
            a.name.legal(),
            a.mails.first().map_or_else(String::new, |m| m.legal()),
        ),
        // Somebody who joins later.
        None => (Name::of(n).legal(), Mail::of(n).legal()),
    };
    if matches!(
        like,
        Likeness::Name | Likeness::Both | Likeness::Bot | Likeness::Admin
    ) {
        name = its_name;
    }
    if matches!(like, Likeness::Mail | Likeness::Both) && !its_mail.is_empty() {
        mail = its_mail;
    }
    let made = sim.add_user(&json!({"username": name, "email": mail, "email_verified": true}));
    let id = made.ok()?;
    match like {
        Likeness::Bot => drop(sim.make_bot(&id)),
        Likeness::Admin => {
            let roles = |user: &mut User| user.roles = "system_user system_admin".into();
            assert!(sim.edit_user(&id, roles));
        }
        _ => {}
    }
    Some(id)
}
