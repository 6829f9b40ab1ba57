//! What the demo tells its audience at the start.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::servers::Running;

/// What to open and what to try.
pub(crate) fn text(
    servers: &[Running],
    listener: Option<SocketAddr>,
    admin: Option<SocketAddr>,
) -> String {
    let mut text = String::from("\nRoundel spreads requests over these demo servers:\n\n");
    // Writing to a `String` cannot fail.
    for Running { name, port, pid } in servers {
        let _ = writeln!(text, "  {name:<10} http://127.0.0.1:{port}   process {pid}");
    }
    if let Some(admin) = admin {
        let _ = write!(text, "\nOpen\n  http://{admin}/   to watch them\n");
    }
    text.push_str("\nTry, in another terminal\n");
    for (command, effect) in attempts(servers, listener) {
        let _ = writeln!(text, "  {command:<44} {effect}");
    }
    text.push_str("\nCtrl-C ends it all. Below is one line for each request.\n\n");
    text
}

/// Commands and what they show.
fn attempts(servers: &[Running], listener: Option<SocketAddr>) -> Vec<(String, &'static str)> {
    let mut attempts = Vec::new();
    if let Some(listener) = listener {
        attempts.push((format!("curl http://{listener}/"), "a few times: each server in turn"));
        attempts.push((format!("curl http://{listener}/stats"), "requests by server"));
        attempts.push((format!("curl 'http://{listener}/slow?ms=2000'"), "a slow answer"));
    }
    if let Some(Running { pid, .. }) = servers.first() {
        let effect = "the others take over; it is back 5 seconds later";
        attempts.push((format!("kill -9 {pid}"), effect));
    }
    attempts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_names_what_can_be_opened_and_killed() {
        let servers = [Running { name: "Server 1".to_owned(), port: 5001, pid: 77 }];
        let listener = "127.0.0.1:8080".parse().unwrap();
        let admin = "127.0.0.1:8090".parse().unwrap();
        let text = text(&servers, Some(listener), Some(admin));
        for part in [
            "Server 1   http://127.0.0.1:5001   process 77",
            "http://127.0.0.1:8090/",
            "curl http://127.0.0.1:8080/ ",
            "curl http://127.0.0.1:8080/stats",
            "kill -9 77",
            "Ctrl-C",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
