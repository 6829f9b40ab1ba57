//! Whether what an audit entry did can be taken back as things are, and by which request.
//!
//! Roundel says what takes an action back when it is done. Later actions may have changed the same
//! thing since; to send that request then would undo them as well, without a word. What the trail
//! tells of them is compared here: what the newest of them left is either what the entry left, and
//! the way is clear, or what was there before it, and nothing is left to take back, or neither.
//!
//! Pure. What is not in the trail any more, and what others do in the same moment, is Roundel's to
//! refuse.

use std::fmt;

use roundel_admin::contract::{AuditEntry, Undo};
use serde_json::Value;

/// Why an entry cannot be taken back, or not without taking more back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Obstacle<'a> {
    /// It was refused.
    NotDone,
    /// It is something that cannot be undone, as a kill.
    NoWay,
    /// Somebody took it back before, by this entry.
    TakenBack(&'a AuditEntry),
    /// This entry changed the same thing since.
    ChangedSince(&'a AuditEntry),
}

impl fmt::Display for Obstacle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone => f.write_str("it was refused, so there is nothing to take back"),
            Self::NoWay => f.write_str("there is no way back from that"),
            Self::TakenBack(by) => write!(f, "taken back already, by entry {}", by.id),
            Self::ChangedSince(by) => {
                let AuditEntry { id, action, target, .. } = by;
                write!(
                    f,
                    "entry {id}, {action} {target}, changed the same since: take that back first"
                )
            }
        }
    }
}

/// The request that takes `entry` back, given all `entries` of the trail.
pub(crate) fn way_back<'a>(
    entry: &'a AuditEntry,
    entries: &'a [AuditEntry],
) -> Result<&'a Undo, Obstacle<'a>> {
    if !entry.ok {
        return Err(Obstacle::NotDone);
    }
    let undo = entry.undo.as_ref().ok_or(Obstacle::NoWay)?;
    let later = entries.iter().filter(|it| it.id > entry.id && concerns(it, entry));
    let Some(newest) = later.max_by_key(|it| it.id) else { return Ok(undo) };
    let left = part(&left_by(newest), &undo.body);
    if kind(newest) == kind(entry) && left == part(&left_by(entry), &undo.body) {
        Ok(undo)
    } else if kind(newest) == kind(entry) && left == part(&found_by(entry, undo), &undo.body) {
        Err(Obstacle::TakenBack(newest))
    } else {
        Err(Obstacle::ChangedSince(newest))
    }
}

/// As `endpoint` of `endpoint.update`.
fn kind(entry: &AuditEntry) -> &str {
    entry.action.split('.').next().unwrap_or_default()
}

/// Whether `later` set something that `entry` set before.
fn concerns(later: &AuditEntry, entry: &AuditEntry) -> bool {
    // The overlay holds whatever else can be undone.
    if [kind(later), kind(entry)].contains(&"overlay") {
        return later.ok && (later.undo.is_some() || kind(later) == "overlay");
    }
    let (Some(undo), Some(its)) = (&later.undo, &entry.undo) else { return false };
    let has_common_key = match (undo.body.as_object(), its.body.as_object()) {
        (Some(keys), Some(of)) => keys.keys().any(|key| of.contains_key(key)),
        _ => true,
    };
    let is_same_thing = kind(later) == kind(entry) && later.target == entry.target;
    later.ok && is_same_thing && (later.action != entry.action || has_common_key)
}

/// What was there after `entry`. Of an instance, that is what it was told.
fn left_by(entry: &AuditEntry) -> Value {
    match kind(entry) {
        "instance" => last(&entry.action, '.').into(),
        // Of a long overlay the trail has the length alone, which is like no other.
        "overlay" if entry.after.get("overlay_bytes").is_some() => entry.id.into(),
        _ => entry.after.clone(),
    }
}

/// What was there before `entry`, which `undo` takes back.
fn found_by(entry: &AuditEntry, undo: &Undo) -> Value {
    match kind(entry) {
        "instance" => last(&undo.path, '/').into(),
        _ => entry.before.clone(),
    }
}

fn last(text: &str, before: char) -> &str {
    text.rsplit(before).next().unwrap_or_default()
}

/// Of an object only the keys that `asked` has, if it has any: an entry tells both admin state and
/// weight, and may have changed one of them.
fn part(of: &Value, asked: &Value) -> Value {
    match (of, asked) {
        (Value::Object(of), Value::Object(asked)) => of
            .iter()
            .filter(|(key, _)| asked.contains_key(*key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        (of, _) => of.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::figure;
    use super::*;

    fn entry(id: u64, action: &str, before: Value, after: Value, undo: Undo) -> AuditEntry {
        let target = if action.starts_with("overlay") { "overlay" } else { "web/one" };
        AuditEntry {
            id,
            at: figure::now(),
            who: "127.0.0.1".to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            before,
            after,
            ok: true,
            count: 1,
            detail: None,
            undo: Some(undo),
        }
    }

    fn undo(method: &str, path: &str, body: Value) -> Undo {
        Undo { method: method.to_owned(), path: path.to_owned(), body }
    }

    fn weight(id: u64, before: u32, after: u32) -> AuditEntry {
        let both = |weight| json!({ "admin_state": "enabled", "weight": weight });
        let undo = undo("PATCH", "/one", json!({ "weight": null }));
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
        let actual = way_back(&entries[0], entries).map(|_| ()).map_err(|it| it.to_string());
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
}
