//! What else was found out, on both stores.

use super::*;

#[tokio::test]
async fn a_note_is_found_in_its_run() {
    on_both(async |store| {
        let run = store.begin(&plan(vec![]), "", &at(1)).await.unwrap();
        let note = |run, by: &str| Note {
            run,
            at: Timestamp(2),
            account: Some(key("a")),
            user: Some(UserId::new("u")),
            what: Noted::Forgotten { by: by.into() },
        };
        let (first, second) = (note(Some(run), "anna"), note(Some(run), "ben"));
        let loose = Note {
            account: None,
            user: None,
            ..note(None, "root")
        };
        for note in [&first, &second, &loose] {
            store.note(note.clone()).await.unwrap();
        }
        assert_eq!(store.notes(run).await.unwrap(), [first, second]);
        assert_eq!(store.notes(RunId(7)).await.unwrap(), []);
        assert_eq!(store.loose_notes().await.unwrap(), [loose]);
        refused(store.note(note(Some(RunId(7)), "")).await, "no run 7");
    })
    .await;
}
