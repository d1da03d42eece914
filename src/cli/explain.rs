//! `mattersync explain`: shows everything about one person.

use crate::desk::{self, Called, Explanation, Happened, LinkStory, Story};
use crate::model::{LinkOrigin, Outcome};

use super::age;
use super::answer::Answer;
use super::args::Explain;
use super::context::Context;
use super::exit::{Exit, Failure, Found};
use super::people;
use super::plan;
use super::print::{Page, Terminal, count, cut, more};

/// How many entries of a history are shown unless `--all` is given.
const MAX_LINES: usize = 20;

/// Shows everything that is known of a person.
///
/// # Errors
/// An error if a side or the state cannot be read.
pub fn explain(context: &Context, args: &Explain, terminal: Terminal) -> Result<Answer, Failure> {
    let explanation = context.ask(desk::Explain {
        person: args.person.clone(),
        fresh: args.fresh.fresh,
    })?;
    let exit = Exit::from(Found {
        incomplete: !explanation.incomplete.is_empty(),
        failed: explanation.stories.is_empty() && explanation.called.is_empty(),
        held: false,
    });
    if args.show.json.json {
        return Answer::json(&explanation, exit);
    }
    let mut page = Page::new(terminal);
    age::show(&mut page, context, explanation.read)?;
    plan::unread(&mut page, &explanation.incomplete);
    page.gap();
    called(&mut page, &explanation);
    if explanation.stories.is_empty() && explanation.called.is_empty() {
        nobody(&mut page, &explanation);
    }
    if explanation.stories.iter().any(|story| story.formerly) {
        page.line(format!(
            "Nobody is known as {:?} now. It is a former name, address or place of:",
            explanation.person
        ));
        page.gap();
    }
    if explanation.stories.len() > 1 {
        page.alarm(format!(
            "{} are known as {:?}.",
            count(explanation.stories.len(), "person", "people"),
            explanation.person
        ));
    }
    for (number, one) in (1..).zip(&explanation.stories) {
        if explanation.stories.len() > 1 {
            page.title(format!("{number}."));
        }
        show_story(&mut page, one, args.show.all);
    }
    Ok(Answer::page(&page, exit))
}

/// Lists people of one name, where they are too many for their stories.
fn called(page: &mut Page, explanation: &Explanation) {
    let all = &explanation.called;
    if all.is_empty() {
        return;
    }
    page.line(format!(
        "{} people have the name {:?}:",
        all.len(),
        explanation.person
    ));
    let row = |one: &Called| vec![one.name.clone(), one.username.clone(), one.email.clone()];
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    page.table(&["NAME", "USERNAME", "ADDRESS"], &rows);
    page.line("Ask again with a username: `mattersync explain USERNAME`");
    page.gap();
}

fn nobody(page: &mut Page, explanation: &Explanation) {
    page.line(format!(
        "The directory has nobody who is known as {:?}, Mattermost has nobody, and nobody of that \
         name was ever linked.",
        explanation.person
    ));
    if !explanation.incomplete.is_empty() {
        page.alarm("But they may be in what was not read.");
    }
    if explanation.near.is_empty() {
        page.line("Nobody has a similar name.");
    } else {
        page.line(format!("Similar names: {}", explanation.near.join(", ")));
    }
    page.line("An entry that the base or the filter leaves out is not read. To see both:");
    page.command(2, "mattersync check --print");
}

fn show_story(page: &mut Page, story: &Story, all: bool) {
    directory(page, story);
    match &story.user {
        Some(user) => people::user(page, "Mattermost", user),
        None => page.line(format!("{:<12}{}", "Mattermost", no_user(story))),
    }
    if let Some(link) = &story.link {
        linked(page, link);
    }
    if let Some(word) = &story.unlinked {
        page.line(format!(
            "{:<12}apart, by {} on {}",
            "Link", word.by, word.at
        ));
    }
    if let Some(word) = &story.kept {
        page.line(format!("{:<12}by {} on {}", "Kept", word.by, word.at));
    }
    page.gap();
    if story.now.is_empty() {
        page.line(format!("{:<12}{}", "Decision", story.decision));
    } else {
        page.title("Decision: what would be done now");
        people::outlook(page, &story.now);
    }
    if !story.waits.is_empty() {
        page.title("Waits");
        for wait in &story.waits {
            page.line(format!("  {wait}"));
        }
    }
    past(page, &story.past, all);
}

fn directory(page: &mut Page, story: &Story) {
    if let Some(account) = &story.account {
        people::account(page, "Directory", account);
        if account.groups > 0 {
            let groups = count(account.groups, "group", "groups");
            page.line(format!("            in {groups}"));
        }
    } else if let Some(entry) = &story.entry {
        let id = entry.id.as_ref().map(|id| format!(", id {id}"));
        let id = id.unwrap_or_default();
        page.line(format!("{:<12}{}{id}", "Directory", entry.dn));
        page.alarm(format!(
            "            the entry cannot be used: {}",
            entry.why
        ));
    } else {
        let absent = story.absent.as_deref();
        let none = "this user has no account in the directory";
        page.line(format!("{:<12}{}", "Directory", absent.unwrap_or(none)));
        if let Some(link) = &story.link {
            page.line(format!(
                "            last seen as {} at {}, id {}",
                link.last_username, link.last_dn, link.account.id
            ));
        }
    }
}

fn no_user(story: &Story) -> String {
    match &story.link {
        Some(link) => format!("the linked user {} was not found", link.user),
        None if story.past.is_empty() => "no user yet".to_owned(),
        None => "no user".to_owned(),
    }
}

fn linked(page: &mut Page, link: &LinkStory) {
    let origin = match link.origin {
        LinkOrigin::Created => "created by mattersync",
        LinkOrigin::Adopted => "adopted",
    };
    page.line(format!("{:<12}{origin}, since {}", "Link", link.since));
    if let Some(anchor) = &link.anchor {
        page.line(format!("            second anchor {anchor}"));
    }
    for (field, value) in &link.given {
        page.line(format!("            gave {field} {value:?}"));
    }
    match &link.deactivated {
        Some((Some(at), why)) => {
            page.line(format!(
                "            deactivated by mattersync on {at}: {why}"
            ));
        }
        Some((None, why)) => page.line(format!(
            "            deactivated by mattersync, and not confirmed yet: {why}"
        )),
        None => {}
    }
}

fn past(page: &mut Page, past: &[Happened], all: bool) {
    page.title("What happened before");
    if past.is_empty() {
        page.line("  nothing is recorded");
    }
    let shown = if all {
        past.len()
    } else {
        cut(past.len(), MAX_LINES)
    };
    for step in past.iter().take(shown) {
        let outcome = match &step.outcome {
            None => "; never begun".to_owned(),
            Some(Outcome::Done) => String::new(),
            Some(
                outcome @ (Outcome::NotDone(_) | Outcome::NotBegun | Outcome::NeverArrived(_)),
            ) => {
                format!("; NOT DONE: {}", outcome.why().unwrap_or_default())
            }
            Some(Outcome::Unknown(why)) => format!("; PERHAPS DONE: {why}"),
        };
        let (at, run) = (step.at, step.run.0);
        page.line(format!("  {at}  run {run}: {}{outcome}", step.what));
    }
    more(page, past.len() - shown);
}
