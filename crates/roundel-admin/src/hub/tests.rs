//! What subscribers get, when they are quick, slow, late or many. Time is virtual.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn subscribe(hub: &Arc<Hub>, topics: &[Topic], last: Option<u64>) -> Subscription {
    hub.subscribe(topics.to_vec(), last, hub.seat().unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_gets_the_topics_it_wants_in_order_with_ids() {
    let hub = Arc::new(Hub::new());
    let mut all = subscribe(&hub, &[Topic::Change, Topic::Audit], None);
    let mut audits = subscribe(&hub, &[Topic::Audit], None);
    let first = hub.tell(Topic::Change, |id| id);
    hub.tell(Topic::Audit, |id| id);
    assert_eq!(text(&all.next().await), format!("event: change\nid: {first}\ndata: {first}\n\n"));
    let second = first + 1;
    let audit = format!("event: audit\nid: {second}\ndata: {second}\n\n");
    assert_eq!(text(&all.next().await), audit);
    assert_eq!(text(&audits.next().await), audit);
    assert_eq!(text(&all.next().await), ":\n\n", "nothing more: a sign of life");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_gets_what_it_missed() {
    let hub = Arc::new(Hub::new());
    let first = hub.tell(Topic::Change, |id| id);
    hub.tell(Topic::Change, |id| id);
    let mut back = subscribe(&hub, &[Topic::Change], Some(first));
    assert!(text(&back.next().await).contains(&format!("id: {}\n", first + 1)));
    assert_eq!(text(&back.next().await), ":\n\n");
    let mut all = subscribe(&hub, &[Topic::Change], Some(0));
    assert!(text(&all.next().await).contains(&format!("id: {first}\n")));
    let mut new = subscribe(&hub, &[Topic::Change], None);
    assert_eq!(text(&new.next().await), ":\n\n");
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_is_told_how_much_it_missed() {
    let hub = Arc::new(Hub::new());
    let mut slow = subscribe(&hub, &[Topic::Change], None);
    for _ in 0..JOURNAL_FRAMES + 7 {
        hub.tell(Topic::Change, |id| id);
    }
    assert_eq!(text(&slow.next().await), "event: lagged\ndata: {\"missed\":7}\n\n");
    let mut left = 0;
    while text(&slow.next().await) != ":\n\n" {
        left += 1;
    }
    assert_eq!(left, JOURNAL_FRAMES);
    assert_eq!(hub.journal().frames.len(), JOURNAL_FRAMES);
}

#[tokio::test(start_paused = true)]
async fn a_state_is_made_once_a_second_and_only_for_listeners() {
    let hub = Arc::new(Hub::new());
    let made = Arc::new(AtomicU64::new(0));
    let (ticking, count) = (Arc::clone(&hub), Arc::clone(&made));
    let task = tokio::spawn(async move {
        ticking.tick(|| count.fetch_add(1, Ordering::Relaxed) + 1).await;
    });
    tokio::time::sleep(TICK * 10).await;
    assert_eq!(made.load(Ordering::Relaxed), 0, "nobody listens");
    let mut one = subscribe(&hub, &[Topic::State], None);
    assert_eq!(text(&one.next().await), "event: state\ndata: 1\n\n", "the first comes at once");
    let mut other = subscribe(&hub, &[Topic::State], None);
    assert_eq!(text(&other.next().await), "event: state\ndata: 1\n\n", "and is shared");
    tokio::time::sleep(TICK * 5 + TICK / 2).await;
    assert_eq!(text(&one.next().await), "event: state\ndata: 6\n\n", "a slow one skips some");
    drop((one, other));
    tokio::time::sleep(TICK * 10).await;
    let before = made.load(Ordering::Relaxed);
    tokio::time::sleep(TICK * 10).await;
    assert_eq!(made.load(Ordering::Relaxed), before, "nobody listens any more");
    let mut late = subscribe(&hub, &[Topic::State], None);
    let expected = format!("event: state\ndata: {}\n\n", before + 1);
    assert_eq!(text(&late.next().await), expected, "a new one, not the old one");
    task.abort();
}

#[tokio::test]
async fn seats_are_counted_and_free_again() {
    let hub = Arc::new(Hub::new());
    let seats: Vec<_> = (0..SUBSCRIBERS_MAX).map(|_| hub.seat().unwrap()).collect();
    assert!(hub.seat().is_none());
    drop(seats);
    drop(subscribe(&hub, &Topic::ALL, None));
    assert!(hub.seat().is_some());
}
