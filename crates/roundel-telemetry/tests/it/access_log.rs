//! The access log against real files, full devices and pipes nobody reads.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use roundel_core::end::EndReason;
use roundel_telemetry::{
    AccessLog, AccessLogMetrics, ExchangeRecord, LogBuffer, LogFormat, LogTarget, RequestFields,
    Timing,
};
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{TempDir, eventually};

/// An exchange that can be told by its target.
fn record(target: &[u8]) -> ExchangeRecord<'_> {
    ExchangeRecord {
        at_unix_us: 0,
        client: ([127, 0, 0, 1], 1).into(),
        listener: "web",
        request: RequestFields {
            method: b"GET",
            target,
            version: "HTTP/1.1",
            ..RequestFields::default()
        },
        route: None,
        pool: None,
        endpoint: None,
        attempts: 0,
        status: 200,
        request_bytes: 0,
        response_bytes: 0,
        timing: Timing::default(),
        end: EndReason::Local,
    }
}

/// A log that writes to `access.log` in a directory of its own.
struct Scene {
    directory: TempDir,
    metrics: Arc<AccessLogMetrics>,
}

impl Scene {
    fn new() -> Self {
        Self { directory: TempDir::new(), metrics: Arc::default() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("access.log")
    }

    fn start(&self) -> AccessLog {
        let target = LogTarget::File(self.path());
        AccessLog::start(target, LogFormat::Combined, Arc::clone(&self.metrics)).unwrap()
    }

    fn wait_until_written(&self, lines: u64) {
        eventually(PATIENCE, "lines are written", || self.metrics.lines_written.value() == lines);
    }
}

fn push(buffer: &mut LogBuffer, target: &str) {
    buffer.push(&record(target.as_bytes()));
    buffer.flush();
}

/// Targets of the lines in a file, in order.
fn targets(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| line.split(' ').nth(6).unwrap().to_owned()).collect()
}

fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|i| format!("/{i}")).collect()
}

#[test]
fn lines_are_written_in_order_without_being_asked_to_stop() {
    let scene = Scene::new();
    let log = scene.start();
    let mut buffer = log.buffer();
    for i in 0..100 {
        push(&mut buffer, &format!("/{i}"));
    }
    scene.wait_until_written(100);
    assert_eq!(targets(&scene.path()), numbers(0..100));
    assert!(log.shutdown(PATIENCE));
}

#[test]
fn shutdown_writes_what_is_buffered_by_all_workers() {
    let scene = Scene::new();
    let log = scene.start();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let mut buffer = log.buffer();
            scope.spawn(move || {
                for i in 0..50 {
                    buffer.push(&record(format!("/{worker}/{i}").as_bytes()));
                }
            });
        }
    });
    assert!(log.shutdown(PATIENCE));
    let mut found = targets(&scene.path());
    found.sort();
    let mut expected: Vec<_> =
        (0..4).flat_map(|w| (0..50).map(move |i| format!("/{w}/{i}"))).collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(scene.metrics.lines_written.value(), 200);
    assert_eq!(scene.metrics.lines_dropped.value(), 0);
}

#[test]
fn a_second_shutdown_returns_at_once() {
    let log = Scene::new().start();
    assert!(log.shutdown(PATIENCE));
    assert!(log.shutdown(PATIENCE));
}

