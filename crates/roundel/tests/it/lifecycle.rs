//! The process's life as service managers see it: readiness, signals, the end.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Answer, Balancer, Gate, Origin, RawClient, TempDir, eventually};
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::{configuration, plain};

const QUIET: &str = r#"
[admin]
address = "off"
[[listener]]
address = "127.0.0.1:0"
[pool.api]
endpoints = ["127.0.0.1:9"]
health_check = { enabled = false }
"#;

/// Killed when the test is over, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_service_manager_hears_of_every_step() {
    let directory = TempDir::new();
    let config = directory.write("roundel.toml", QUIET);
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut message = [0; 1024];
    // The watchdog's messages come in between at any time.
    let mut hear = |part: &str| loop {
        let length = socket.recv(&mut message).unwrap_or_else(|e| panic!("no {part}: {e}"));
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        if text.contains(part) {
            return text;
        }
        assert_eq!(text, "WATCHDOG=1\n", "waiting for {part}");
    };
    let child = Command::new(env!("CARGO_BIN_EXE_roundel"))
        .args(["run", "--config", config.to_str().unwrap()])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000")
        .env_remove("WATCHDOG_PID")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    let mut child = Killed(child);

    assert_eq!(hear("READY=1"), "READY=1\nSTATUS=ready\n");
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    kill_process(pid, Signal::HUP).unwrap();
    assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="));
    assert_eq!(hear("READY=1"), "READY=1\nSTATUS=ready\n");
    directory.write("roundel.toml", "nonsense");
    kill_process(pid, Signal::HUP).unwrap();
    hear("RELOADING=1");
    assert!(hear("READY=1").contains("the last reload was rejected"));
    kill_process(pid, Signal::TERM).unwrap();
    hear("STOPPING=1");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// Requests are served meanwhile, but nobody is told to send them yet.
#[test]
fn it_is_ready_when_the_first_probes_are_answered() {
    let (origins, gate) = (["a", "b"].map(Origin::start), Gate::shut());
    origins[1].on("/probe", Answer::status(500).hold(&gate));
    let balancer = Balancer::begin(&configuration(
        &plain(&origins),
        &["health_check = { path = \"/probe\", timeout = \"4s\" }"],
    ));
    balancer.wait_for_line("admin bound");
    origins[1].wait_for_requests(1);
    let readiness = || RawClient::connect(balancer.admin()).get("/readyz");
    let answer = readiness();
    assert_eq!((answer.status, answer.text().as_str()), (503, "starting\n"));
    assert_eq!(balancer.client().get("/").status, 200);
    gate.open();
    eventually(PATIENCE, "it is ready", || readiness().status == 200);
    assert!(balancer.stderr().iter().all(|line| !line.contains("did not answer")));
}

/// One that never answers must not keep the others from serving.
#[test]
fn the_wait_for_first_probes_ends() {
    let origins = ["a", "hung"].map(Origin::start);
    origins[1].on("/probe", Answer::never());
    let check = "health_check = { path = \"/probe\", timeout = \"1m\", interval = \"1h\" }";
    let balancer = Balancer::start(&configuration(&plain(&origins), &[check]));
    balancer.wait_for_line("some endpoints did not answer their first probe so far");
    assert_eq!(RawClient::connect(balancer.admin()).get("/readyz").status, 200);
}

#[test]
fn while_draining_it_is_not_ready_and_a_second_signal_ends_it() {
    let origin = Origin::start("slow");
    origin.answer(Answer::never());
    let mut balancer = Balancer::start(&format!(
        "[admin]\naddress = \"127.0.0.1:0\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.api]\nendpoints = [\"{}\"]\n",
        origin.address()
    ));
    assert_eq!(RawClient::connect(balancer.admin()).get("/readyz").status, 200);
    let mut client = balancer.client();
    client.request("GET", "/", &[], b"").unwrap();
    origin.wait_for_requests(1);
    balancer.signal(Signal::TERM);
    balancer.wait_for_line("stopping");
    let answer = RawClient::connect(balancer.admin()).get("/readyz");
    assert_eq!((answer.status, answer.body.as_slice()), (503, &b"draining\n"[..]));
    balancer.signal(Signal::INT);
    assert_eq!(balancer.wait().code(), Some(130));
}

