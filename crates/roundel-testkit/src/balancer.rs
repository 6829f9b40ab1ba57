//! The real binary as a child process: started, asked, reloaded, signalled, and always gone in the
//! end.
//!
//! What is relied upon is what the binary prints on standard error: one line with `listener bound`
//! and the fields `name` and `address` for each listener, one with `admin bound` and `address`,
//! then one with the word `ready`; after SIGHUP one with `configuration reloaded` or
//! `reload rejected`. Such a line with `cause=file` tells of a reload because the file had changed
//! and does not count as the reply to a signal. Addresses may be port zero in every configuration.

mod log;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::RawClient;
use crate::deadline::{PATIENCE, comes_true};
use crate::output::Lines;
use crate::temp_dir::TempDir;

/// Name of the configuration file in the balancer's own directory.
const CONFIG: &str = "roundel.toml";

/// A running `roundel`; killed on drop.
pub struct Balancer {
    child: Child,
    directory: TempDir,
    stdout: Lines,
    stderr: Lines,
}

impl Balancer {
    /// Starts `roundel run` with this configuration and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready, with all it printed.
    pub fn start(config: &str) -> Self {
        let directory = TempDir::new();
        let path = directory.write(CONFIG, config);
        let path = path.to_str().expect("a temporary path is text").to_owned();
        Self::start_in(directory, &["run", "--config", &path])
    }

    /// Starts `roundel run` with this configuration, and does not wait: for tests of the start.
    pub fn begin(config: &str) -> Self {
        let directory = TempDir::new();
        directory.write(CONFIG, config);
        Self::begin_in(directory, &["run", "--config", CONFIG])
    }

    /// Starts the binary with these arguments and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready, with all it printed.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(TempDir::new(), arguments)
    }

    /// Starts the binary as `command` says, in the folder and environment that it names, and waits
    /// until it is ready.
    ///
    /// # Panics
    /// When it does not become ready, with all it printed.
    pub fn start_as(command: Command) -> Self {
        Self::spawn(command, TempDir::new()).until_ready()
    }

    fn start_in(directory: TempDir, arguments: &[&str]) -> Self {
        Self::begin_in(directory, arguments).until_ready()
    }

    fn begin_in(directory: TempDir, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(directory.path()).env("NO_COLOR", "1");
        Self::spawn(command, directory)
    }

    fn spawn(mut command: Command, directory: TempDir) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = Lines::collect(child.stdout.take().expect("stdout is piped"));
        let stderr = Lines::collect(child.stderr.take().expect("stderr is piped"));
        Self { child, directory, stdout, stderr }
    }

    fn until_ready(mut self) -> Self {
        let balancer = &mut self;
        let is_settled = comes_true(PATIENCE, || {
            balancer.is_ready() || !matches!(balancer.child.try_wait(), Ok(None))
        });
        if !is_settled || !balancer.is_ready() {
            balancer.end();
        }
        assert!(is_settled && balancer.is_ready(), "not ready:\n{}", balancer.output());
        self
    }

    fn is_ready(&self) -> bool {
        self.stderr.with(|lines| lines.iter().any(|line| log::is_ready(line)))
    }

    /// The address of the only listener, or of the first one announced.
    ///
    /// # Panics
    /// When there is none.
    pub fn address(&self) -> SocketAddr {
        let found = self.stderr.with(|lines| lines.iter().find_map(|line| log::listener(line)));
        found.unwrap_or_else(|| panic!("no listener in:\n{}", self.output())).1
    }

    /// The address that the listener called `name` was last bound to.
    ///
    /// # Panics
    /// When there is none.
    pub fn address_of(&self, name: &str) -> SocketAddr {
        let found = self.stderr.with(|lines| {
            let mut listeners = lines.iter().rev().filter_map(|line| log::listener(line));
            listeners.find(|listener| listener.0 == name)
        });
        found.unwrap_or_else(|| panic!("no listener {name:?} in:\n{}", self.output())).1
    }

    /// The address of the admin surface.
    ///
    /// # Panics
    /// When there is none.
    pub fn admin(&self) -> SocketAddr {
        let found = self.stderr.with(|lines| lines.iter().rev().find_map(|line| log::admin(line)));
        found.unwrap_or_else(|| panic!("no admin surface in:\n{}", self.output()))
    }

    /// A connection to the first listener.
    pub fn client(&self) -> RawClient {
        RawClient::connect(self.address())
    }

    /// The process id, for signals and for looking at `/proc`.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory with its configuration, also its working directory.
    pub fn directory(&self) -> &TempDir {
        &self.directory
    }

    /// Replaces the configuration and leaves it to the binary to notice.
    pub fn write_config(&self, config: &str) {
        self.directory.write(CONFIG, config);
    }

    /// Replaces the configuration, sends SIGHUP and waits until the binary has taken or refused it.
    ///
    /// # Errors
    /// The line that says why it was refused.
    ///
    /// # Panics
    /// When it does neither.
    pub fn reload(&self, config: &str) -> Result<(), String> {
        let seen = self.stderr.with(<[String]>::len);
        self.write_config(config);
        self.signal(Signal::HUP);
        let mut verdict = None;
        comes_true(PATIENCE, || {
            let news = |lines: &[String]| lines.iter().skip(seen).find_map(|it| log::reload(it));
            verdict = self.stderr.with(news);
            verdict.is_some()
        });
        verdict.unwrap_or_else(|| panic!("no word about the reload in:\n{}", self.output()))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let sent = kill_process(pid.expect("a child has a process id"), signal);
        assert!(sent.is_ok(), "cannot send {signal:?}: {sent:?}\n{}", self.output());
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for the end, for tests that asked for it themselves.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        comes_true(PATIENCE, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        self.stdout.wait_for_end();
        self.stderr.wait_for_end();
        status.unwrap_or_else(|| panic!("did not end:\n{}", self.output()))
    }

    /// Ends it as a crash would.
    pub fn kill(self) {
        drop(self);
    }

    /// The lines printed on standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.with(<[String]>::to_vec)
    }

    /// The lines printed on standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.with(<[String]>::to_vec)
    }

    /// Waits until a line with `text` was printed on either, and returns it.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) -> String {
        let has_text = |lines: &Lines| {
            lines.with(|lines| lines.iter().find(|line| line.contains(text)).cloned())
        };
        let mut found = None;
        comes_true(PATIENCE, || {
            found = has_text(&self.stdout).or_else(|| has_text(&self.stderr));
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", self.output()))
    }

    /// The last lines printed on both, for failure messages.
    pub fn output(&self) -> String {
        format!("stdout:\n{}\nstderr:\n{}", self.stdout.tail(), self.stderr.tail())
    }

    /// Ends the process if it still runs, and waits for its last words.
    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stdout.wait_for_end();
        self.stderr.wait_for_end();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- the balancer under test printed ---\n{}", self.output());
        }
    }
}

