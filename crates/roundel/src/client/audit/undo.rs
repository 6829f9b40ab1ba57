//! `roundel audit undo`: takes back what an entry of the audit log did.
//!
//! The request that does it is the one that Roundel wrote into the entry, and what is in the way of
//! it is what Roundel says, as for any other client.

use roundel_admin::contract::{AuditLog, ObstacleReason, Undo};

use super::super::api::Api;
use super::super::arguments::UndoArguments;
use super::super::failure::Failure;
use super::super::screen::Screen;
use super::super::text;
use super::change;

/// What a request that changes something may be.
const METHODS: [&str; 4] = ["PATCH", "POST", "PUT", "DELETE"];

/// Takes it back, or says why not.
pub(super) fn run(arguments: &UndoArguments) -> Result<(), Failure> {
    let UndoArguments { id, force, common } = arguments;
    let api = Api::new(&common.reach)?;
    let AuditLog { entries } = api.get("/api/v1/audit")?;
    let Some(entry) = entries.iter().find(|entry| entry.id == *id) else {
        return Err(Failure::Other(format!(
            "there is no entry {id} in the audit log: roundel audit shows those that are kept"
        )));
    };
    let what = format!("{} {}", entry.action, entry.target);
    let can_be_forced =
        |reason| matches!(reason, ObstacleReason::TakenBack | ObstacleReason::ChangedSince);
    let undo = match (&entry.undo, &entry.obstacle) {
        (Some(undo), None) => undo,
        (Some(undo), Some(obstacle)) if *force && can_be_forced(obstacle.reason) => undo,
        (_, obstacle) => {
            let why = obstacle.as_ref().map_or("there is no way back", |it| &it.message);
            let is_both =
                obstacle.as_ref().map(|it| it.reason) == Some(ObstacleReason::ChangedSince);
            let hint = if is_both { ", or both with --force" } else { "" };
            return Err(Failure::Other(format!("entry {id}, {what}: {why}{hint}")));
        }
    };
    let answer = send(&api, undo)?;
    let screen = Screen::new();
    if common.json {
        return screen.print(&text::json(&answer));
    }
    // Where more than the entry was taken back, it does not say what is different now.
    let change = change(&entry.after, &entry.before).filter(|_| entry.obstacle.is_none());
    let change = change.map_or_else(String::new, |change| format!(", {change}"));
    screen.print(&text::line(&format!("taken back: {what}{change}")))
}

fn send(api: &Api, Undo { method, path, body }: &Undo) -> Result<String, Failure> {
    let method = METHODS.into_iter().find(|it| it == method);
    let is_own = path.starts_with("/api/v1/") && path.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(method) = method.filter(|_| is_own) else {
        return Err(Failure::Other(format!("the way back leads elsewhere, to {path:?}")));
    };
    api.call(method, path, Some(body).filter(|body| !body.is_null()))
}