#[test]
fn the_access_log_moves_on_after_a_rotation() {
    let origin = Origin::start("one");
    let directory = TempDir::new();
    let log = directory.path().join("access.log");
    let balancer = Balancer::start(&format!(
        "[admin]\naddress = \"off\"\n[access_log]\npath = \"{}\"\n\
         [[listener]]\naddress = \"127.0.0.1:0\"\n[pool.api]\nendpoints = [\"{}\"]\n",
        log.display(),
        origin.address()
    ));
    let has = |path: &std::path::Path, text: &str| {
        std::fs::read_to_string(path).is_ok_and(|content| content.contains(text))
    };
    let mut client = balancer.client();
    client.get("/before");
    eventually(PATIENCE, "the first line is written", || has(&log, "/before"));
    let rotated = directory.path().join("access.log.1");
    std::fs::rename(&log, &rotated).unwrap();
    balancer.signal(Signal::USR1);
    eventually(PATIENCE, "the new file is there", || log.exists());
    client.get("/after");
    eventually(PATIENCE, "the second line is in the new file", || has(&log, "/after"));
    assert!(!has(&rotated, "/after"));
}

#[test]
fn a_changed_file_is_taken_without_a_signal() {
    let origin = Origin::start("one");
    let config = format!(
        "[admin]\naddress = \"off\"\n[[listener]]\nname = \"web\"\naddress = \"127.0.0.1:0\"\n\
         [pool.api]\nendpoints = [\"{}\"]\n",
        origin.address()
    );
    let balancer = Balancer::start(&config);
    let more = "[[listener]]\nname = \"second\"\naddress = \"127.0.0.1:0\"\nworkers = 1";
    // First a file that is wrong, by its last key; then the same without it.
    balancer.directory().write("roundel.toml", &format!("{config}{more}\n"));
    let why = balancer.wait_for_line("reload rejected");
    assert!(why.contains("roundel.toml:11:1") && why.contains("workers"), "{why}");
    let right = format!("workers = 7\n{config}{}", more.replace("workers = 1", ""));
    balancer.directory().write("roundel.toml", &right);
    let report = balancer.wait_for_line("configuration reloaded");
    assert!(report.contains("listener added: second"), "{report}");
    let warning = balancer.wait_for_line("only at a restart");
    assert!(warning.contains("workers"), "{warning}");
    let mut client = RawClient::connect(balancer.address_of("second"));
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_signal_and_the_change_it_follows_are_one_reload() {
    let origin = Origin::start("one");
    let config = format!(
        "[admin]\naddress = \"off\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.api]\nendpoints = [\"{}\"]\n",
        origin.address()
    );
    let balancer = Balancer::start(&config);
    balancer.reload("nonsense").unwrap_err();
    // The next change is noticed by the watch, which by then has seen the first one as well.
    balancer.directory().write("roundel.toml", &format!("{config}# changed\n"));
    balancer.wait_for_line("configuration reloaded");
    let lines = balancer.stderr();
    let mut reloads: Vec<_> = lines.into_iter().filter(|line| line.contains("reload")).collect();
    // On a busy machine the watch may have seen it before the signal came.
    if reloads[0].contains("cause=file") {
        reloads.remove(0);
    }
    assert_eq!(reloads.len(), 2, "{}", reloads.join("\n"));
}

#[test]
fn a_removed_listener_can_come_back_while_an_old_exchange_still_runs() {
    let origin = Origin::start("one");
    origin.on("/never", Answer::never());
    let first = format!(
        "[admin]\naddress = \"off\"\n[pool.api]\nendpoints = [\"{}\"]\n\
         [[listener]]\nname = \"web\"\naddress = \"127.0.0.1:0\"\n",
        origin.address()
    );
    let both = format!("{first}[[listener]]\nname = \"second\"\naddress = \"127.0.0.1:0\"\n");
    let balancer = Balancer::start(&both);
    // It keeps the snapshot that it began with, and so the sockets.
    let mut waiting = RawClient::connect(balancer.address_of("second"));
    waiting.request("GET", "/never", &[], b"").unwrap();
    origin.wait_for_requests(1);
    balancer.reload(&first).unwrap();
    let removed = balancer.address_of("second");
    eventually(PATIENCE, "the removed listener refuses", || {
        std::net::TcpStream::connect(removed).is_err()
    });
    balancer.reload(&both).unwrap();
    let mut client = RawClient::connect(balancer.address_of("second"));
    assert_eq!(client.get("/").status, 200);
}
