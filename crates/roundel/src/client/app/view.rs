//! Apps and their instances as text.

use roundel_admin::contract::{
    App, Decision, Instance, InstanceState, Rollout, RolloutState, Time,
};

use super::super::screen::Look;
use super::super::table::{Cell, Table, Tone, left, right};
use super::super::{figure, text, word};

/// Apps, each with its instances and the last decision of its autoscaler.
pub(crate) fn render(apps: &[App], now: Time, look: Look) -> String {
    if apps.is_empty() {
        return "no apps: see `roundel reference`, [app.NAME]\n".to_owned();
    }
    let mut page = String::new();
    for app in apps {
        if !page.is_empty() {
            page.push('\n');
        }
        page.push_str(&head(app, now, look));
        page.push_str(&instances(app, now).render(look));
    }
    page
}

/// Instances that take traffic.
pub(crate) fn ready(app: &App) -> usize {
    app.instances.iter().filter(|it| it.state == InstanceState::Ready).count()
}

/// One line for each app.
pub(crate) fn table(apps: &[App], now: Time) -> Table {
    let mut table = Table::new(&[
        left("APP").shrinks_to(8),
        left("POOL").shrinks_to(8),
        right("READY"),
        right("WANTED"),
        left("BOUNDS"),
        left("SCALED"),
        left("NOT READY").shrinks_to(12),
    ]);
    for app in apps {
        table.row([
            app.name.as_str().into(),
            app.pool.as_str().into(),
            ready(app).to_string().into(),
            app.instances_wanted.to_string().into(),
            format!("{}-{}", app.min, app.max).into(),
            if app.is_autoscaled { "by load" } else { "by hand" }.into(),
            not_ready(app),
        ]);
        if let Some(decision) = app.decisions.first().filter(|_| app.is_autoscaled) {
            table.note(&scaled(decision, now), Tone::Dim);
        }
    }
    table
}

fn not_ready(app: &App) -> Cell {
    let others = app.instances.iter().filter(|it| it.state != InstanceState::Ready);
    let others: Vec<String> =
        others.map(|it| format!("{} {}", it.name, word::of(&it.state))).collect();
    if others.is_empty() { "-".into() } else { Cell::new(&others.join(", "), Tone::Warn) }
}

fn head(app: &App, now: Time, look: Look) -> String {
    let name = Tone::Strong.paint(&format!("app {}", text::line(&app.name)), look);
    let (ready, wanted, pool) = (ready(app), app.instances_wanted, text::line(&app.pool));
    let bounds = format!("from {} to {}", app.min, app.max);
    let line = format!("{name}  {ready} of {wanted} ready, {bounds}, pool {pool}");
    let mut head = text::folded(&line, look.width, 2) + "\n";
    let mut fact = |word: &str, text: &str| head.push_str(&look.fact(word, text));
    fact("runs", &text::line(&app.command.join(" ")));
    if let Some(autoscale) = &app.autoscale {
        let metric = word::of(&autoscale.metric).replace('_', " ");
        fact("scaled", &format!("by {metric}, {} for each instance", autoscale.target));
    }
    if let Some(rollout) = &app.rollout {
        fact("rollout", &self::rollout(rollout, look));
    }
    if let Some(decision) = app.decisions.first() {
        fact("decision", &text::line(&scaled(decision, now)));
    }
    head
}

fn scaled(decision: &Decision, now: Time) -> String {
    let Decision { from, to, reason, .. } = decision;
    format!("{}, from {from} to {to}: {reason}", figure::ago(decision.at, now))
}

fn rollout(rollout: &Rollout, look: Look) -> String {
    let (state, tone) = match rollout.state {
        RolloutState::Running => ("running", Tone::Warn),
        RolloutState::Stopped => ("given up", Tone::Bad),
        RolloutState::Done => ("done", Tone::Plain),
    };
    let reason = rollout.reason.as_deref().map(|reason| format!(": {}", text::line(reason)));
    let Rollout { updated, total, .. } = rollout;
    let state = tone.paint(state, look);
    format!("{state}, {updated} of {total} are new{}", reason.unwrap_or_default())
}

fn instances(app: &App, now: Time) -> Table {
    let mut table = Table::new(&[
        left("INSTANCE").shrinks_to(8),
        left("STATE"),
        right("PROCESS"),
        left("ADDRESS").shrinks_to(12),
        right("UP"),
        right("CPU"),
        right("MEMORY"),
        right("RESTARTS"),
    ])
    .indented(2);
    for instance in &app.instances {
        table.row(row(instance, now));
        if let Some(reason) = &instance.reason {
            table.note(reason, Tone::Warn);
        }
        let reason = instance.reason.as_deref().unwrap_or_default();
        // A reason often is how the process ended.
        if let Some(exit) = instance.last_exit.as_ref().filter(|it| !reason.contains(&it.status)) {
            let ago = figure::ago(exit.at, now);
            table.note(&format!("last process ended {ago}: {}", exit.status), Tone::Dim);
        }
    }
    table
}

fn row(instance: &Instance, now: Time) -> [Cell; 8] {
    let tone = match instance.state {
        InstanceState::Ready => Tone::Good,
        InstanceState::Failed | InstanceState::Backoff => Tone::Bad,
        InstanceState::Stopped => Tone::Dim,
        InstanceState::Starting | InstanceState::Draining | InstanceState::Stopping => Tone::Warn,
    };
    let or_dash = |text: Option<String>| Cell::from(text.unwrap_or_else(|| "-".to_owned()));
    [
        instance.name.as_str().into(),
        Cell::new(&word::of(&instance.state), tone),
        or_dash(instance.pid.map(|pid| pid.to_string())),
        instance.address.as_str().into(),
        or_dash(instance.started_at.map(|at| figure::brief(figure::since(at, now)))),
        or_dash(instance.cpu_percent.map(|percent| format!("{percent:.0} %"))),
        or_dash(instance.memory_bytes.map(figure::bytes)),
        instance.restarts.to_string().into(),
    ]
}