/// The path of the binary: `ROUNDEL_BIN`, or the one built beside this test executable.
///
/// # Panics
/// When there is neither.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ROUNDEL_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a process knows its executable");
    let beside = own.ancestors().skip(1).map(|folder| folder.join("roundel"));
    beside
        .take(3)
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no `roundel` beside {}: build it first", own.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for the binary: a shell that prints the promised lines and obeys signals.
    fn stand_in(script: &str) -> Balancer {
        let directory = TempDir::new();
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(directory.path());
        Balancer::spawn(command, directory).until_ready()
    }

    const OBEDIENT: &str = r#"
        trap 'if grep -q bad roundel.toml; then echo "WARN reload rejected error=\"bad key\"" >&2
              else echo "INFO configuration reloaded cause=file" >&2
                   echo "INFO configuration reloaded cause=signal" >&2; fi' HUP
        trap 'exit 3' TERM
        echo 'INFO listener bound name="web" address=127.0.0.1:4001' >&2
        echo 'INFO listener bound name=api address=127.0.0.1:4002' >&2
        echo 'INFO admin bound address=127.0.0.1:4003' >&2
        echo 'INFO ready' >&2
        while :; do sleep 0.01; done"#;

    #[test]
    fn addresses_come_from_the_log() {
        let balancer = stand_in(OBEDIENT);
        assert_eq!(balancer.address().port(), 4001);
        assert_eq!(balancer.address_of("api").port(), 4002);
        assert_eq!(balancer.admin().port(), 4003);
    }

    #[test]
    fn a_reload_is_taken_or_refused_and_a_signal_ends_it() {
        let balancer = stand_in(OBEDIENT);
        assert_eq!(balancer.reload("good"), Ok(()));
        assert!(balancer.reload("bad").unwrap_err().contains("bad key"));
        assert_eq!(balancer.reload("good again"), Ok(()));
        assert_eq!(balancer.terminate().code(), Some(3));
    }

    #[test]
    #[should_panic(expected = "no such key")]
    fn an_early_end_shows_what_was_printed() {
        stand_in("echo 'error: no such key' >&2; exit 1");
    }
}
