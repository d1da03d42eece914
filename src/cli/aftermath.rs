//! Shows what users who left leave working, and what works again for users who returned.

use crate::model::{Aftermath, BelongingKind, Fate};

use super::print::{Page, named_or_counted};

/// Lists the things of each user, with what to type about each.
pub fn show(page: &mut Page, all: &[Aftermath]) {
    for fate in [Fate::Left, Fate::Returned] {
        let people: Vec<&Aftermath> = all.iter().filter(|a| a.fate == fate).collect();
        if !people.is_empty() {
            of_fate(page, fate, &people);
        }
    }
}

fn of_fate(page: &mut Page, fate: Fate, people: &[&Aftermath]) {
    let (some, none): (Vec<&Aftermath>, Vec<&Aftermath>) =
        people.iter().partition(|a| !a.belongings.is_empty());
    let gaps = gaps(people);
    let names: Vec<&str> = none.iter().map(|after| after.name.as_str()).collect();
    if some.is_empty() && gaps.is_empty() {
        let nobody = named_or_counted(&names, "person", "people");
        page.gap();
        page.line(match fate {
            Fate::Left => {
                format!("No bot, token, webhook, command or app of {nobody} goes on working.")
            }
            Fate::Returned => {
                format!("{nobody} had no bot, token, webhook, command or app that works again.")
            }
        });
        return;
    }
    page.title(match fate {
        Fate::Left => "What goes on working for those who left:",
        Fate::Returned => "What works again for those who returned, and what does not:",
    });
    for after in &some {
        page.line(format!("  {}", after.name));
        for remnant in &after.belongings {
            page.line(format!("    {}: {}", remnant.thing, remnant.state));
            match remnant.thing.kind {
                // There is no command for it.
                BelongingKind::OauthApplication => {
                    page.line(format!("        {}", remnant.to_type));
                }
                _ => page.command(8, &remnant.to_type),
            }
        }
    }
    for gap in gaps {
        page.line(format!("  {gap}"));
    }
    if !none.is_empty() && !some.is_empty() {
        let nobody = named_or_counted(&names, "other", "others");
        let has = if names.len() == 1 { "has" } else { "have" };
        page.line(format!("  {nobody} {has} nothing."));
    }
    let webhook = |a: &&&Aftermath| {
        let mut things = a.belongings.iter().map(|r| r.thing.kind);
        things.any(|kind| kind == BelongingKind::IncomingWebhook)
    };
    if some.iter().any(|a| webhook(&a)) {
        page.line(
            "  Whoever knows the id of an incoming webhook can post with it: show this list to \
             nobody else.",
        );
    }
}

/// Returns what could not be asked for; it is the same for everybody.
fn gaps(people: &[&Aftermath]) -> Vec<String> {
    let mut gaps: Vec<String> = Vec::new();
    for (kind, why) in people.iter().flat_map(|a| &a.not_asked) {
        let gap = format!("not asked for {}: {why}", kind.names().1);
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::print::Terminal;
    use crate::model::{Belonging, Belongings, UserId};

    fn thing(kind: BelongingKind, owner: &str, name: &str, active: bool) -> Belonging {
        Belonging {
            kind,
            id: format!("id-of-{owner}"),
            owner: UserId::new(owner),
            name: name.into(),
            active,
        }
    }

    fn shown(fate: Fate, people: &[&str], all: &Belongings) -> String {
        let people: Vec<Aftermath> = people
            .iter()
            .map(|user| Aftermath::of(fate, &UserId::new(*user), user, None, all))
            .collect();
        let mut page = Page::new(Terminal::default());
        show(&mut page, &people);
        page.text()
    }

    #[test]
    fn each_thing_has_its_line_and_each_gap_one_for_all() {
        let all = Belongings {
            found: vec![
                thing(BelongingKind::Token, "ada", "backup\u{1b}[2J", true),
                thing(BelongingKind::Bot, "ada", "ada.bot", false),
                thing(BelongingKind::IncomingWebhook, "bob", "", true),
            ],
            not_asked: [(BelongingKind::OauthApplication, "off".to_owned())].into(),
        };
        assert_eq!(
            shown(Fate::Left, &["ada", "bob", "carl"], &all),
            "What goes on working for those who left:\n  ada\n    personal access token \
             \"backup\u{fffd}[2J\": refused until its owner returns\n        mmctl token revoke \
             id-of-ada\n    bot ada.bot: disabled, also after a return; to keep it:\n        mmctl \
             bot assign ada.bot NEW-OWNER; mmctl bot enable ada.bot\n  bob\n    incoming webhook \
             without a name: goes on working\n        mmctl webhook delete id-of-bob\n  not asked \
             for OAuth applications: off\n  carl has nothing.\n  Whoever knows the id of an \
             incoming webhook can post with it: show this list to nobody else.\n"
        );
        assert_eq!(
            shown(Fate::Returned, &["ada", "bob"], &all),
            "What works again for those who returned, and what does not:\n  ada\n    personal \
             access token \"backup\u{fffd}[2J\": works again\n        mmctl token revoke \
             id-of-ada\n    bot ada.bot: stays disabled\n        mmctl bot enable ada.bot\n  bob \
             has nothing.\n"
        );
    }

    #[test]
    fn who_made_nothing_is_one_line() {
        let nothing = Belongings {
            found: Vec::new(),
            not_asked: BTreeMap::new(),
        };
        let text = shown(Fate::Left, &["ada", "bob"], &nothing);
        assert_eq!(
            text,
            "No bot, token, webhook, command or app of ada and bob goes on working.\n"
        );
    }
}
