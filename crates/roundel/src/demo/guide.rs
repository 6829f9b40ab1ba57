//! What the demo tells its audience at the start.

use std::fmt::Write as _;
use std::net::SocketAddr;

use roundel_control::{AppView, InstanceView};

use crate::cli::ADMIN;

/// What to open and what to try; `program` is what this one is typed as.
pub(crate) fn text(
    program: &str,
    apps: &[AppView],
    listener: Option<SocketAddr>,
    admin: Option<SocketAddr>,
) -> String {
    let mut text = String::from("\nRoundel spreads requests over these demo servers:\n\n");
    // Writing to a `String` cannot fail.
    let servers: Vec<&InstanceView> = apps.iter().flat_map(|app| &app.instances).collect();
    for server in &servers {
        let name = server.name.to_string();
        let place = match (&server.address, server.pid) {
            (Some(address), Some(pid)) => format!("http://{address}   process {pid}"),
            // Whoever wonders why finds the reason here.
            _ => format!("{}: {}", server.state, server.reason.as_deref().unwrap_or("no process")),
        };
        let _ = writeln!(text, "  {name:<10} {place}");
    }
    if let Some(admin) = admin {
        let _ =
            write!(text, "\nOpen\n  http://{admin}/   to watch them, kill them and start them\n");
    }
    text.push_str("\nTry, in another terminal\n");
    let mut attempts = attempts(&servers, listener);
    if let Some(admin) = admin {
        let option = if admin == ADMIN { String::new() } else { format!(" --admin {admin}") };
        attempts.push((format!("{program} status --watch{option}"), "all of it, each second"));
    }
    for (command, effect) in attempts {
        let _ = writeln!(text, "  {command:<44} {effect}");
    }
    text.push_str("\nCtrl-C ends it all. Below is one line for each request.\n\n");
    text
}

/// Commands and what they show.
fn attempts(
    servers: &[&InstanceView],
    listener: Option<SocketAddr>,
) -> Vec<(String, &'static str)> {
    let mut attempts = Vec::new();
    if let Some(listener) = listener {
        attempts.push((format!("curl http://{listener}/"), "a few times: each server in turn"));
        attempts.push((format!("curl http://{listener}/stats"), "requests by server"));
        attempts.push((format!("curl 'http://{listener}/slow?ms=2000'"), "a slow answer"));
    }
    if let Some(pid) = servers.first().and_then(|server| server.pid) {
        let effect = "the others take over; it is back 5 seconds later";
        attempts.push((format!("kill -9 {pid}"), effect));
    }
    attempts
}

#[cfg(test)]
mod tests {
    use roundel_control::{InstanceState, OutputTail};
    use roundel_core::name::Name;

    use super::*;

    #[test]
    fn the_guide_names_what_can_be_opened_and_killed() {
        let server = InstanceView {
            name: Name::parse("Server 1").unwrap(),
            index: 1,
            state: InstanceState::Ready,
            pid: Some(77),
            address: Some("127.0.0.1:5001".to_owned()),
            started_at: None,
            is_held: false,
            restarts: 0,
            cpu_percent: None,
            memory_bytes: None,
            last_exit: None,
            reason: None,
            output_lines: 0,
            output: OutputTail::default(),
        };
        let late = InstanceView {
            name: Name::parse("Server 2").unwrap(),
            pid: None,
            state: InstanceState::BackOff,
            reason: Some("no port is free".to_owned()),
            ..server.clone()
        };
        let app = AppView {
            name: Name::parse("demo").unwrap(),
            pool: Name::parse("demo").unwrap(),
            command: Vec::new(),
            instances_wanted: 2,
            min: 0,
            max: 2,
            instances: vec![server, late],
            restarts_total: 0,
            rollout: None,
        };
        let listener = "127.0.0.1:8080".parse().unwrap();
        let admin = "127.0.0.1:8090".parse().unwrap();
        let text = text("roundel", &[app], Some(listener), Some(admin));
        for part in [
            "Server 1   http://127.0.0.1:5001   process 77",
            "Server 2   backoff: no port is free",
            "http://127.0.0.1:8090/",
            "curl http://127.0.0.1:8080/ ",
            "curl http://127.0.0.1:8080/stats",
            "kill -9 77",
            "roundel status --watch ",
            "Ctrl-C",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
