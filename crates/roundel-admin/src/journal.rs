//! Passes the control plane's events on to those who listen, in the words of the contract.

use std::sync::Arc;

use roundel_control::{Change, Control, Event, Severity};
use tokio::sync::broadcast::error::RecvError;

use crate::contract::{self, ChangeSeverity};
use crate::hub::{Hub, Topic};
use crate::picture::decision_of;

/// Passes on what happens until the control plane ends.
pub(crate) async fn follow(control: &Control, hub: &Arc<Hub>) {
    let mut events = control.subscribe_from_start();
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Change::Decided(decision) = &event.change {
                    hub.tell(Topic::Decision, |_| decision_of(decision));
                }
                hub.tell(Topic::Change, |id| change_of(id, &event));
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "admin: too many changes at once, some are not listed");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn change_of(id: u64, event: &Event) -> contract::Change {
    let (pool, endpoint) = event.change.place().unzip();
    let (app, instance) = event.change.app().unzip();
    contract::Change {
        id,
        at: event.at.into(),
        generation: event.generation,
        kind: event.change.code().to_owned(),
        severity: event.change.severity().into(),
        pool: pool.map(ToString::to_string),
        endpoint: endpoint.map(ToString::to_string),
        app: app.map(ToString::to_string),
        instance: instance.flatten().map(ToString::to_string),
        message: event.change.to_string(),
    }
}

impl From<Severity> for ChangeSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warn => Self::Warn,
            Severity::Error => Self::Error,
        }
    }
}
