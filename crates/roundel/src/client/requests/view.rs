//! Requests, a line each, the newest last, as a log is read.

use std::fmt::Write as _;

use roundel_admin::contract::{RequestSummary, Requests};

use super::super::screen::Look;
use super::super::table::{Cell, Table, Tone, left, right};
use super::super::{figure, word};

/// A list of them.
pub(crate) fn render(requests: &Requests, look: Look) -> String {
    let mut table = table();
    for request in requests.requests.iter().rev() {
        add(&mut table, request);
    }
    let mut shown = table.render(look);
    if requests.requests.is_empty() {
        shown.push_str("no such request among those that are kept\n");
    }
    if requests.sampled_out > 0 {
        let out = word::many(requests.sampled_out, "request");
        // Writing to a `String` cannot fail.
        let _ = writeln!(shown, "({out} since the start not kept: too many at once)");
    }
    shown
}

/// What stands above lines that come one by one.
pub(crate) fn titles(look: Look) -> String {
    table().render(look)
}

/// One of those lines.
pub(crate) fn line(request: &RequestSummary, look: Look) -> String {
    let mut table = table();
    add(&mut table, request);
    table.render_rows(look)
}

fn table() -> Table {
    Table::new(&[
        left("ID").begins_at(8),
        left("TIME").begins_at(8),
        left("METHOD"),
        left("STATUS"),
        right("TOTAL").begins_at(9),
        left("ENDPOINT").begins_at(12).shrinks_to(8),
        left("PATH").shrinks_to(8),
    ])
}

fn add(table: &mut Table, request: &RequestSummary) {
    let status = match request.status {
        Some(status) if status >= 500 => Cell::new(&status.to_string(), Tone::Bad),
        Some(status) if status >= 400 => Cell::new(&status.to_string(), Tone::Warn),
        Some(status) => status.to_string().into(),
        None => Cell::new("none", Tone::Bad),
    };
    table.row([
        request.id.as_str().into(),
        figure::clock(request.at).get(..8).unwrap_or_default().into(),
        or_dash(&request.method).into(),
        status,
        figure::ms(request.total_ms).into(),
        request.endpoint.as_deref().unwrap_or("-").into(),
        or_dash(&request.path).into(),
    ]);
    if let Some(note) = note(request) {
        table.note(&note, if request.end == "ok" { Tone::Dim } else { Tone::Bad });
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// What is unusual about it.
fn note(request: &RequestSummary) -> Option<String> {
    let mut facts = Vec::new();
    if request.end != "ok" {
        facts.push(format!("ended as {}", request.end));
    }
    if request.attempts > 1 {
        facts.push(format!("{} attempts", request.attempts));
    }
    if let Some(queue) = request.queue_ms {
        facts.push(format!("waited {} in the queue", figure::ms(queue)));
    }
    (!facts.is_empty()).then(|| facts.join(", "))
}
