//! One supervised process.
//!
//! Each process has a thread that spawns it, waits for it and reaps it. A thread, because the
//! parent-death signal is bound to the thread that spawned: on a runtime's thread the child would be
//! killed when the runtime retires that thread. The thread sleeps in the kernel for the life of the
//! child, so it costs one small stack.
//!
//! The order at the end is: wait without reaping, kill the group, reap. While the dead leader is
//! not reaped its process id, which is also the group's, cannot be given to another process.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};
use tokio::sync::watch;

use crate::child;
use crate::guard;
use crate::identity::Identity;
use crate::marked;
use crate::output::OutputTail;
use crate::output_file::{OutputFile, Sink};
use crate::own;

/// Both kinds of thread only make system calls and fill one 8 KiB buffer.
const THREAD_STACK_BYTES: usize = 128 * 1024;

/// What left the group may fork between the look at it and its end, so it is looked again.
const LOOKS_MAX: u32 = 10;

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct ProcessSpec {
    /// The program: a path, or a name looked up in `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Added to the inherited environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Taken from the inherited environment.
    pub environment_without: Vec<OsString>,
    /// Where it runs; `None` for here.
    pub working_directory: Option<PathBuf>,
    /// Who it runs as; `None` for whoever this process does.
    pub identity: Option<Identity>,
    /// What it may use.
    pub limits: Limits,
    /// Where its output goes.
    pub output: Output,
    /// Where captured output goes as well.
    pub output_file: Option<OutputFile>,
}

/// What a process may use, and each that it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// File descriptors open at once (`RLIMIT_NOFILE`); `None` for what this process may.
    pub open_files: Option<u64>,
    /// Private writable memory (`RLIMIT_DATA`); `None` for what this process may.
    pub memory_bytes: Option<u64>,
}

/// Where a process's stdout and stderr go.
#[derive(Debug, Clone, Default)]
pub enum Output {
    /// To ours.
    Inherit,
    /// Nowhere.
    #[default]
    Discard,
    /// Into this tail, after what is in it already.
    Capture(OutputTail),
}

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {program:?}: {}{source}", explain(directory.as_deref()))]
pub struct SpawnError {
    /// The program.
    pub program: OsString,
    /// Where it was to run, if that is what is wrong. The system says the same of a directory and
    /// of a program that is not there.
    pub directory: Option<PathBuf>,
    /// What the system says.
    pub source: io::Error,
}

fn explain(directory: Option<&Path>) -> String {
    directory.map_or_else(String::new, |it| format!("its directory {}: ", it.display()))
}

/// Why nothing can run in a directory, if nothing can.
fn fault_of(directory: &Path) -> Option<io::Error> {
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => rustix::fs::access(directory, rustix::fs::Access::EXEC_OK)
            .map_err(io::Error::from)
            .err(),
        Ok(_) => Some(io::ErrorKind::NotADirectory.into()),
        Err(error) => Some(error),
    }
}

