//! What is kept, and what a flood of refusals leaves of it.

use super::*;

fn log() -> Arc<AuditLog> {
    Arc::new(AuditLog::new(Arc::new(Hub::new()), None))
}

fn refusal() -> Refusal {
    Refusal {
        who: "192.0.2.7".to_owned(),
        action: "app.scale",
        target: "web".to_owned(),
        detail: "no".to_owned(),
        count: 1,
    }
}

/// Virtual time passes as soon as everybody waits.
#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_is_two_entries_and_pushes_no_action_out() {
    let log = log();
    let caller = Caller("127.0.0.1".to_owned());
    let action = Action { caller: &caller, name: "app.scale", target: "web" };
    log.record(action, Ok(()), |()| Done::default()).await.unwrap();
    let peer = Some(IpAddr::from([192, 0, 2, 7]));
    for _ in 0..100_000 {
        Arc::clone(&log).refused(peer, Kind::Token, refusal()).await;
    }
    let counts = || -> Vec<(u64, bool)> {
        log.entries().iter().map(|entry| (entry.count, entry.ok)).collect()
    };
    assert_eq!(counts(), [(1, false), (1, true)]);
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(counts(), [(99_999, false), (1, false), (1, true)]);
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(log.refusals.lock().unwrap().close(refusals::Place::Others), None);
    assert_eq!(counts().len(), 3, "nothing more is told of it");
}

#[tokio::test(start_paused = true)]
async fn refusals_have_a_ring_of_their_own() {
    let log = log();
    let caller = Caller("127.0.0.1".to_owned());
    let action = Action { caller: &caller, name: "app.scale", target: "web" };
    let problem = Problem::new(Kind::NotFound, "no");
    let told = log.record(action, Err::<(), _>(problem), |()| Done::default()).await.unwrap_err();
    assert!(told.is_audited);
    for _ in 0..REFUSALS_KEPT * 2 {
        log.enter_refusal(refusal()).await;
    }
    let entries = log.entries();
    assert_eq!(entries.len(), 1 + REFUSALS_KEPT);
    assert!(entries.is_sorted_by(|one, next| one.id > next.id), "newest first");
    assert_eq!(entries.last().unwrap().who, "127.0.0.1", "the action is still there");
}

#[tokio::test(start_paused = true)]
async fn what_callers_send_is_not_written_down_at_any_length() {
    let log = log();
    let (name, body) = ("ä".repeat(70_000), "x".repeat(70_000));
    let caller = Caller("127.0.0.1".to_owned());
    let action = Action { caller: &caller, name: "endpoint.add", target: &name };
    let problem = Problem::new(Kind::Invalid, format!("unknown field `{body}`"));
    log.record(action, Err::<(), _>(problem), |()| Done::default()).await.unwrap_err();
    log.enter_refusal(Refusal { target: name, detail: body, ..refusal() }).await;
    for entry in log.entries() {
        assert_eq!(entry.target.chars().count(), TARGET_CHARS_MAX + 1);
        assert!(entry.target.ends_with("ä…"));
        assert_eq!(entry.detail.unwrap().chars().count(), DETAIL_CHARS_MAX + 1);
    }
    assert_eq!(cut("short".to_owned(), 5), "short");
}
