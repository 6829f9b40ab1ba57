//! What an exchange costs, in instructions: a count that no other program on the machine changes.
//!
//! Callgrind runs the tests' own, unoptimised binary and counts what its worker executes in user mode
//! while a warm client sends a number of requests. Other threads are left out: the slower the machine,
//! the more there is for each exchange of what they do each second. Unoptimised code takes about eleven
//! times as many instructions as what is shipped, but what makes the one do more makes the other do
//! more. Times, and what the kernel takes, are the benchmarks' business (`cargo xtask bench`).
//!
//! The bounds are generous: an eighth above what was counted when they were set. Who crosses one on
//! purpose says in the commit what it buys, and moves it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::process::Command;

use roundel_testkit::{Answer, Balancer, Origin, RawClient, TempDir, balancer};
use rustix::process::Signal;

const WARM_UP: u64 = 50;
const COUNTED: u64 = 500;

/// A kind of exchange.
struct Kind {
    what: &'static str,
    method: &'static str,
    target: &'static str,
    body: &'static [u8],
    /// The instructions that one may take.
    bound: u64,
}

const KINDS: [Kind; 3] = [
    Kind { what: "a small response", method: "GET", target: "/", body: b"", bound: 140_000 },
    Kind {
        what: "a request with a body",
        method: "POST",
        target: "/",
        body: &[b'x'; 300],
        bound: 155_000,
    },
    Kind {
        what: "a chunked response",
        method: "GET",
        target: "/chunked",
        body: b"",
        bound: 150_000,
    },
];

#[test]
fn an_exchange_takes_no_more_instructions_than_it_did() {
    let origins = ["Server 1", "Server 2", "Server 3"].map(Origin::start);
    for origin in &origins {
        // In one piece, so that it does not depend on the machine in how many it is read.
        origin.on("/chunked", Answer::ok().body(vec![b'x'; 600]).chunked());
    }
    let directory = TempDir::new();
    let balancer = start(&origins, &directory);
    let mut client = balancer.client();
    let mut excesses = Vec::new();
    for (kind, dump) in KINDS.iter().zip(1..) {
        send(&mut client, kind, WARM_UP);
        tell(&balancer, "zero");
        send(&mut client, kind, COUNTED);
        tell(&balancer, "dump");
        let each = total(&directory, dump) / COUNTED;
        let Kind { what, bound, .. } = kind;
        println!("{what}: {each} instructions (bound {bound})");
        if each > *bound {
            excesses.push(format!("{what} takes {each} instructions (bound {bound})"));
        }
    }
    drop(client);
    balancer.signal(Signal::TERM);
    assert!(balancer.terminate().success());
    assert!(excesses.is_empty(), "{}", excesses.join("; "));
}

/// Starts the balancer with one worker under Callgrind, and begins to count.
fn start(origins: &[Origin], directory: &TempDir) -> Balancer {
    let endpoints: Vec<_> =
        origins.iter().map(|origin| format!("\"{}\"", origin.address())).collect();
    let text = format!(
        "workers = 1\n[admin]\naddress = \"127.0.0.1:0\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.web]\nendpoints = [{}]\n",
        endpoints.join(", ")
    );
    let config = directory.write("roundel.toml", &text);
    let mut command = Command::new("valgrind");
    // Starting up is not counted, and takes a tenth of the time so.
    command.args(["--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes"]);
    command.arg(format!("--callgrind-out-file={}", directory.path().join("counts").display()));
    command.arg(balancer::binary()).args(["run", "--config"]).arg(config);
    let balancer = Balancer::start_as(command);
    tell(&balancer, "instrumentation on");
    balancer
}

fn send(client: &mut RawClient, kind: &Kind, count: u64) {
    for _ in 0..count {
        client.request(kind.method, kind.target, &[], kind.body).unwrap();
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}

/// Has Callgrind do something in the running process.
fn tell(balancer: &Balancer, wish: &str) {
    let mut vgdb = Command::new("vgdb");
    vgdb.arg(format!("--pid={}", balancer.pid())).args(wish.split(' '));
    let answer = vgdb.output().unwrap();
    assert!(answer.status.success(), "{wish}: {answer:?}");
}

/// The worker's instructions in the dump of this number, counted from 1.
fn total(directory: &TempDir, dump: u64) -> u64 {
    let is_of_dump = |name: &str| name.starts_with(&format!("counts.{dump}-"));
    let files = fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
    let files = files.filter(|file| file.file_name().to_str().is_some_and(is_of_dump));
    let threads = files.map(|file| fs::read_to_string(file.path()).unwrap());
    // Only the worker runs its loop.
    let [counts] = &threads.filter(|it| it.contains("Worker::run")).collect::<Vec<_>>()[..] else {
        panic!("there is one worker");
    };
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse().unwrap()
}
