//! Running commands: shown while they run, read for their totals.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result};

/// Totals of a test runner, or of one check that counts as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Totals {
    /// One check that passed or failed.
    pub(crate) fn of_check(is_good: bool) -> Self {
        Self { passed: is_good.into(), failed: (!is_good).into() }
    }

    /// Adds another's.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Whether `program` can be started with `arguments` and then succeeds, silently.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs `command` to its end with its output shown; whether it succeeded.
pub(crate) fn show(command: &mut Command) -> Result<bool> {
    let status = command.stdin(Stdio::null()).status();
    Ok(status.with_context(|| format!("cannot start {command:?}"))?.success())
}

/// Runs a test runner with its output shown, and sums the totals it prints. A runner that fails
/// without having counted a failed test (it did not compile, say) counts as one.
pub(crate) fn count(command: &mut Command) -> Result<Totals> {
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let sum = Mutex::new(Totals::default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        if let Some(stdout) = stdout {
            scope.spawn(|| relay(stdout, std::io::stdout(), &sum));
        }
        if let Some(stderr) = stderr {
            scope.spawn(|| relay(stderr, std::io::stderr(), &sum));
        }
    });
    let is_good = child.wait().context("cannot wait for the test runner")?.success();
    let mut totals = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !is_good && totals.failed == 0 {
        totals.failed = 1;
    }
    Ok(totals)
}

fn relay(source: impl Read, mut sink: impl Write, sum: &Mutex<Totals>) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    while source.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        // Nobody left to read the output is no reason to stop the tests.
        let _ = sink.write_all(&line);
        let totals = totals_in(&String::from_utf8_lossy(&line));
        sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(totals);
        line.clear();
    }
    let _ = sink.flush();
}

/// The totals in a summary line of `cargo nextest`, `cargo test` or `vitest`; zero in any other
/// line. What nextest calls timed out or failed to start has failed.
fn totals_in(line: &str) -> Totals {
    let plain = without_colour(line);
    let text = plain.trim_start();
    // Vitest also counts files, in another line.
    let is_vitest = text.starts_with("Tests  ");
    if !(text.starts_with("Summary [") || text.starts_with("test result:") || is_vitest) {
        return Totals::default();
    }
    let mut totals = Totals::default();
    for part in text.split([',', ';', ':', '.', '(', '|']) {
        let mut words = part.trim_start_matches("Tests  ").split_whitespace();
        let Some(Ok(count)) = words.next().map(str::parse::<u64>) else { continue };
        match words.collect::<Vec<_>>().as_slice() {
            ["passed", ..] => totals.passed += count,
            ["failed", ..] | ["timed", "out"] | ["exec", "failed"] => totals.failed += count,
            _ => {}
        }
    }
    totals
}

/// `line` without the escape sequences that colour it.
fn without_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_from_summary_lines_only() {
        let nextest =
            "     \u{1b}[32;1mSummary\u{1b}[0m [   5.541s] \u{1b}[1m40\u{1b}[0m tests run: ";
        let cases = [
            (format!("{nextest}40 \u{1b}[32mpassed\u{1b}[0m, 2 skipped"), (40, 0)),
            (format!("{nextest}37 passed (1 slow), 2 failed, 1 timed out, 0 skipped"), (37, 3)),
            ("Summary [ 0.4s] 25/39 tests run: 24 passed, 1 failed, 0 skipped".into(), (24, 1)),
            ("test result: ok. 5 passed; 0 failed; 0 ignored; finished in 0.07s".into(), (5, 0)),
            ("test result: FAILED. 4 passed; 1 failed; 0 ignored".into(), (4, 1)),
            ("test something ... 3 passed".into(), (0, 0)),
            ("      Tests  1 failed | 96 passed (97)".into(), (96, 1)),
            (" Test Files  8 passed (8)".into(), (0, 0)),
        ];
        for (line, (passed, failed)) in cases {
            assert_eq!(totals_in(&line), Totals { passed, failed }, "{line}");
        }
    }
}
