//! A program of a scenario as a child process: a launcher, a client, a script.
//!
//! It leads a process group of its own, as a command typed into a terminal does. Whoever drops it
//! finds nothing of it: it is asked to end, so that it can end what it started, and if it does not
//! the whole group is killed.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::deadline::{PATIENCE, comes_true};
use crate::output::Lines;

/// How long a dropped program may take to end.
const GRACE: Duration = Duration::from_secs(15);

/// A running program; ended on drop, with its children.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Program {
    /// Starts it, without standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.process_group(0).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = Lines::collect(child.stdout.take().expect("stdout is piped"));
        let stderr = Lines::collect(child.stderr.take().expect("stderr is piped"));
        Self { child, stdout, stderr }
    }

    /// Waits until a line with `text` was printed on standard output, and returns it.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) -> String {
        let mut found = None;
        comes_true(PATIENCE, || {
            found = self.lines().into_iter().find(|line| line.contains(text));
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", self.output()))
    }

    /// Waits until `count` lines with `text` were printed on standard output.
    ///
    /// # Panics
    /// When there are fewer.
    #[track_caller]
    pub fn wait_for_lines(&self, text: &str, count: usize) {
        let has_all = || self.lines().iter().filter(|line| line.contains(text)).count() >= count;
        let is_there = comes_true(PATIENCE, has_all);
        assert!(is_there, "not {count} lines with {text:?} in:\n{}", self.output());
    }

    /// The lines printed on standard output so far.
    pub fn lines(&self) -> Vec<String> {
        self.stdout.with(<[String]>::to_vec)
    }

    /// Sends a signal to the program alone.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program runs");
    }

    /// Sends a signal to the program and its children, as a terminal does for Ctrl-C.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal_all(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).expect("the program runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        comes_true(PATIENCE * 2, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        self.stdout.wait_for_end();
        self.stderr.wait_for_end();
        status.unwrap_or_else(|| panic!("did not end:\n{}", self.output()))
    }

    /// The last lines printed on both, for failure messages.
    pub fn output(&self) -> String {
        format!("stdout:\n{}\nstderr:\n{}", self.stdout.tail(), self.stderr.tail())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself at any moment.
            let _ = kill_process(group, Signal::TERM);
            comes_true(GRACE, || !matches!(self.child.try_wait(), Ok(None)));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- a program of the scenario printed ---\n{}", self.output());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::test_kill_process;

    fn shell(script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program::start(command)
    }

    #[test]
    fn what_it_prints_is_awaited_and_its_end_too() {
        let mut program = shell("trap 'exit 3' TERM; echo started; while :; do sleep 0.01; done");
        assert_eq!(program.wait_for_line("start"), "started");
        program.signal(Signal::TERM);
        assert_eq!(program.wait().code(), Some(3));
    }

    #[test]
    fn a_child_of_a_dropped_program_is_gone() {
        let program = shell("sleep 1000 & echo $!; wait");
        let mut child = None;
        comes_true(PATIENCE, || {
            child = program.lines().first().and_then(|line| Pid::from_raw(line.parse().ok()?));
            child.is_some()
        });
        drop(program);
        let child = child.expect("the shell says whom it started");
        assert!(comes_true(PATIENCE, || {
            let stat = format!("/proc/{}/stat", child.as_raw_nonzero());
            let is_dead = |stat: String| stat.contains(") Z ");
            test_kill_process(child).is_err() || std::fs::read_to_string(stat).is_ok_and(is_dead)
        }));
    }
}
