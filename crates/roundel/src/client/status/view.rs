//! The state as a page of text.

use std::fmt::Write as _;

use roundel_admin::contract::{
    Endpoint, Health, Hold, Override, Phase, Pool, Presence, State, Tier, Time,
};

use super::super::screen::Look;
use super::super::table::{Cell, Table, Tone, left, right};
use super::super::{figure, text, word};

/// All of it.
pub(crate) fn render(state: &State, look: Look) -> String {
    let mut page = head(state, look);
    for pool in &state.pools {
        page.push('\n');
        page.push_str(&pool_head(pool, look));
        page.push_str(&endpoints(pool, state.now, look));
    }
    if !state.apps.is_empty() {
        page.push('\n');
        page.push_str(&super::super::app::view::table(&state.apps, state.now).render(look));
    }
    page
}

/// Facts about the whole, each after its word.
fn head(state: &State, look: Look) -> String {
    let phase = match state.phase {
        Phase::Ready => Tone::Good.paint("ready", look),
        Phase::Starting => Tone::Warn.paint("starting", look),
        Phase::Draining => Tone::Warn.paint("draining", look),
    };
    let version = text::line(&state.version);
    let up = figure::span(figure::since(state.started_at, state.now));
    let mut head = Tone::Strong.paint(&format!("Roundel {version}"), look);
    let workers = word::many(state.workers, "worker");
    // Writing to a `String` cannot fail.
    let _ = writeln!(head, "  {phase}, up {up}, generation {}, {workers}", state.generation);
    let mut fact = |word: &str, text: &str| head.push_str(&look.fact(word, text));
    if let Some(file) = &state.config_file {
        fact("file", &text::line(file));
    }
    if let Some(reload) = &state.last_reload {
        let (word, tone) = if reload.ok { ("done", Tone::Good) } else { ("REFUSED", Tone::Bad) };
        let said = text::line(reload.message.lines().next().unwrap_or_default());
        let ago = figure::ago(reload.at, state.now);
        fact("reload", &format!("{} {ago}: {said}", tone.paint(word, look)));
    }
    for provider in &state.providers {
        if let Some(since) = provider.lost_since {
            let lost = Tone::Bad.paint("LOST", look);
            let ago = figure::ago(since, state.now);
            let reason = text::line(provider.reason.as_deref().unwrap_or("no reason given"));
            let rest = "its endpoints are those last known";
            fact(&word::of(&provider.source), &format!("{lost} {ago}, {rest}: {reason}"));
        }
    }
    if state.has_overlay {
        fact("overlay", "operators changed something: see roundel overlay");
    }
    let totals = &state.totals;
    let (rate, errors) =
        (figure::rate(totals.requests_per_second), figure::share(totals.error_rate));
    fact("requests", &format!("{rate}/s, {errors} errors, {} in flight", totals.in_flight));
    if let Some(latency) = totals.latency_ms {
        let [p50, p95, p99] = [latency.p50, latency.p95, latency.p99].map(figure::ms);
        fact("latency", &format!("p50 {p50}, p95 {p95}, p99 {p99}"));
    }
    let (requests, errors) =
        (figure::count(totals.requests_total), figure::count(totals.errors_total));
    fact("so far", &format!("{requests} requests, {errors} of them errors"));
    for listener in &state.listeners {
        let name = text::line(&listener.name);
        let address = text::line(&listener.address);
        let connections = word::many(listener.connections_open, "connection");
        let rate = figure::rate(listener.requests_per_second);
        fact("listener", &format!("{name} on {address}: {connections}, {rate} requests/s"));
    }
    head
}

fn pool_head(pool: &Pool, look: Look) -> String {
    let (tier, tone) = match (pool.tier, pool.hold) {
        (Tier::Primary, _) => ("", Tone::Plain),
        (Tier::Backup, _) => ("on backups", Tone::Warn),
        (Tier::Panic, _) => ("fails open: too few are eligible", Tone::Bad),
        (Tier::Unprobed, _) => ("nobody is probed yet", Tone::Warn),
        (Tier::Empty, Some(Hold::Asleep)) => {
            ("asleep: the next request starts an instance", Tone::Dim)
        }
        (Tier::Empty, Some(Hold::Expected)) => {
            ("requests wait for an endpoint that is expected", Tone::Warn)
        }
        (Tier::Empty, None) => ("NOBODY takes traffic", Tone::Bad),
    };
    let name = Tone::Strong.paint(&format!("pool {}", text::line(&pool.name)), look);
    let check = pool.health_check.as_deref().unwrap_or("no health check");
    let mut facts = vec![text::line(&pool.balance), text::line(check)];
    if pool.queue_length > 0 {
        facts.push(format!("queue {} of {}", pool.queue_length, pool.queue_limit));
    }
    if pool.retries_total > 0 {
        facts.push(word::many(pool.retries_total, "retry"));
    }
    if pool.hedges_total > 0 {
        facts.push(word::many(pool.hedges_total, "hedge"));
    }
    if !tier.is_empty() {
        facts.push(tone.paint(tier, look));
    }
    text::folded(&format!("{name}  {}", facts.join(", ")), look.width, 2) + "\n"
}

