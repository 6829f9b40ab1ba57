//! The control plane: the only writer of snapshots.
//!
//! Facts come in (a configuration, a probe's outcome, a resolved name, what a worker noticed, the
//! passing of time); whenever one changes what workers should do, a new
//! [`Snapshot`](roundel_core::snapshot::Snapshot) goes out whole. Layers, each knowing only
//! the ones below:
//!
//! | part | does | knows nothing of |
//! |---|---|---|
//! | `compose` | derives the configuration from the file, providers and the operator | who changes them |
//! | `model` | decides: state and time in, snapshot and work to do out | clocks, sockets, tasks |
//! | `actor` | is the one task that owns the model, runs its timers and the work it asks for | decisions |
//! | `intent` | is where operators' decisions come in and are kept | probes, sockets |
//! | `probe`, `resolve`, `bind`, `watch` | touch the world, once per call | the model |
//!
//! One task owns all state, so there is no lock to hold in the wrong order and no state that two
//! parties could see differently. It knows no configuration syntax, and nothing of the data plane
//! but the snapshot it makes and the signals it takes.

mod actor;
mod apps;
mod autoscaler;
mod bind;
mod compose;
mod control;
mod docker;
mod event;
mod intent;
mod model;
mod probe;
mod report;
mod resolve;
mod watch;

pub use apps::{
    AppError, AppView, ExitView, InstanceState, InstanceView, Operation, RolloutState, RolloutView,
    UserError,
};
pub use autoscaler::{DECISIONS_KEPT, ScalingDecision, ScalingDecisions};
pub use bind::BindError;
pub use compose::{
    AppOverlay, EndpointOverlay, Obstacle, Overlay, PassedOver, PoolOverlay, Provided,
};
pub use control::{
    Control, ControlOptions, LostProvider, Prepared, ProbeReport, ReloadError, StartError, Stopped,
    prepare,
};
pub use docker::provide_containers;
pub use event::{Change, Event, Severity};
pub use intent::{
    EndpointChange, Intent, IntentError, NewEndpoint, Opened, OverlayError, Override, StateFile,
};
pub use report::{Changed, ReloadReport};
pub use roundel_supervisor::OutputTail;
pub use watch::{FileWatch, watch};
