//! `roundel audit`: what operators did, or tried to do, and how to take it back.

mod undo;

use roundel_admin::contract::AuditLog;
use serde_json::Value;

use super::api::Api;
use super::arguments::{AuditArguments, AuditCommand};
use super::failure::Failure;
use super::screen::{Look, Screen};
use super::table::{Cell, Table, Tone, left};
use super::{figure, text, word};

/// Does what is asked.
pub(crate) fn run(arguments: &AuditArguments) -> Result<(), Failure> {
    match &arguments.command {
        None => show(arguments),
        Some(AuditCommand::Undo(arguments)) => undo::run(arguments),
    }
}

/// Shows the log.
fn show(arguments: &AuditArguments) -> Result<(), Failure> {
    let api = Api::new(&arguments.common.reach)?;
    let screen = Screen::new();
    let answer = api.text("/api/v1/audit")?;
    if arguments.common.json {
        return screen.print(&text::json(&answer));
    }
    screen.print(&render(&api.parse(&answer)?, screen.look()))
}

/// An entry a line, the newest last; what was before and after stands below, and the command that
/// takes it back where nothing is in the way.
pub(super) fn render(log: &AuditLog, look: Look) -> String {
    if log.entries.is_empty() {
        return "nobody did anything so far\n".to_owned();
    }
    let mut table = Table::new(&[
        left("TIME (UTC)"),
        left("ACTION"),
        left("TARGET").shrinks_to(8),
        left("RESULT"),
        left("WHO").shrinks_to(9),
    ]);
    for entry in log.entries.iter().rev() {
        let (result, tone) = if entry.ok { ("done", Tone::Good) } else { ("refused", Tone::Bad) };
        table.row([
            figure::date(entry.at).into(),
            entry.action.as_str().into(),
            if entry.target.is_empty() { "-" } else { &entry.target }.into(),
            Cell::new(result, tone),
            entry.who.as_str().into(),
        ]);
        if let Some(change) = change(&entry.before, &entry.after) {
            table.note(&change, Tone::Dim);
        }
        if let Some(detail) = &entry.detail {
            let first = detail.lines().next().unwrap_or_default();
            table.note(first, Tone::Dim);
        }
        if entry.count > 1 {
            table.note(&format!("{} times in a row", figure::count(entry.count)), Tone::Dim);
        }
        if entry.undo.is_some() && entry.obstacle.is_none() {
            table.note(&format!("take it back: roundel audit undo {}", entry.id), Tone::Dim);
        }
    }
    table.render(look)
}

/// What differs between before and after, key by key.
fn change(before: &Value, after: &Value) -> Option<String> {
    let empty = serde_json::Map::new();
    let before = before.as_object().unwrap_or(&empty);
    let after = after.as_object().unwrap_or(&empty);
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let plain = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "none".to_owned(),
        // A whole overlay, say.
        Some(Value::String(text)) if text.trim_end().contains('\n') => {
            word::many(text.lines().count() as u64, "line")
        }
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let told = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let told = told.map(|key| {
        format!("{} {} -> {}", key.replace('_', " "), plain(before.get(key)), plain(after.get(key)))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}
