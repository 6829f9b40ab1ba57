//! OS processes: spawn, signal, reap, measure.
//!
//! Three promises, each kept by one mechanism:
//!
//! - **Nothing is left behind.** Each process leads a process group of its own; the group is killed
//!   when its leader exits and when [`Process`] is dropped, and with it what left the group
//!   (`marked`). When this process is killed itself, the kernel's parent-death signal ends the
//!   leaders, and a second process the rest ([`guard_by`]).
//! - **No stranger is signalled.** The leader is reaped only after its group was killed, under the
//!   lock that every signal takes, so a process id is never used after the kernel may have given it
//!   to someone else.
//! - **Output never blocks the process and never grows without bound.** It is always read; only its
//!   tail is kept ([`OutputTail`]).
//!
//! Knows nothing of ports, health, restarts or configuration: policy is the control plane's.

mod child;
mod guard;
mod identity;
mod marked;
mod output;
mod output_file;
mod process;
mod usage;

pub use guard::{dismiss_guard, guard, guard_by};
pub use identity::{Identity, IdentityError};
pub use output::OutputTail;
pub use output_file::OutputFile;
pub use process::{Limits, Output, Process, ProcessSpec, SpawnError};
pub use usage::{Usage, usage_of};
