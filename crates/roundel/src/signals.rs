//! What the outside tells the process by signals.

use std::io;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A wish to end the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// SIGINT, as by Ctrl-C.
    Interrupt,
    /// SIGTERM, as by a service manager.
    Terminate,
}

/// Anything a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// End.
    Stop(Stop),
    /// Take the changed configuration (SIGHUP).
    Reload,
    /// Open the access log anew (SIGUSR1).
    Reopen,
}

impl Stop {
    pub(crate) const fn signal_name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The status that shells give to a process that the signal killed: 128 and its number.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        })
    }
}

/// The signals that the process takes, from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    user: Signal,
}

impl Signals {
    /// Takes the signals over from their default, which is to kill.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Request {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Request::Stop(Stop::Interrupt),
            Some(()) = self.terminate.recv() => Request::Stop(Stop::Terminate),
            Some(()) = self.hang_up.recv() => Request::Reload,
            Some(()) = self.user.recv() => Request::Reopen,
            // Signals end only with the runtime, and this with it.
            else => std::future::pending().await,
        }
    }

    /// The next wish to end the process; others are passed over.
    pub(crate) async fn next_stop(&mut self) -> Stop {
        loop {
            if let Request::Stop(stop) = self.next().await {
                return stop;
            }
        }
    }
}
