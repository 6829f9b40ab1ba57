//! Running out of file descriptors (fault 13), in a process of its own.

use std::process::Command;

use roundel_core::end::{AttemptFailure as F, EndReason as E};
use roundel_testkit::{Origin, RawClient, eventually};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::scene::{PATIENCE, Setup, ms};

const CHILD: &str = "descriptors::in_a_process_of_its_own";

/// Set in the process whose limits may be lowered.
const IS_CHILD: &str = "DESCRIPTORS_CHILD";

#[test]
fn running_out_of_descriptors_is_survived() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", CHILD, "--nocapture"])
        .env(IS_CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Lowers the limits of its process, so it does its work only when the test above starts it.
#[test]
fn in_a_process_of_its_own() {
    if std::env::var_os(IS_CHILD).is_none() {
        return;
    }
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    assert_eq!(scene.client().get("/").status, 200);
    let mut clients: Vec<_> = (0..64).map(|_| scene.client()).collect();
    let connected = || scene.connections_by_worker().iter().sum::<i64>();
    eventually(PATIENCE, "all are accepted", || connected() == 64);

    // Clients can still connect, since what they need is open; the balancer can accept no more.
    let sockets: Vec<_> = (0..32).map(|_| unconnected()).collect();
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..before }).unwrap();
    for socket in &sockets {
        socket.connect(&scene.address().into()).unwrap();
    }
    eventually(PATIENCE, "failures to accept are counted", || scene.accept_failures() > 0);
    // It waits for events, and does not ask over and over.
    let turns = scene.turns();
    std::thread::sleep(ms(500));
    let spent = scene.turns() - turns;
    assert!(spent < 100, "{spent} turns");

    // Connections to the endpoint that are open are used; that no other can be made is not its
    // fault.
    let answers = clients.iter_mut().map(|client| client.get("/"));
    let refused: Vec<_> = answers.filter(|answer| answer.status != 200).collect();
    assert!(!refused.is_empty(), "workers have their own connections");
    for answer in &refused {
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    }
    scene.expect_ends(E::NoSocket, refused.len() as u64);
    assert_eq!(scene.failures(0, F::NoSocket), 3 * refused.len() as u64, "tried three times each");
    assert_eq!((scene.errors(0), scene.failures(0, F::Connect)), (0, 0));

    setrlimit(Resource::Nofile, before).unwrap();
    // Of those that waited no event tells again.
    eventually(PATIENCE, "those that waited are accepted", || connected() == 64 + 32);
    let answered = |client: &mut RawClient| client.get("/").status == 200;
    assert!(clients.iter_mut().all(answered), "connections made before are served on");
    assert!(answered(&mut scene.client()), "and new ones are accepted");
    drop(sockets);
}

fn unconnected() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}
