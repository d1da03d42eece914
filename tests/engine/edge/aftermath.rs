//! Back after a deactivation.

use mattermost_sim::Version;
use mattersync::model::{Aftermath, Fate, Noted};

use testkit::file::{File, NO_GRACE};
use testkit::maker::{id, make_all};
use testkit::stage::{Stage, cycle};

#[tokio::test]
async fn edge_56_who_returns_is_the_same_user_and_what_wakes_up_again_is_told() {
    for version in [Version::V5_38, Version::V11] {
        let stage = Stage::new(version);
        let mut file = File::new(10);
        let mut engine = file.engine(&stage, NO_GRACE);
        cycle(&stage, &mut engine).await;
        let before = stage.user("user003");
        let made = make_all(&stage.sim, "user003");
        file.lock(3..4);
        cycle(&stage, &mut engine).await;
        assert!(!stage.is_active("user003"));

        // By the directory's id, also when everything else has changed.
        file.edit(3, |person| {
            person.locked = false;
            person.uid = "returned".into();
        });
        let mut aftermath: Vec<Aftermath> = Vec::new();
        let mut run = None;
        for _ in 0..3 {
            let done = cycle(&stage, &mut engine).await;
            if !done.summary.facts.aftermath.is_empty() {
                run = done.summary.facts.run;
                aftermath.extend(done.summary.facts.aftermath);
            }
        }
        let after = stage.user("returned");
        assert_eq!(
            (after.id.as_str(), after.delete_at),
            (before.id.as_str(), 0)
        );
        let team = stage.sim.teams().remove(0).id;
        let mut members = stage.sim.team_members().into_iter();
        assert!(members.any(|m| m.user_id == after.id && m.team_id == team && m.delete_at == 0));

        let [told] = aftermath.as_slice() else {
            panic!("{aftermath:?}");
        };
        assert_eq!(
            (told.fate, told.user.as_str()),
            (Fate::Returned, after.id.as_str())
        );
        let rows: Vec<(String, &str, &str)> = told
            .belongings
            .iter()
            .map(|r| (r.thing.to_string(), r.state.as_str(), r.to_type.as_str()))
            .collect();
        let revoke = format!("mmctl token revoke {}", id(&made, "token"));
        let token = "personal access token \"backup\"".to_owned();
        assert_eq!(
            rows,
            [
                (token, "works again", revoke.as_str()),
                (
                    "bot user003.bot".to_owned(),
                    "stays disabled",
                    "mmctl bot enable user003.bot"
                ),
            ]
        );
        // It is true: the token opens again, the bot does not.
        let secret = made["token"]["token"].as_str().unwrap();
        assert_eq!(status_of_me(&stage, secret), 200);
        let bot = made["bot"]["user_id"].as_str().unwrap();
        assert!(!stage.sim.user(bot).unwrap().is_active());
        let notes = stage.store.notes(run.unwrap()).await.unwrap();
        assert!(notes.iter().any(|n| matches!(n.what, Noted::Aftermath(_))));
    }
}

fn status_of_me(stage: &Stage, token: &str) -> u16 {
    let call = mattermost_sim::Call::new("GET", "/api/v4/users/me").token(token);
    match stage.sim.ask(&call) {
        mattermost_sim::Fate::Answer(answer) => answer.status,
        other => panic!("{other:?}"),
    }
}
