//! `cargo xtask test`: every check and every test, cheapest first, with a summary at the end.
//!
//! A failed step does not hide the ones after it: the run goes on and fails at the end, so that one
//! run shows everything there is to mend.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::run::{Totals, count, show};
use crate::{dashboard, deb, need, outside, static_binary, tidy};

/// What became of one step.
struct Line {
    name: &'static str,
    totals: Totals,
    took: Duration,
}

/// Runs it all; whether all was well. The last line printed is `N passed, N failed`, where each
/// check counts as one test.
pub(crate) fn run(root: &Path) -> bool {
    let mut steps = Steps { root, lines: Vec::new() };
    steps.check("needs", |_| need::meet_all().map(|()| true));
    steps.check("tidy", tidy::run);
    steps.check("format", |root| show(cargo(root).args(["fmt", "--all", "--check"])));
    steps.check("lints", |root| {
        let lint = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        show(cargo(root).args(lint))
    });
    steps.check("dependencies", outside::check);
    steps.tests("dashboard", dashboard::check);
    steps.check("static binary", static_binary::make);
    steps.check("binary", |root| show(cargo(root).args(["build", "--locked", "-p", "roundel"])));
    steps.tests("tests", |root| {
        let runs_each_apart = need::has_optional("nextest", "tests run with `cargo test`");
        let runner: &[&str] = if runs_each_apart {
            &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]
        } else {
            &["test", "--workspace", "--locked", "--no-fail-fast", "--lib", "--bins", "--tests"]
        };
        count(cargo(root).args(runner))
    });
    steps.tests("examples in the documentation", |root| {
        count(cargo(root).args(["test", "--workspace", "--locked", "--no-fail-fast", "--doc"]))
    });
    steps.tests("dashboard in a browser", dashboard::browse);
    steps.check("service unit", deb::seal);
    steps.tests("Debian package", deb::live);
    steps.summary()
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

struct Steps<'a> {
    root: &'a Path,
    lines: Vec<Line>,
}

impl Steps<'_> {
    /// A step that is good or bad as a whole.
    fn check(&mut self, name: &'static str, step: impl FnOnce(&Path) -> Result<bool>) {
        self.tests(name, |root| step(root).map(Totals::of_check));
    }

    /// A step that counts tests.
    fn tests(&mut self, name: &'static str, step: impl FnOnce(&Path) -> Result<Totals>) {
        println!("\n==== {name} ====");
        let start = Instant::now();
        let totals = step(self.root).unwrap_or_else(|error| {
            println!("error: {error:#}");
            Totals::of_check(false)
        });
        let took = start.elapsed();
        println!("---- {name}: {}, {:.1} s", verdict(totals), took.as_secs_f64());
        self.lines.push(Line { name, totals, took });
    }

    fn summary(&self) -> bool {
        println!("\n==== summary ====");
        let mut sum = Totals::default();
        for Line { name, totals, took } in &self.lines {
            let Totals { passed, failed } = totals;
            let (word, took) = (verdict(*totals), took.as_secs_f64());
            println!("{word:>6}  {took:>7.1} s  {name} ({passed} passed, {failed} failed)");
            sum.add(*totals);
        }
        println!("{} passed, {} failed", sum.passed, sum.failed);
        sum.failed == 0
    }
}

fn verdict(totals: Totals) -> &'static str {
    match totals {
        Totals { passed: 0, failed: 0 } => "none",
        Totals { failed: 0, .. } => "ok",
        _ => "FAILED",
    }
}
