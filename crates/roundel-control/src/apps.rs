//! Apps: programs that Roundel runs, whose ready instances are endpoints of a pool.
//!
//! The same split as in the rest of the control plane, each part knowing only the ones below:
//!
//! | part | does | knows nothing of |
//! |---|---|---|
//! | `handle` | is what others ask: the operations of [`Control`](crate::Control) on apps | processes |
//! | `task` | is the one task that owns all apps: carries out what the models decide | decisions |
//! | `managed` | is one app as the task has it: its model and its processes | the other apps |
//! | `run`, `gate`, `usage` | start a process; find out whether it answers, and what it uses | the models |
//! | `model` | decides for one app: instances wanted, replaced, restarted, given up | clocks, processes |
//! | `instance` | is the life of one instance | the others |
//!
//! An instance is told to the balancer as an endpoint for as long as it belongs to the app, with what
//! is known of its process: it takes traffic only between the moment it was found to answer and the
//! moment it is told to end or its process has ended, whichever comes first.

mod gate;
mod handle;
mod instance;
mod managed;
mod model;
mod ports;
mod restart;
mod rollout;
mod run;
mod task;
mod usage;
mod view;

pub use handle::{AppError, Operation};
pub use run::UserError;
pub(crate) use run::check;
pub(crate) use task::{AppCommand, AppTask, Scope};
pub use view::{AppView, ExitView, InstanceState, InstanceView, RolloutState, RolloutView};
