//! Much at once: bodies of gigabytes, readers that are slow, connections by the thousand.
//!
//! Whatever passes, memory stays: that is what keeps a balancer alive under load.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use roundel_testkit::{Answer, Gate, Origin, RawClient, eventually, fingerprint_of_parts};
use rustix::process::{Resource, getrlimit};

use crate::scene::{NO_CHECK, SOON, Scene, one};

/// Two gibibytes take a few seconds; whatever grows with the body would show.
const BODY_BYTES: u64 = 2 << 30;
/// Buffers of a few connections and the allocator's own.
const GROWTH_MAX: u64 = 8 << 20;

/// Resident memory of the balancer.
fn resident_bytes(scene: &Scene) -> u64 {
    memory(scene, "VmRSS:")
}

fn memory(scene: &Scene, kind: &str) -> u64 {
    let path = format!("/proc/{}/status", scene.balancer.pid());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(kind)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// At no moment, the kernel says, was memory much larger than `before`.
#[track_caller]
fn assert_bounded(scene: &Scene, before: u64) {
    let growth = memory(scene, "VmHWM:").saturating_sub(before);
    assert!(growth < GROWTH_MAX, "{} KiB more than before", growth >> 10);
}

fn start() -> (Origin, Scene) {
    let origin = Origin::start("a");
    let scene = Scene::start(&one(&origin), &[NO_CHECK]);
    scene.load().requests(100).run().assert_all_ok();
    (origin, scene)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// Reads a head byte by byte, so that nothing of the body is taken.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// Letters in turn, as the origin's pattern: position tells content, so a lost, doubled or swapped
/// byte shows.
#[test]
fn a_huge_download_passes_whole_in_bounded_memory() {
    let (origin, scene) = start();
    origin.answer(Answer::ok().body_of(BODY_BYTES));
    let before = resident_bytes(&scene);
    let mut stream = connect(scene.balancer.address());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let head = read_head(&mut stream);
    assert!(head.contains(&format!("Content-Length: {BODY_BYTES}\r\n")), "{head}");
    let pattern: Vec<u8> = (0..128 * 1024_u32).map(|at| b'a' + (at % 26) as u8).collect();
    let mut block = vec![0; 64 * 1024];
    let (mut left, mut at) = (BODY_BYTES, 0);
    while left > 0 {
        let count = stream.read(&mut block).unwrap();
        assert!(count > 0, "{left} bytes are missing");
        // The origin repeats a pattern of 64 KiB, which is no multiple of 26.
        let (first, second) = block[..count].split_at(count.min(65536 - at));
        assert!(first == &pattern[at..at + first.len()], "at {}", BODY_BYTES - left);
        assert!(second == &pattern[..second.len()], "at {}", BODY_BYTES - left);
        at = (at + count) % 65536;
        left -= count as u64;
    }
    assert_bounded(&scene, before);
}

#[test]
fn a_huge_upload_passes_whole_in_bounded_memory() {
    let (origin, scene) = start();
    let before = resident_bytes(&scene);
    let address = scene.balancer.address();
    let mut stream = connect(address);
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // Multiplied by a large prime, so that no two stretches of the block are alike.
    let block: Vec<u8> =
        (0..1_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let blocks = BODY_BYTES as usize / block.len();
    for _ in 0..blocks {
        stream.write_all(&block).unwrap();
    }
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 "));
    let seen = origin.requests().pop().unwrap();
    assert_eq!((seen.body_bytes, seen.is_complete), (BODY_BYTES, true));
    let sent = std::iter::repeat_n(block.as_slice(), blocks);
    assert_eq!(seen.body_fingerprint, fingerprint_of_parts(sent));
    assert_bounded(&scene, before);
}

/// What nobody takes is not fetched: neither memory nor the origin pays for a slow reader.
#[test]
fn a_slow_reader_slows_the_origin_down() {
    let (origin, scene) = start();
    origin.on("/huge", Answer::ok().body_of(BODY_BYTES));
    let before = resident_bytes(&scene);
    let mut stream = connect(scene.balancer.address());
    stream.write_all(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_head(&mut stream);
    let mut block = vec![0; 1 << 20];
    for _ in 0..32 {
        stream.read_exact(&mut block).unwrap();
        // Time enough to fetch all of it, for one who would.
        scene.load().clients(1).requests(100).run().assert_all_ok();
    }
    assert_bounded(&scene, before);
    drop(stream);
    eventually(SOON, "the exchange is over", || scene.state("a").in_flight == 0);
    let sent = scene.metric(r#"roundel_pool_response_bytes_total{pool="api"}"#);
    assert!(sent < BODY_BYTES / 4, "{sent} bytes were taken from the origin");
}

#[test]
fn an_origin_that_reads_nothing_slows_the_client_down() {
    let (origin, scene) = start();
    let gate = Gate::shut();
    origin.answer(Answer::ok().early().hold(&gate));
    let before = resident_bytes(&scene);
    let mut stream = connect(scene.balancer.address());
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let block = vec![b'x'; 1 << 20];
    let mut sent = 0;
    let mut is_stuck = false;
    while !is_stuck && sent < BODY_BYTES {
        match stream.write(&block) {
            Ok(count) => sent += count as u64,
            Err(_) => is_stuck = true,
        }
    }
    assert!(is_stuck && sent < BODY_BYTES / 4, "{sent} bytes went somewhere");
    gate.open();
    drop(stream);
    assert_bounded(&scene, before);
}

/// An idle connection holds no buffer: its cost is the kernel's socket and a small task.
#[test]
fn idle_connections_cost_little() {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // The balancer has a limit of its own, as large as ours.
    let count = usize::try_from(limit.saturating_sub(500).min(10_000)).unwrap();
    let (_origin, scene) = start();
    let before = resident_bytes(&scene);
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = RawClient::connect(scene.balancer.address());
        assert_eq!(client.get("/").status, 200);
        clients.push(client);
    }
    let open = r#"roundel_listener_connections_open{listener="web"}"#;
    assert_eq!(scene.metric(open), count as u64);
    let growth = resident_bytes(&scene).saturating_sub(before);
    let each = growth / count as u64;
    assert!(each <= 1024, "{each} bytes for each of {count} connections (limit {limit} files)");
    for client in &mut clients {
        assert_eq!(client.get("/").status, 200);
    }
    drop(clients);
    eventually(SOON, "all are closed", || scene.metric(open) == 0);
}