#[test]
fn an_existing_file_is_appended_to() {
    let scene = Scene::new();
    for round in ["/first", "/second"] {
        let log = scene.start();
        push(&mut log.buffer(), round);
        assert!(log.shutdown(PATIENCE));
    }
    assert_eq!(targets(&scene.path()), ["/first", "/second"]);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_at_start() {
    let target = LogTarget::File("/nonexistent/access.log".into());
    assert!(AccessLog::start(target, LogFormat::Text, Arc::default()).is_err());
}

#[test]
fn after_a_rename_reopen_goes_on_in_a_new_file() {
    let scene = Scene::new();
    let log = scene.start();
    let mut buffer = log.buffer();
    let rotated = scene.directory.path().join("access.log.1");

    push(&mut buffer, "/before");
    scene.wait_until_written(1);
    fs::rename(scene.path(), &rotated).unwrap();
    push(&mut buffer, "/between");
    scene.wait_until_written(2);
    log.reopen();
    eventually(PATIENCE, "the file is made anew", || scene.path().exists());
    push(&mut buffer, "/after");
    assert!(log.shutdown(PATIENCE));

    assert_eq!(targets(&rotated), ["/before", "/between"]);
    assert_eq!(targets(&scene.path()), ["/after"]);
}

#[test]
fn a_reopen_that_fails_keeps_the_old_file() {
    let scene = Scene::new();
    let log = scene.start();
    let rotated = scene.directory.path().join("access.log.1");
    fs::rename(scene.path(), &rotated).unwrap();
    fs::create_dir(scene.path()).unwrap();

    log.reopen();
    push(&mut log.buffer(), "/after");
    assert!(log.shutdown(PATIENCE));

    assert_eq!(targets(&rotated), ["/after"]);
}

#[test]
fn a_full_disk_loses_nothing_while_there_is_room_in_the_buffer() {
    let scene = Scene::new();
    symlink("/dev/full", scene.path()).unwrap();
    let log = scene.start();
    let mut buffer = log.buffer();
    for i in 0..100 {
        push(&mut buffer, &format!("/{i}"));
    }
    eventually(PATIENCE, "a write fails", || scene.metrics.write_errors.value() > 0);

    fs::remove_file(scene.path()).unwrap();
    log.reopen();
    scene.wait_until_written(100);

    assert_eq!(targets(&scene.path()), numbers(0..100));
    assert_eq!(scene.metrics.lines_dropped.value(), 0);
    assert!(log.shutdown(PATIENCE));
}

#[test]
fn a_full_disk_neither_blocks_a_worker_nor_takes_unbounded_memory() {
    let scene = Scene::new();
    symlink("/dev/full", scene.path()).unwrap();
    let log = scene.start();
    let mut buffer = log.buffer();
    for _ in 0..20_000 {
        push(&mut buffer, "/some/target/of/usual/length");
    }
    let dropped = scene.metrics.lines_dropped.value();
    assert!(dropped > 0);

    // Ending gives up what the disk did not take, and counts it too.
    assert!(log.shutdown(PATIENCE));
    assert_eq!(scene.metrics.lines_written.value(), 0);
    assert_eq!(scene.metrics.lines_dropped.value(), 20_000);
}

#[test]
fn a_pipe_nobody_reads_costs_lines_and_never_blocks() {
    let scene = Scene::new();
    make_fifo(&scene.path());
    let log = scene.start();
    let mut buffer = log.buffer();
    for i in 0..20_000 {
        push(&mut buffer, &format!("/{i}"));
    }
    assert!(scene.metrics.lines_dropped.value() > 0);
    // The thread is stuck in a write that nobody ends: shutdown gives up waiting.
    assert!(!log.shutdown(Duration::from_millis(1)));

    // Someone reads at last: the lines that were not dropped come out, whole and in order.
    let kept = 20_000 - scene.metrics.lines_dropped.value();
    // Read by number: the pipe has no end, since the log holds it open in both directions.
    let reader = BufReader::new(File::open(scene.path()).unwrap());
    let lines = reader.lines().take(usize::try_from(kept).unwrap());
    let numbers: Vec<u64> = lines.map(|line| number_of(&line.unwrap())).collect();
    assert_eq!(numbers.len() as u64, kept);
    assert_eq!(numbers.first(), Some(&0));
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert!(log.shutdown(PATIENCE));
    assert_eq!(scene.metrics.lines_written.value(), kept);
}

/// The number that a line's target is.
fn number_of(line: &str) -> u64 {
    line.split(' ').nth(6).unwrap().strip_prefix('/').unwrap().parse().unwrap()
}

fn make_fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
