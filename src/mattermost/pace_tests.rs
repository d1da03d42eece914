//! The pace, with stopped time.

use std::sync::Arc;

use super::*;

fn answer(status: u16, limit: u32, remaining: u32, reset: u32) -> Response {
    let headers = [
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", remaining),
        ("x-ratelimit-reset", reset),
    ];
    Response {
        status,
        headers: headers.map(|(k, v)| (k.to_owned(), v.to_string())).into(),
        body: Vec::new(),
    }
}

async fn time_of(gate: &Gate, passes: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..passes {
        gate.pass().await;
    }
    start.elapsed()
}

fn close(measured: Duration, expected_ms: u64) {
    let ms = measured.as_millis();
    let near = u128::from(expected_ms);
    assert!(
        ms.abs_diff(near) <= near / 8 + 3,
        "{ms} ms instead of {near}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_burst_and_then_the_pace() {
    let gate = Gate::new(Some(Pace {
        per_second: 10,
        burst: 5,
    }));
    close(time_of(&gate, 5).await, 0);
    close(time_of(&gate, 20).await, 2_000);
    close(time_of(&Gate::new(None), 10_000).await, 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_longest_goes_first() {
    let gate = Arc::new(Gate::new(Some(Pace {
        per_second: 10,
        burst: 1,
    })));
    let start = Instant::now();
    gate.pass().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    // One waits; the others come just when the permit is there, before and after it wakes.
    for (who, comes_after) in [("late", 100), ("first", 0), ("late", 100), ("last", 150)] {
        let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(comes_after)).await;
            gate.pass().await;
            order.lock().unwrap().push(who);
        });
    }
    tasks.join_all().await;
    close(start.elapsed(), 400);
    assert_eq!(*order.lock().unwrap(), ["first", "late", "late", "last"]);
}

#[tokio::test(start_paused = true)]
async fn others_keep_their_share_of_the_bucket() {
    let gate = Gate::new(None);
    gate.learn(&answer(200, 100, 25, 10));
    close(time_of(&gate, 1).await, 0);
    // 10 below the share of 25; 85 come back in 10 s.
    gate.learn(&answer(200, 100, 15, 10));
    close(time_of(&gate, 1).await, 1_176);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_pauses_all_and_slows_down_for_good_once() {
    let gate = Gate::new(Some(Pace {
        per_second: 10,
        burst: 10,
    }));
    time_of(&gate, 10).await;
    for _ in 0..4 {
        gate.learn(&answer(429, 100, 0, 3));
    }
    let paused = time_of(&gate, 1).await;
    assert!(paused >= Duration::from_secs(3) && paused <= Duration::from_millis(3_310));
    close(time_of(&gate, 10).await, 2_000);
    gate.learn(&answer(429, 100, 0, 1));
    time_of(&gate, 1).await;
    close(time_of(&gate, 10).await, 4_000);
}

#[tokio::test(start_paused = true)]
async fn without_a_pace_of_our_own_the_refusal_teaches_one() {
    let gate = Gate::new(None);
    gate.learn(&answer(429, 11, 0, 3));
    time_of(&gate, 1).await;
    close(time_of(&gate, 11).await, 3_000);
}

fn bare(status: u16, headers: &[(&str, &str)]) -> Response {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Response {
        status,
        headers: headers.iter().map(owned).collect(),
        body: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_alone_is_waited_for() {
    for status in [429, 503] {
        let gate = Gate::new(None);
        gate.learn(&bare(status, &[("retry-after", "30")]));
        let (why, left) = {
            let passing = gate.pass();
            tokio::pin!(passing);
            let once = tokio::time::timeout(Duration::from_secs(1), &mut passing);
            assert!(once.await.is_err());
            let waits = gate.waits().unwrap();
            passing.await;
            waits
        };
        assert_eq!(why, Pause::Refused(status));
        assert!(left >= Duration::from_secs(29) && left <= Duration::from_secs(32));
        assert_eq!(gate.waits(), None);
    }
}

/// nginx's `limit_req` at two a second, asked five times a second.
#[tokio::test(start_paused = true)]
async fn a_limiter_that_answers_503_is_kept_below() {
    let gate = Gate::new(Some(Pace {
        per_second: 5,
        burst: 20,
    }));
    let mut free_at = Instant::now();
    let mut refused = 0;
    for _ in 0..50 {
        gate.pass().await;
        let now = Instant::now();
        let status = if free_at > now { 503 } else { 200 };
        if status == 200 {
            free_at = now + Duration::from_millis(500);
        } else {
            refused += 1;
        }
        gate.learn(&bare(status, &[]));
    }
    assert!(refused <= 2, "{refused} of 50");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_down_is_asked_as_before_after_a_while() {
    let gate = Gate::new(Some(Pace {
        per_second: 5,
        burst: 1,
    }));
    for _ in 0..10 {
        gate.pass().await;
        gate.learn(&bare(503, &[]));
    }
    gate.pass().await;
    gate.learn(&bare(200, &[]));
    // Slowed down once, not ten times.
    close(time_of(&gate, 10).await, 4_000);
    tokio::time::sleep(FASTER_AFTER).await;
    time_of(&gate, 1).await;
    close(time_of(&gate, 10).await, 2_000);
    // It was a limit: the next attempt comes later.
    gate.learn(&bare(503, &[]));
    tokio::time::sleep(FASTER_AFTER).await;
    time_of(&gate, 1).await;
    close(time_of(&gate, 10).await, 4_000);
    tokio::time::sleep(FASTER_AFTER).await;
    time_of(&gate, 1).await;
    close(time_of(&gate, 10).await, 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_moment_for_a_reset_does_not_silence_us() {
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    for reset in [
        (now.as_secs() + 20).to_string(),
        (now.as_millis() + 20_000).to_string(),
        "1.5".to_owned(),
        "-3".to_owned(),
        "4294967295".to_owned(),
    ] {
        let gate = Gate::new(None);
        for _ in 0..3 {
            let headers = [
                ("x-ratelimit-limit", "60"),
                ("x-ratelimit-remaining", "14"),
                ("x-ratelimit-reset", reset.as_str()),
            ];
            gate.learn(&bare(200, &headers));
            let took = time_of(&gate, 1).await;
            assert!(took < Duration::from_secs(1), "{reset}: {took:?}");
        }
    }
}

/// Others' share of a large and slow limit is not worth minutes of silence for each request.
#[tokio::test(start_paused = true)]
async fn courtesy_has_an_end() {
    let gate = Gate::new(None);
    gate.learn(&answer(200, 1_000, 0, 3_000));
    assert!(time_of(&gate, 1).await <= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn absurd_headers_do_not_stop_us_for_ever() {
    let gate = Gate::new(None);
    gate.learn(&answer(429, 0, 0, u32::MAX));
    assert!(time_of(&gate, 1).await <= LONGEST_PAUSE.mul_f64(1.11));
    gate.learn(&answer(200, 0, 0, 0));
    assert!(time_of(&gate, 3).await <= Duration::from_secs(7));
    gate.learn(&answer(429, 10, 0, 3_600));
    assert!(time_of(&gate, 1).await <= LONGEST_PAUSE.mul_f64(1.11));
}
