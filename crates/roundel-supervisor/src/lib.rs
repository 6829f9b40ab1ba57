//! OS processes: spawn, signal, reap, measure.
//!
//! Four promises, each kept by one mechanism:
//!
//! - **Nothing is left behind.** Each process leads a process group of its own; the group is killed
//!   when its leader exits and when [`Process`] is dropped, and with it what left the group
//!   (`marked`). When this process is killed itself, the kernel's parent-death signal ends the
//!   leaders, and a second process the rest ([`guard_by`]).
//! - **No stranger is signalled.** The leader is reaped only after its group was killed, under the
//!   lock that every signal takes, so a process id is never used after the kernel may have given it
//!   to someone else.
//! - **No zombie stays, and nobody's exit status is taken.** What processes leave behind is adopted and
//!   reaped ([`adopt_orphans`]); what was started here is left to the one who waits for it.
//! - **Output never blocks the process and never grows without bound.** It is always read; only its
//!   tail is kept ([`OutputTail`]).
//!
//! Knows nothing of ports, health, restarts or configuration: policy is the control plane's.

mod child;
mod guard;
mod identity;
mod marked;
mod orphans;
mod output;
mod output_file;
mod own;
mod process;
mod usage;

pub use guard::{dismiss_guard, guard, guard_by};
pub use identity::{Identity, IdentityError};
pub use orphans::adopt_orphans;
pub use output::OutputTail;
pub use output_file::OutputFile;
pub use process::{Limits, Output, Process, ProcessSpec, SpawnError};
pub use usage::{Usage, usage_of};