/// A process that leads a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    /// The group while it may be signalled; `None` once the leader was reaped.
    group: Arc<Mutex<Option<Pid>>>,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts a process. Blocks for as long as fork and exec take.
    pub fn spawn(spec: ProcessSpec) -> Result<Self, SpawnError> {
        let (program, directory) = (spec.program.clone(), spec.working_directory.clone());
        Self::start(spec).map_err(|source| {
            let fault = directory.and_then(|it| Some((fault_of(&it)?, it)));
            let (source, directory) = match fault {
                Some((fault, directory)) => (fault, Some(directory)),
                None => (source, None),
            };
            SpawnError { program, directory, source }
        })
    }

    fn start(mut spec: ProcessSpec) -> io::Result<Self> {
        guard::ensure()?;
        let mark = marked::fresh();
        spec.environment.push((marked::VARIABLE.into(), mark.clone().into()));
        let group = Arc::new(Mutex::new(None));
        let (exit_sender, exit) = watch::channel(None);
        let (started_sender, started) = mpsc::sync_channel(1);
        thread::Builder::new().name("process".to_owned()).stack_size(THREAD_STACK_BYTES).spawn(
            {
                let group = Arc::clone(&group);
                move || {
                    let child = spawn_child(spec).and_then(|child| {
                        let pid = Pid::from_raw(child.id().cast_signed());
                        pid.map(|pid| (child, pid)).ok_or_else(|| io::ErrorKind::NotFound.into())
                    });
                    let (child, pid) = match child {
                        Ok(child) => child,
                        Err(error) => {
                            let _ = started_sender.send(Err(error));
                            return;
                        }
                    };
                    *lock(&group) = Some(pid);
                    // The receiver below waits for exactly this.
                    let _ = started_sender.send(Ok(pid));
                    let status = reap(child, pid, &group, &mark);
                    exit_sender.send_replace(Some(status));
                }
            },
        )?;
        let pid = started.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))??;
        Ok(Self { pid, group, exit })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits for its end. May be called by several tasks, and again. Safe to cancel.
    pub async fn wait(&self) -> ExitStatus {
        self.ended().await
    }

    /// The same for somebody who has no hold on the process and does not keep it alive.
    pub fn ended(&self) -> impl Future<Output = ExitStatus> + Send + use<> {
        let mut exit = self.exit.clone();
        async move {
            let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
            // The sender is dropped without a status only if the waiting thread panicked.
            status.unwrap_or_default()
        }
    }

    /// Asks the group to end (SIGTERM), kills it (SIGKILL) if the leader is still there after
    /// `grace`, and waits for the end. What the leader leaves running is killed with it.
    pub async fn terminate(&self, grace: Duration) -> ExitStatus {
        self.ask_to_end();
        if let Ok(status) = tokio::time::timeout(grace, self.wait()).await {
            return status;
        }
        self.kill();
        self.wait().await
    }

    /// Asks the group to end (SIGTERM), and wakes what was stopped (SIGCONT) so that it can.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// Kills the group at once.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Signals the group; nothing happens when it has ended.
    fn signal(&self, signal: Signal) {
        if let Some(group) = *lock(&self.group) {
            // Fails only when there is nobody left to signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn_child(spec: ProcessSpec) -> io::Result<Child> {
    let mut command = Command::new(spec.program);
    command.args(spec.arguments).envs(spec.environment).stdin(Stdio::null()).process_group(0);
    for name in spec.environment_without {
        command.env_remove(name);
    }
    if let Some(directory) = spec.working_directory {
        command.current_dir(directory);
    }
    child::prepare(&mut command, spec.limits, spec.identity);
    match spec.output {
        Output::Inherit => {}
        Output::Discard => {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        Output::Capture(output) => {
            // One pipe for both, so that lines keep the order in which they were written.
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            let sink = spec.output_file.map(|file| Sink::start(file, output.clone()));
            let sink = sink.transpose()?;
            thread::Builder::new()
                .name("output".to_owned())
                .stack_size(THREAD_STACK_BYTES)
                .spawn(move || output.fill_from(reader, sink.as_ref()))?;
        }
    }
    // `command` holds the pipe's writing end; it ends with this function, so the reader sees the
    // end when the last process of the group has gone.
    own::spawn(&mut command)
}

/// Waits for the leader's end, kills what is left of its group and only then reaps the leader. What
/// left the group is found by its mark.
fn reap(mut child: Child, pid: Pid, group: &Mutex<Option<Pid>>, mark: &str) -> ExitStatus {
    wait_without_reaping(pid);
    let status = {
        let mut group = lock(group);
        if let Some(pid) = group.take() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let status = child.wait().unwrap_or_default();
        own::forget(child.id());
        status
    };
    for _ in 0..LOOKS_MAX {
        if marked::kill(|found| found == mark.as_bytes()) == 0 {
            break;
        }
    }
    status
}

fn wait_without_reaping(pid: Pid) -> Option<WaitIdStatus> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options)).ok().flatten()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use roundel_testkit::deadline::PATIENCE;
    use roundel_testkit::eventually;
    use rustix::process::test_kill_process;
    use tokio::time::timeout;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    /// A process and what it writes.
    struct Shell {
        process: Process,
        output: OutputTail,
    }

    fn shell(script: &str) -> ProcessSpec {
        ProcessSpec {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GREETING".into(), "hello".into())],
            working_directory: Some("/".into()),
            ..ProcessSpec::default()
        }
    }

    fn start(spec: ProcessSpec) -> Shell {
        let output = OutputTail::default();
        let spec = ProcessSpec { output: Output::Capture(output.clone()), ..spec };
        Shell { process: Process::spawn(spec).unwrap(), output }
    }

    fn sh(script: &str) -> Shell {
        start(shell(script))
    }

    impl std::ops::Deref for Shell {
        type Target = Process;

        fn deref(&self) -> &Process {
            &self.process
        }
    }

    /// What `condition` gives as soon as it gives something. Processes are waited for and read by
    /// threads of their own, so nothing stands still meanwhile.
    fn eventual<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let mut value = None;
        eventually(PATIENCE, what, || {
            value = condition();
            value.is_some()
        });
        value.expect("it was there")
    }

    fn line(shell: &Shell, n: usize) -> String {
        eventual("a line is written", || shell.output.lines().get(n).cloned())
    }

    /// Whether the process is gone; a zombie that its new parent has not yet reaped counts as gone.
    fn is_gone(pid: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        test_kill_process(Pid::from_raw(pid).unwrap()).is_err() || stat.contains(") Z ")
    }

    #[tokio::test]
    async fn output_environment_directory_and_status_arrive() {
        let process = sh("echo $GREETING; pwd >&2; printf unfinished; exit 7");
        assert_eq!(timeout(DEADLINE, process.wait()).await.unwrap().code(), Some(7));
        assert_eq!(process.exit_status().unwrap().code(), Some(7));
        line(&process, 2);
        assert_eq!(process.output.lines(), ["hello", "/", "unfinished"]);
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_an_error_that_names_it() {
        let error = Process::spawn(ProcessSpec {
            program: "/nonexistent/program".into(),
            ..ProcessSpec::default()
        })
        .unwrap_err();
        assert!(
            error.to_string().starts_with("cannot start \"/nonexistent/program\": "),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_directory_that_does_not_exist_is_not_blamed_on_the_program() {
        for (directory, why) in [("/nonexistent", "No such file"), ("/bin/sh", "not a directory")] {
            let spec = ProcessSpec { working_directory: Some(directory.into()), ..shell("exit") };
            let error = Process::spawn(spec).unwrap_err().to_string();
            assert!(error.contains(&format!("its directory {directory}: ")), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }

    #[tokio::test]
    async fn limits_hold_for_the_process() {
        let limits = Limits { open_files: Some(64), memory_bytes: Some(1 << 30) };
        let shell = start(ProcessSpec { limits, ..shell("ulimit -n; ulimit -Hd") });
        assert_eq!(line(&shell, 0), "64");
        assert_eq!(line(&shell, 1), (1 << 20).to_string(), "in KiB");
    }

    #[tokio::test]
    async fn another_user_is_become_with_groups_and_still_dies_with_its_parent() {
        if !rustix::process::geteuid().is_root() {
            // Only root can become somebody else, and says so.
            let error = Identity::of("0:0").unwrap_err();
            assert!(error.to_string().contains("only root"), "{error}");
            return;
        }
        let identity = Identity::of("65534:65533").unwrap();
        let spec = ProcessSpec { identity: identity.clone(), ..shell("id -u; id -g; id -G") };
        let shell = start(spec);
        let ids = [line(&shell, 0), line(&shell, 1), line(&shell, 2)];
        assert_eq!(ids, ["65534", "65533", "65533"]);
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        child::prepare(&mut command, Limits::default(), identity);
        let mut child = thread::spawn(move || command.spawn().unwrap()).join().unwrap();
        let status = eventual("the child ends", || child.try_wait().unwrap());
        assert_eq!(status.signal(), Some(9));
    }

    #[tokio::test]
    async fn a_stopped_process_can_end_when_asked_to() {
        let process = sh("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
        line(&process, 0);
        process.signal(Signal::STOP);
        let status = timeout(DEADLINE, process.terminate(DEADLINE)).await.unwrap();
        assert_eq!(status.code(), Some(3));
    }

    #[tokio::test]
    async fn terminate_lets_a_process_end_by_itself() {
        let process = sh("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
        line(&process, 0);
        let status = timeout(DEADLINE, process.terminate(DEADLINE)).await.unwrap();
        assert_eq!(status.code(), Some(3));
        // Again, after the end: the same answer, and nobody is signalled.
        assert_eq!(process.terminate(DEADLINE).await.code(), Some(3));
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_request_is_killed_after_the_grace() {
        let process = sh("trap '' TERM; echo ready; while :; do sleep 0.01; done");
        line(&process, 0);
        let status = timeout(DEADLINE, process.terminate(Duration::from_millis(50))).await.unwrap();
        assert_eq!(status.signal(), Some(9));
    }

    #[tokio::test]
    async fn grandchildren_end_with_the_leader_however_it_ends() {
        for script in ["exit 0", "kill -9 $$", "wait"] {
            let process = sh(&format!("trap '' TERM; sleep 1000 & echo $!; {script}"));
            let grandchild: i32 = line(&process, 0).parse().unwrap();
            timeout(DEADLINE, process.terminate(Duration::from_millis(20))).await.unwrap();
            eventually(PATIENCE, "the grandchild is gone", || is_gone(grandchild));
        }
    }

    #[tokio::test]
    async fn what_left_the_group_ends_with_the_leader() {
        let process = sh("(setsid sh -c 'echo $$; exec sleep 1000' &); sleep 1000");
        let daemon: i32 = line(&process, 0).parse().unwrap();
        assert!(!is_gone(daemon));
        process.kill();
        timeout(DEADLINE, process.wait()).await.unwrap();
        eventually(PATIENCE, "the daemon is gone", || is_gone(daemon));
    }

    #[tokio::test]
    async fn dropping_kills_the_group() {
        let process = sh("sleep 1000 & echo $!; wait");
        let grandchild: i32 = line(&process, 0).parse().unwrap();
        let leader = process.pid().cast_signed();
        drop(process);
        eventually(PATIENCE, "both are gone", || is_gone(leader) && is_gone(grandchild));
    }

    #[tokio::test]
    async fn a_flood_of_output_neither_blocks_the_process_nor_grows_the_tail() {
        let process = sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
        assert!(timeout(DEADLINE, process.wait()).await.unwrap().success());
        eventually(PATIENCE, "all is read", || process.output.lines_written() == 20_000);
        let lines = process.output.lines();
        assert!(lines.len() <= 500);
        assert_eq!(lines.last().unwrap(), "line 19999");
    }

    #[test]
    fn a_child_outlives_the_runtime_thread_that_asked_for_it() {
        let process = thread::spawn(|| sh("echo up; read x < /dev/null; exec sleep 1000"));
        let process = process.join().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            line(&process, 0);
            assert_eq!(process.exit_status(), None);
        });
    }

    #[tokio::test]
    async fn the_parent_death_signal_is_set_before_the_program_runs() {
        // `prctl` cannot be asked of another process, so a shell cannot tell; what can be seen from
        // outside is that the child dies with the thread that spawned it.
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        child::prepare(&mut command, Limits::default(), None);
        let mut child = thread::spawn(move || command.spawn().unwrap()).join().unwrap();
        let status = eventual("the child ends", || child.try_wait().unwrap());
        assert_eq!(status.signal(), Some(9));
    }
}