fn endpoints(pool: &Pool, now: Time, look: Look) -> String {
    if pool.endpoints.is_empty() {
        return "  no endpoints\n".to_owned();
    }
    let mut table = Table::new(&[
        left("ENDPOINT").shrinks_to(8),
        left("ADMIN"),
        left("HEALTH"),
        left("EJECTED"),
        left("SOURCE"),
        right("WEIGHT"),
        right("REQ/S"),
        right("ERRORS"),
        right("P95 MS"),
    ]);
    for endpoint in &pool.endpoints {
        table.row(row(endpoint, now));
        for (note, tone) in notes(endpoint, now) {
            table.note(&note, tone);
        }
    }
    table.render(look)
}

fn row(endpoint: &Endpoint, now: Time) -> [Cell; 9] {
    let (mark, tone) = if endpoint.is_eligible { ('+', Tone::Plain) } else { ('-', Tone::Bad) };
    let admin = word::of(&endpoint.admin_state);
    let admin_tone = if admin == "enabled" { Tone::Plain } else { Tone::Warn };
    let errors = match endpoint.error_rate {
        rate if rate > 0.0 => Cell::new(&figure::share(rate), Tone::Bad),
        rate => figure::share(rate).into(),
    };
    [
        Cell::new(&format!("{mark} {}", endpoint.name), tone),
        Cell::new(&admin, admin_tone),
        Cell::new(&word::of(&endpoint.health), tone_of_health(endpoint.health)),
        ejection(endpoint, now),
        word::of(&endpoint.source).into(),
        weight(endpoint).into(),
        figure::rate(endpoint.requests_per_second).into(),
        errors,
        endpoint.latency_ms.map_or_else(|| "-".to_owned(), |it| figure::bare_ms(it.p95)).into(),
    ]
}

/// During slow start the weight that counts comes first.
fn weight(endpoint: &Endpoint) -> String {
    let Endpoint { weight, effective_weight, .. } = *endpoint;
    if (effective_weight - f64::from(weight)).abs() < 0.005 {
        return weight.to_string();
    }
    format!("{effective_weight:.2}/{weight}")
}

pub(crate) const fn tone_of_health(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Unhealthy => Tone::Bad,
        Health::Unknown => Tone::Warn,
    }
}

/// What is said below an endpoint that takes requests and answers none.
pub(crate) const SILENT: &str =
    "silent: took requests and answers none; the last choice until it does";

/// For how long it is ejected.
pub(crate) fn ejection(endpoint: &Endpoint, now: Time) -> Cell {
    match endpoint.ejected_until {
        Some(until) => Cell::new(&format!("for {}", figure::until(until, now)), Tone::Bad),
        None => "no".into(),
    }
}

/// What no column says: the unusual, each on a line.
fn notes(endpoint: &Endpoint, now: Time) -> Vec<(String, Tone)> {
    let mut notes = Vec::new();
    match endpoint.presence {
        Presence::Present => {}
        Presence::Starting => notes.push(("its process is starting".to_owned(), Tone::Warn)),
        Presence::Absent => notes.push(("nothing runs there".to_owned(), Tone::Bad)),
    }
    if endpoint.is_silent {
        notes.push((SILENT.to_owned(), Tone::Warn));
    }
    if let Some(probe) = endpoint.last_probe.as_ref().filter(|probe| !probe.ok) {
        let reason = probe.reason.as_deref().unwrap_or("no reason given");
        let ago = figure::ago(probe.at, now);
        notes.push((format!("last probe failed {ago}: {reason}"), Tone::Bad));
    }
    if endpoint.is_backup {
        notes.push(("a backup".to_owned(), Tone::Dim));
    }
    if !endpoint.overridden.is_empty() {
        let changed: Vec<&str> = endpoint
            .overridden
            .iter()
            .map(|it| match it {
                Override::AdminState => "admin state",
                Override::Weight => "weight",
            })
            .collect();
        notes.push((format!("{} set by an operator", changed.join(" and ")), Tone::Dim));
    }
    notes
}
