//! `roundel events`: what happened, and what happens.
//!
//! A stream has no end, but it tells what happened before the state that shows it. Whoever wants
//! only what is past therefore listens for states, too, and stops at the first.

use roundel_admin::contract::{AuditEntry, Change, ChangeSeverity, Lagged};

use super::api::Api;
use super::arguments::EventsArguments;
use super::failure::Failure;
use super::screen::{Look, Screen};
use super::sse::Event;
use super::table::Tone;
use super::{figure, text, word};

/// Decisions are among the changes.
const TOPICS: &str = "change,audit";

/// Shows what happened; with `--follow` also what comes.
pub(crate) fn run(arguments: &EventsArguments) -> Result<(), Failure> {
    let api = Api::new(&arguments.common.reach)?;
    let screen = Screen::new();
    let last = if arguments.follow { "" } else { ",state" };
    let path = format!("/api/v1/events?topics={TOPICS}{last}");
    let mut stream = api.follow(&path, Some(0))?;
    loop {
        let event = stream.next()?;
        if event.name == "state" {
            return Ok(());
        }
        if arguments.common.json {
            screen.print(&text::json(&event.data))?;
        } else {
            screen.print(&line(&api, &event, screen.look())?)?;
        }
    }
}

fn line(api: &Api, event: &Event, look: Look) -> Result<String, Failure> {
    Ok(match event.name.as_str() {
        "change" => change(&api.parse(&event.data)?, look),
        "audit" => audit(&api.parse(&event.data)?, look),
        "lagged" => {
            let Lagged { missed } = api.parse(&event.data)?;
            format!("({} missed)", word::many(missed, "event"))
        }
        _ => String::new(),
    })
}

fn change(change: &Change, look: Look) -> String {
    let tone = match change.severity {
        ChangeSeverity::Info => Tone::Plain,
        ChangeSeverity::Warn => Tone::Warn,
        ChangeSeverity::Error => Tone::Bad,
    };
    let severity = tone.paint(&format!("{:<5}", word::of(&change.severity)), look);
    let message = text::line(&change.message);
    format!("{}  {severity}  {message}", figure::date(change.at))
}

fn audit(entry: &AuditEntry, look: Look) -> String {
    let AuditEntry { who, action, target, detail, .. } = entry;
    let (did, tone) = if entry.ok { ("did", Tone::Plain) } else { ("was refused", Tone::Warn) };
    let detail = detail.as_deref().and_then(|detail| detail.lines().next());
    let detail = detail.map(|first| format!(": {first}")).unwrap_or_default();
    let times = if entry.count > 1 {
        format!(", {} times in a row", figure::count(entry.count))
    } else {
        String::new()
    };
    let message = text::line(&format!("{who} {did} {action} {target}{detail}{times}"));
    format!("{}  {}  {message}", figure::date(entry.at), tone.paint("audit", look))
}
