//! Whether what an audit entry did can be taken back as things are.
//!
//! Roundel says what takes an action back when it is done. Later actions may have changed the same
//! thing since; to send that request then would undo them as well, without a word. What the log
//! tells of them is compared here: what the newest of them left is either what the entry left, and
//! the way is clear, or what was there before it, and nothing is left to take back, or neither.
//!
//! It is asked whenever the log is read, so that every client hears the same. Pure. What is not in
//! the log any more, and what others do in the same moment, is for the request itself to be refused.

use serde_json::Value;

use crate::contract::{AuditEntry, Obstacle, ObstacleReason, Undo};

/// What in `entry` alone keeps it from being taken back. An entry is kept with that, so that it is
/// found out once and not whenever the log is read.
pub(super) fn own_obstacle(entry: &AuditEntry) -> Option<Obstacle> {
    use ObstacleReason::{ChangedNothing, NoWay, NotDone};
    let (reason, message) = match &entry.undo {
        _ if !entry.ok => (NotDone, "it was refused, so there is nothing to take back"),
        None => (NoWay, "there is no way back from that"),
        Some(undo) if changed_nothing(entry, undo) => {
            (ChangedNothing, "it changed nothing, so there is nothing to take back")
        }
        Some(_) => return None,
    };
    Some(Obstacle { reason, by: None, message: message.to_owned() })
}

/// What keeps `entry` from being taken back, given all `entries` that are kept, each with its own
/// obstacle; `None` when nothing does.
pub(super) fn obstacle(entry: &AuditEntry, entries: &[AuditEntry]) -> Option<Obstacle> {
    use ObstacleReason::{ChangedSince, TakenBack};
    let (None, Some(undo)) = (&entry.obstacle, &entry.undo) else { return entry.obstacle.clone() };
    let later = entries.iter().filter(|it| it.id > entry.id && concerns(it, entry));
    let newest = later.max_by_key(|it| it.id)?;
    let AuditEntry { id, action, target, .. } = newest;
    let is_now = |then| kind(newest) == kind(entry) && are_alike(left_by(newest), then, undo);
    if is_now(left_by(entry)) {
        None
    } else if is_now(found_by(entry, undo)) {
        let message = format!("taken back already, by entry {id}");
        Some(Obstacle { reason: TakenBack, by: Some(*id), message })
    } else {
        let message =
            format!("entry {id}, {action} {target}, changed the same since: take that back first");
        Some(Obstacle { reason: ChangedSince, by: Some(*id), message })
    }
}

/// As `endpoint` of `endpoint.update`.
fn kind(entry: &AuditEntry) -> &str {
    entry.action.split('.').next().unwrap_or_default()
}

/// Whether the request that takes `entry` back asks for what was there after it.
fn changed_nothing(entry: &AuditEntry, undo: &Undo) -> bool {
    match (kind(entry), &undo.body, &entry.after) {
        ("overlay", ..) => are_alike(left_by(entry), found_by(entry, undo), undo),
        (_, Value::Object(asked), after) => {
            asked.iter().all(|(key, value)| after.get(key) == Some(value))
        }
        _ => false,
    }
}

/// Whether `later` set something that `entry` set before.
fn concerns(later: &AuditEntry, entry: &AuditEntry) -> bool {
    let own = later.obstacle.as_ref().map(|own| own.reason);
    if matches!(own, Some(ObstacleReason::NotDone | ObstacleReason::ChangedNothing)) {
        return false;
    }
    // The overlay holds whatever else can be undone.
    if [kind(later), kind(entry)].contains(&"overlay") {
        return later.undo.is_some() || kind(later) == "overlay";
    }
    let (Some(undo), Some(its)) = (&later.undo, &entry.undo) else { return false };
    let has_common_key = match (undo.body.as_object(), its.body.as_object()) {
        (Some(keys), Some(of)) => keys.keys().any(|key| of.contains_key(key)),
        _ => true,
    };
    let is_same_thing = kind(later) == kind(entry) && later.target == entry.target;
    is_same_thing && (later.action != entry.action || has_common_key)
}

