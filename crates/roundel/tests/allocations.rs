//! The steady state of the data plane allocates nothing.
//!
//! A test binary of its own, since it replaces the allocator of its process with one that counts.
//! Whole planes run in the process; only what worker threads allocate is counted.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use std::{fs, thread};

use roundel_control::{ControlOptions, Overlay};
use roundel_proxy::{Proxy, ProxyOptions};
use roundel_telemetry::{AccessLog, LogFormat, LogTarget, Registry, RequestLog, RequestLogOptions};
use roundel_testkit::{Answer, Origin, RawClient, TempDir};
use tokio::sync::mpsc;

/// Kernel id of the one worker thread; 0 while nothing is counted.
static COUNTED_THREAD: AtomicI32 = AtomicI32::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct CountingAllocator;

fn count() {
    let counted = COUNTED_THREAD.load(SeqCst);
    if counted != 0 && rustix::thread::gettid().as_raw_nonzero().get() == counted {
        ALLOCATIONS.fetch_add(1, SeqCst);
    }
}

#[allow(unsafe_code, reason = "an allocator can't be written without")]
// SAFETY: every call is passed on to the system allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const WARM_UP: usize = 100;
const COUNTED: usize = 300;

/// A reused buffer still grows when, for the first time, a head comes in two pieces, say. That
/// happens once or twice; whatever an exchange allocates by itself is in every window.
const WINDOWS: usize = 4;

#[test]
fn exchanges_allocate_nothing_once_warm() {
    let origins = ["Server 1", "Server 2", "Server 3"].map(Origin::start);
    for origin in &origins {
        origin.on("/chunked", Answer::ok().body_of(600).chunked());
        origin.on("/large", Answer::ok().body_of(200_000));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let directory = TempDir::new();
    for balance in ["round_robin", "random", "p2c", "least_request", "hash"] {
        let plane = Plane::start(&origins, balance, &directory);
        let mut client = RawClient::connect(plane.address);
        let calls: [(&str, &str, &[u8]); 4] = [
            ("GET", "/", b""),
            ("POST", "/", &[b'x'; 300]),
            ("GET", "/chunked", b""),
            ("GET", "/large", b""),
        ];
        for (method, target, body) in calls {
            let mut run = |count: usize| {
                for _ in 0..count {
                    client.request(method, target, &[], body).unwrap();
                    assert_eq!(client.read_response().unwrap().status, 200);
                }
            };
            run(WARM_UP);
            let mut window = || {
                ALLOCATIONS.store(0, SeqCst);
                COUNTED_THREAD.store(plane.worker, SeqCst);
                run(COUNTED);
                COUNTED_THREAD.store(0, SeqCst);
                ALLOCATIONS.load(SeqCst)
            };
            let is_free = (0..WINDOWS).any(|_| window() == 0);
            assert!(is_free, "{balance}: {COUNTED} times {method} {target} always allocate");
        }
        plane.stop();
    }
}

/// Both planes in this process, with one worker, metrics, an access log and a request log.
struct Plane {
    proxy: Proxy,
    address: std::net::SocketAddr,
    worker: i32,
}

impl Plane {
    fn start(origins: &[Origin], balance: &str, directory: &TempDir) -> Self {
        let endpoints: Vec<_> =
            origins.iter().map(|origin| format!("\"{}\"", origin.address())).collect();
        let text = format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.web]\nbalance = \"{balance}\"\n\
             endpoints = [{}]\n",
            endpoints.join(", ")
        );
        let config = roundel_config::load(&text, "test", &|_| None).unwrap().config;
        let registry = Arc::new(Registry::new(1));
        let target = LogTarget::File(directory.path().join("access.log"));
        let log = AccessLog::start(target, LogFormat::Json, registry.access_log()).unwrap();
        let options =
            ControlOptions { workers: 1, registry: registry.clone(), overlay: Overlay::default() };
        let prepared = roundel_control::prepare(config, options).unwrap();
        let (sender, signals) = mpsc::channel(16);
        let access_log = Some(Arc::new(log));
        // So many a second that every exchange is kept, and so few in all that slots are reused.
        let options =
            RequestLogOptions { capacity: 64, per_second: 1_000_000, keeps_queries: false };
        let request_log = Some(RequestLog::new(options, registry.worker()));
        let options = ProxyOptions {
            workers: 1,
            registry,
            access_log,
            request_log,
            signals: sender,
            connections_max: 100,
        };
        let snapshot = prepared.snapshot();
        let proxy = Proxy::start(&snapshot, options).unwrap();
        let publisher = proxy.publisher();
        let control = prepared.run(Box::new(move |new| publisher.publish(&new)), signals);
        // The control plane ends with its last handle; this test keeps it to its own end.
        std::mem::forget(control);
        let address = snapshot.listeners.first().unwrap().address;
        Self { proxy, address, worker: worker_thread() }
    }

    fn stop(self) {
        self.proxy.drain(Duration::from_secs(5));
        assert_eq!(self.proxy.join().cut, 0);
    }
}

/// Finds the worker's thread by its name.
fn worker_thread() -> i32 {
    loop {
        for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if name.trim() == "worker-0" {
                return task.file_name().to_string_lossy().parse().unwrap();
            }
        }
        thread::yield_now();
    }
}
