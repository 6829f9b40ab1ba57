//! The explanation of a request as text: what was asked, how it ended, where its time went, and what
//! was considered at each attempt.

use std::fmt::Write as _;

use roundel_admin::contract::{RequestAttempt, RequestDetail, RequestPick, RequestSummary};

use super::super::screen::Look;
use super::super::table::{Cell, Table, Tone, left, right};
use super::super::{figure, text, word};

/// All of it.
pub(crate) fn render(detail: &RequestDetail, look: Look) -> String {
    let RequestDetail { summary, route_reason, attempts_made, attempts_omitted, refusal } = detail;
    let mut shown = head(summary, look);
    shown.push_str(&look.fact("route", &text::line(route_reason)));
    if let Some(last) = attempts_made.last() {
        shown.push_str(&look.fact("time", &split(summary, last)));
    }
    let total = attempts_made.len() + *attempts_omitted as usize;
    for (at, attempt) in attempts_made.iter().enumerate() {
        let is_last = at + 1 == attempts_made.len();
        if is_last && *attempts_omitted > 0 {
            let omitted = word::many(u64::from(*attempts_omitted), "attempt");
            let _ = writeln!(shown, "\n({omitted} not told)");
        }
        let number = if is_last { total } else { at + 1 };
        shown.push('\n');
        shown.push_str(&self::attempt(number, attempt, look));
    }
    if let Some(refusal) = refusal {
        shown.push_str("\nNo endpoint had a place for it:\n");
        shown.push_str(&pick(refusal, look));
    }
    shown
}

fn head(summary: &RequestSummary, look: Look) -> String {
    let (status, tone) = match summary.status {
        Some(status) if status >= 500 => (format!("answered with {status}"), Tone::Bad),
        Some(status) => (format!("answered with {status}"), Tone::Good),
        None => ("without an answer".to_owned(), Tone::Bad),
    };
    let asked = match (summary.method.as_str(), summary.path.as_str()) {
        ("", _) => "a request whose head was not read".to_owned(),
        (method, path) => format!("{method} {path} for {}", summary.host),
    };
    let mut head = text::folded(&Tone::Strong.paint(&text::line(&asked), look), look.width, 0);
    let total = figure::ms(summary.total_ms);
    let end = text::line(&summary.end);
    let outcome = format!("{} in {total}, ended as {end}", tone.paint(&status, look));
    head.push('\n');
    head.push_str(&text::folded(&outcome, look.width, 0));
    head.push_str("\n\n");
    let mut fact = |word: &str, text: &str| head.push_str(&look.fact(word, text));
    fact("id", &text::line(&summary.id));
    if let Some(id) = &summary.request_id {
        fact("header", &format!("X-Request-Id: {}", text::line(id)));
    }
    fact("ended", &format!("{}.{} UTC", figure::date(summary.at), millis(summary)));
    let (client, listener) = (text::line(&summary.client), text::line(&summary.listener));
    fact("client", &format!("{client}, to listener {listener}, {}", text::line(&summary.version)));
    let [received, sent] = [summary.request_bytes, summary.response_bytes].map(figure::bytes);
    fact("bodies", &format!("{received} from the client, {sent} to it"));
    head
}

fn millis(summary: &RequestSummary) -> String {
    figure::clock(summary.at).get(9..).unwrap_or_default().to_owned()
}

/// Where the time went, from the first byte in to the last byte out.
fn split(summary: &RequestSummary, last: &RequestAttempt) -> String {
    let queue = summary.queue_ms.unwrap_or_default();
    let connect = last.connect_ms.unwrap_or_default();
    // Without a head the attempt is all that is left.
    let head = last.first_byte_ms.unwrap_or(summary.total_ms - last.started_ms);
    let parts = [
        ("in the queue", queue),
        ("before the last attempt", last.started_ms - queue),
        ("connecting", connect),
        ("for the response head", head - connect),
        ("for the rest", summary.total_ms - last.started_ms - head),
    ];
    let parts = parts.into_iter().filter(|(_, ms)| *ms >= 0.005);
    let parts: Vec<String> = parts.map(|(what, it)| format!("{} {what}", figure::ms(it))).collect();
    parts.join(", ")
}

fn attempt(number: usize, attempt: &RequestAttempt, look: Look) -> String {
    let is_ok = attempt.outcome == "ok";
    let connection = match (attempt.reused, attempt.connect_ms) {
        (true, _) => "an idle connection".to_owned(),
        (false, Some(connect)) => format!("a new connection, made in {}", figure::ms(connect)),
        (false, None) => "no connection".to_owned(),
    };
    let answer = match (attempt.status, attempt.first_byte_ms) {
        (Some(status), Some(first)) => format!("{status} after {}", figure::ms(first)),
        _ => "no response head".to_owned(),
    };
    let outcome = if is_ok { Tone::Good } else { Tone::Bad };
    let title = format!("attempt {number}: {}", text::line(&attempt.endpoint));
    let title = Tone::Strong.paint(&title, look);
    let address = text::line(&attempt.address);
    let started = figure::ms(attempt.started_ms);
    let outcome = outcome.paint(&text::line(&attempt.outcome), look);
    let line = format!("{title} at {address}, {started} after the start: {outcome}");
    let line = text::folded(&line, look.width, 2);
    format!("{line}\n  {connection}; {answer}\n{}", pick(&attempt.pick, look))
}

fn pick(pick: &RequestPick, look: Look) -> String {
    let columns = [
        left("ENDPOINT").shrinks_to(8),
        left("VERDICT"),
        right("IN FLIGHT"),
        left("WHY").shrinks_to(8),
    ];
    let mut table = Table::new(&columns).indented(2);
    for candidate in &pick.candidates {
        let verdict = candidate.verdict.replace('_', " ");
        let tone = match candidate.verdict.as_str() {
            "chosen" => Tone::Good,
            "not_chosen" | "backup" => Tone::Plain,
            _ => Tone::Warn,
        };
        table.row([
            candidate.endpoint.as_str().into(),
            Cell::new(&verdict, tone),
            candidate.in_flight.map_or_else(|| "-".to_owned(), |it| it.to_string()).into(),
            candidate.reason.as_str().into(),
        ]);
    }
    let mut shown = table.render(look);
    if pick.candidates_omitted > 0 {
        let omitted = word::many(pick.candidates_omitted, "endpoint");
        let _ = writeln!(shown, "  ({omitted} not listed)");
    }
    shown
}
