//! Has figures made of the counters, once a second, for as long as anybody could look at them.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use roundel_control::Control;
use roundel_telemetry::traffic::{Figures, INTERVAL, Sampler};
use roundel_telemetry::{Registry, View};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Starts a task that makes figures until nobody is left to read them.
///
/// # Panics
/// Outside of a tokio runtime.
pub(crate) fn follow(control: &Control, registry: Arc<Registry>) -> watch::Receiver<Arc<Figures>> {
    let mut sampler = Sampler::new(Instant::now());
    let control = control.clone();
    let mut tick = move || {
        let snapshot = control.snapshot();
        sampler.tick(&registry, &View::of(&snapshot), Instant::now(), SystemTime::now())
    };
    let (sender, receiver) = watch::channel(tick());
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        // A late tick stands for those that were missed.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !sender.is_closed() {
            ticks.tick().await;
            sender.send_replace(tick());
        }
    });
    receiver
}
