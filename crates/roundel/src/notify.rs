//! What the service manager is told: `sd_notify(3)`. Without one, nothing is sent.

use std::future::Future;
use std::time::Duration;

use sd_notify::NotifyState;

/// Everything runs; `status` is what `systemctl status` shows.
pub(crate) fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun; [`ready`] ends it. The time lets the manager tell this reload from the one
/// before.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot read the monotonic clock"),
    }
}

/// The end has begun.
pub(crate) fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Tells the manager's watchdog that the process is alive, as often as it wants to hear, for as long
/// as `answers` does: a control plane that hangs is not kept alive by a clock.
pub(crate) async fn keep_watchdog_calm<F: Future<Output = ()>>(answers: impl Fn() -> F) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    // Half of the limit, as sd_watchdog_enabled(3) advises.
    let period = (limit / 2).max(Duration::from_millis(1));
    loop {
        answers().await;
        send(&[NotifyState::Watchdog]);
        tokio::time::sleep(period).await;
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