/// How something was before or after an entry.
#[derive(Debug, Clone, Copy)]
enum Then<'a> {
    /// Of an instance: what it was told.
    Told(&'a str),
    Was(&'a Value),
    /// A long overlay, of which the log has the length alone: it is like no other.
    Unknown,
}

/// How things were after `entry`.
fn left_by(entry: &AuditEntry) -> Then<'_> {
    match kind(entry) {
        "instance" => Then::Told(last(&entry.action, '.')),
        "overlay" if entry.after.get("overlay_bytes").is_some() => Then::Unknown,
        _ => Then::Was(&entry.after),
    }
}

/// How things were before `entry`, which `undo` takes back.
fn found_by<'a>(entry: &'a AuditEntry, undo: &'a Undo) -> Then<'a> {
    match kind(entry) {
        "instance" => Then::Told(last(&undo.path, '/')),
        _ => Then::Was(&entry.before),
    }
}

fn last(text: &str, before: char) -> &str {
    text.rsplit(before).next().unwrap_or_default()
}

/// Whether two are the same in what `undo` asks for: an entry tells both admin state and weight, and
/// may have changed one of them.
fn are_alike(one: Then<'_>, other: Then<'_>, undo: &Undo) -> bool {
    match (one, other) {
        (Then::Told(one), Then::Told(other)) => one == other,
        (Then::Was(one), Then::Was(other)) => match (one, other, &undo.body) {
            (Value::Object(one), Value::Object(other), Value::Object(asked)) => {
                asked.keys().all(|key| one.get(key) == other.get(key))
            }
            (one, other, _) => one == other,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Time;

    fn entry(id: u64, action: &str, before: Value, after: Value, undo: Undo) -> AuditEntry {
        let target = if action.starts_with("overlay") { "overlay" } else { "web/one" };
        AuditEntry {
            id,
            at: Time::now(),
            who: "127.0.0.1".to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            before,
            after,
            ok: true,
            count: 1,
            detail: None,
            undo: Some(undo),
            obstacle: None,
        }
    }

    fn undo(method: &str, path: &str, body: Value) -> Undo {
        Undo { method: method.to_owned(), path: path.to_owned(), body }
    }

    /// By overrides: the file says 1.
    fn weight(id: u64, before: u32, after: u32) -> AuditEntry {
        let both = |weight| json!({ "admin_state": "enabled", "weight": weight });
        let was = if before == 1 { Value::Null } else { before.into() };
        let undo = undo("PATCH", "/one", json!({ "weight": was }));
        entry(id, "endpoint.update", both(before), both(after), undo)
    }

    fn drain(id: u64) -> AuditEntry {
        let both = |state| json!({ "admin_state": state, "weight": 1 });
        let undo = undo("PATCH", "/one", json!({ "admin_state": null }));
        entry(id, "endpoint.update", both("enabled"), both("draining"), undo)
    }

    fn add(id: u64) -> AuditEntry {
        let undo = undo("DELETE", "/one", Value::Null);
        entry(id, "endpoint.add", Value::Null, json!({ "address": "a:1" }), undo)
    }

    fn remove(id: u64) -> AuditEntry {
        let undo = undo("POST", "/", json!({ "address": "a:1" }));
        entry(id, "endpoint.remove", json!({ "address": "a:1" }), Value::Null, undo)
    }

    fn stop(id: u64) -> AuditEntry {
        let undo = undo("POST", "/one/start", Value::Null);
        entry(id, "instance.stop", Value::Null, Value::Null, undo)
    }

    fn start(id: u64) -> AuditEntry {
        let undo = undo("POST", "/one/stop", Value::Null);
        entry(id, "instance.start", Value::Null, Value::Null, undo)
    }

    fn overlay(id: u64, before: Option<&str>, after: Option<&str>) -> AuditEntry {
        let text = |it: Option<&str>| it.map_or(Value::Null, |it| json!({ "overlay": it }));
        let undo = undo("PUT", "/overlay", text(before));
        entry(id, "overlay.replace", text(before), text(after), undo)
    }

    /// What becomes of the first of `entries` when it shall be taken back.
    #[track_caller]
    fn check(entries: &[AuditEntry], expected: Result<(), &str>) {
        let kept =
            |entry: &AuditEntry| AuditEntry { obstacle: own_obstacle(entry), ..entry.clone() };
        let entries: Vec<_> = entries.iter().map(kept).collect();
        let actual = obstacle(&entries[0], &entries).map_or(Ok(()), |it| Err(it.message));
        assert_eq!(actual, expected.map_err(str::to_owned), "{entries:#?}");
    }

    const TAKEN: Result<(), &str> = Err("taken back already, by entry 2");

    #[test]
    fn the_last_word_on_a_thing_is_taken_back() {
        check(&[weight(1, 1, 3)], Ok(()));
        check(&[add(1)], Ok(()));
        check(&[weight(2, 3, 1), weight(1, 1, 3)], Ok(()));
        check(&[weight(1, 1, 3), drain(2)], Ok(()));
        let elsewhere = AuditEntry { target: "web/two".to_owned(), ..weight(2, 3, 7) };
        check(&[weight(1, 1, 3), elsewhere], Ok(()));
        let refused = AuditEntry { ok: false, undo: None, ..weight(2, 3, 7) };
        check(&[weight(1, 1, 3), refused], Ok(()));
        let reload = AuditEntry { action: "config.reload".to_owned(), undo: None, ..stop(2) };
        check(&[overlay(1, None, Some("a")), reload], Ok(()));
    }

    #[test]
    fn what_is_as_it_left_it_again_is_taken_back() {
        check(&[weight(1, 1, 3), weight(2, 3, 7), weight(3, 7, 3)], Ok(()));
        check(&[stop(1), start(2), stop(3)], Ok(()));
    }

    #[test]
    fn nothing_is_taken_back_twice() {
        check(&[weight(1, 1, 3), weight(2, 3, 1)], TAKEN);
        check(&[add(1), remove(2)], TAKEN);
        check(&[remove(1), add(2)], TAKEN);
        check(&[stop(1), start(2)], TAKEN);
        check(&[overlay(1, Some("a"), None), overlay(2, None, Some("a"))], TAKEN);
    }

    #[test]
    fn what_was_changed_since_is_in_the_way() {
        let by =
            |what: &str| format!("entry 2, {what}, changed the same since: take that back first");
        let updated = by("endpoint.update web/one");
        check(&[weight(1, 1, 3), weight(2, 3, 7)], Err(&updated));
        check(&[add(1), weight(2, 1, 7)], Err(&updated));
        check(&[overlay(1, Some("a"), None), weight(2, 1, 7)], Err(&updated));
        let replaced = by("overlay.replace overlay");
        check(&[weight(1, 1, 3), overlay(2, Some("a"), None)], Err(&replaced));
        check(&[add(1), overlay(2, Some("a"), None)], Err(&replaced));
        let long = |id, before: &str| AuditEntry {
            after: json!({ "overlay_bytes": 70_000 }),
            ..overlay(id, Some(before), None)
        };
        check(&[long(1, "a"), AuditEntry { undo: None, ..long(2, "") }], Err(&replaced));
        check(&[add(1), AuditEntry { undo: None, ..long(2, "") }], Err(&replaced));
    }

    #[test]
    fn what_has_no_way_back_is_told_from_what_was_not_done() {
        let kill = AuditEntry { undo: None, ..stop(1) };
        check(&[kill], Err("there is no way back from that"));
        let refused = AuditEntry { ok: false, undo: None, ..stop(1) };
        check(&[refused], Err("it was refused, so there is nothing to take back"));
    }

    #[test]
    fn what_changed_nothing_has_nothing_to_take_back_and_is_in_no_way() {
        const NOTHING: Result<(), &str> =
            Err("it changed nothing, so there is nothing to take back");
        let update = |id, body| AuditEntry { undo: Some(undo("PATCH", "/one", body)), ..drain(id) };
        check(&[update(1, json!({}))], NOTHING);
        check(&[update(1, json!({ "admin_state": "draining" }))], NOTHING);
        check(&[weight(1, 7, 7)], NOTHING);
        check(&[overlay(1, None, None)], NOTHING);
        check(&[overlay(1, Some("a"), Some("a"))], NOTHING);
        check(&[weight(1, 1, 1)], Ok(()));
        check(&[add(1), update(2, json!({}))], Ok(()));
        check(&[weight(1, 1, 3), overlay(2, Some("a"), Some("a"))], Ok(()));
        check(&[weight(1, 1, 7), weight(2, 7, 7)], Ok(()));
    }
}
