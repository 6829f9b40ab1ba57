//! What an app is, in words.

use roundel_core::autoscale::{AutoscalePolicy, Pace, Target};

use super::row;
use crate::model::{AppConfig, AppLimits, InstanceCount, OutputConfig, RestartPolicy};
use crate::units::{show_duration, show_size};

/// What there is to say of an app, a label and a value a row.
pub(super) fn rows(app: &AppConfig) -> Vec<Vec<String>> {
    let spec = &app.spec;
    let command: Vec<String> = spec.command.iter().map(ToString::to_string).collect();
    let environment: Vec<String> = spec.environment.iter().map(|(name, _)| name.clone()).collect();
    let environment = match environment.as_slice() {
        [] => "Roundel's".to_owned(),
        // Values may be secrets.
        names => format!("Roundel's, and {}", names.join(", ")),
    };
    let mut rows = vec![
        row("command", format!("{command:?}")),
        row("instances", instances(app.instances)),
        row("name", spec.instance_name.to_string()),
        row("listen", spec.listen.to_string()),
        row(
            "directory",
            spec.directory
                .as_ref()
                .map_or_else(|| "Roundel's".to_owned(), |d| d.display().to_string()),
        ),
        row("environment", environment),
        row("user", spec.user.clone().unwrap_or_else(|| "Roundel's".to_owned())),
        row("limits", limits(spec.limits)),
        row(
            "times",
            format!(
                "start {}, drain {}, stop {}",
                show_duration(app.start_timeout),
                show_duration(app.drain_grace),
                show_duration(app.stop_grace),
            ),
        ),
        row("restart", restart(&app.restart)),
        row("output", output(&spec.output)),
    ];
    if let Some(policy) = &app.autoscale {
        rows.insert(2, row("autoscale", autoscale(policy)));
    }
    rows
}

fn autoscale(policy: &AutoscalePolicy) -> String {
    let target = match policy.target {
        Target::InFlight(each) => format!("{each} in flight each"),
        Target::QueueTime { target, capacity } => {
            format!("waits of {} for one of {capacity} places each", show_duration(target))
        }
        Target::Cpu { percent } => format!("{percent}% of a processor each"),
    };
    let pace = |pace: Pace| match pace.percent {
        0 => pace.instances.to_string(),
        percent => format!("{} or {percent}%", pace.instances),
    };
    let to_zero = policy.idle_after.map(|after| format!(", none after {}", show_duration(after)));
    format!(
        "{target} ±{}%, fewer after {}{}, at most {} more or {} fewer in {}",
        policy.tolerance_percent,
        show_duration(policy.scale_down_after),
        to_zero.unwrap_or_default(),
        pace(policy.up),
        pace(policy.down),
        show_duration(policy.up.period),
    )
}

fn instances(count: InstanceCount) -> String {
    let InstanceCount { initial, min, max } = count;
    format!("{min} to {max}, {initial} at first")
}

fn limits(limits: AppLimits) -> String {
    let files = limits.open_files.map(|files| format!("{files} open files"));
    let memory = limits.memory_bytes.map(|bytes| format!("{} of memory", show_size(bytes)));
    let all: Vec<String> = files.into_iter().chain(memory).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn restart(restart: &RestartPolicy) -> String {
    let unhealthy = restart.unhealthy_for.map(show_duration);
    format!(
        "after {} to {}, failed after {} exits in a row within {}{}",
        show_duration(restart.base_pause),
        show_duration(restart.max_pause),
        restart.max_quick_exits,
        show_duration(restart.settled_after),
        unhealthy.map(|after| format!(", unhealthy for {after}")).unwrap_or_default(),
    )
}

fn output(output: &OutputConfig) -> String {
    match &output.file {
        None => "last lines in memory".to_owned(),
        Some(file) => format!(
            "last lines in memory, all in {file} up to {} and {} before it",
            show_size(output.file_bytes_max),
            output.files_kept,
        ),
    }
}
