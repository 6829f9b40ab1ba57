//! The autoscaler: looks at each app that has a policy, about once a second and when somebody waits,
//! and tells the app how many instances it should have.
//!
//! | part | does | knows nothing of |
//! |---|---|---|
//! | this file | is the task: when to look, whom to tell | numbers |
//! | `look` | counts what an app and its pool have to do | policies |
//! | `scaler` | is one app as the task has it: its policy's state, what it was told, its last decisions | counters |
//!
//! How many are wanted is decided in [`roundel_core::autoscale`]; what becomes of it is the app's
//! business. An operator who scales an app by hand is not overruled: the number moves, and the
//! policy goes on from there. The bounds hold for both.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use roundel_config::model::{AppConfig, Config};
use roundel_core::name::Name;
use roundel_core::outlier::Moment;
use roundel_telemetry::Registry;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::apps::{AppCommand, AppView, Scope};
use crate::control::Shared;
use crate::event::Change;

mod look;
mod scaler;

use look::Looks;
use scaler::Scaler;
pub use scaler::{DECISIONS_KEPT, ScalingDecision, ScalingDecisions};

/// Time between two looks while nobody waits.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two looks at the least, however many wait.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// The task's state.
pub(crate) struct AutoscaleTask {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    /// Weak, so that the autoscaler alone does not keep apps going.
    apps: mpsc::WeakSender<AppCommand>,
    scalers: BTreeMap<Name, Scaler>,
    looks: HashMap<Name, Looks>,
    start: Instant,
}

impl AutoscaleTask {
    pub(crate) fn new(
        shared: Arc<Shared>,
        registry: Arc<Registry>,
        apps: mpsc::WeakSender<AppCommand>,
    ) -> Self {
        let (scalers, looks) = (BTreeMap::new(), HashMap::new());
        Self { shared, registry, apps, scalers, looks, start: Instant::now() }
    }

    /// Runs until there is nobody to be told anything.
    pub(crate) async fn run(mut self) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.shared.demand.notified() => {}
            }
            if self.look().await.is_none() {
                return;
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Looks at all apps once. `None` when there is nobody to be told anything.
    async fn look(&mut self) -> Option<()> {
        let (config, apps, snapshot) = {
            let view = self.shared.view();
            (Arc::clone(&view.config), Arc::clone(&view.apps), Arc::clone(&view.snapshot))
        };
        let now = Moment(self.start.elapsed());
        self.forget_all_but(&config);
        for app in config.apps.iter().filter(|app| app.autoscale.is_some()) {
            let Some(view) = apps.iter().find(|view| view.name == app.name) else { continue };
            let Some(pool) = snapshot.pools.iter().find(|pool| pool.name == app.pool) else {
                continue;
            };
            let looks = self.looks.entry(app.name.clone()).or_default();
            let waited = look::waited(&self.registry, &pool.name);
            let seen = looks.take(view, pool, waited, feeders(&config, app));
            self.decide(app, view, seen, now).await?;
        }
        Some(())
    }

    async fn decide(
        &mut self,
        app: &AppConfig,
        view: &AppView,
        seen: roundel_core::autoscale::View,
        now: Moment,
    ) -> Option<()> {
        let policy = app.autoscale.as_ref()?;
        let scaler = self
            .scalers
            .entry(app.name.clone())
            .or_insert_with(|| Scaler::new(policy.clone(), view.instances_wanted, now));
        scaler.follow(policy, view.instances_wanted, now);
        let Some(decision) = scaler.decide(&app.name, seen, now, SystemTime::now()) else {
            return Some(());
        };
        let decisions = scaler.decisions().clone();
        self.shared.view().decisions.insert(app.name.clone(), decisions);
        let wanted = decision.to;
        self.shared.tell(Change::Decided(decision));
        let (reply, answer) = oneshot::channel();
        let scope = Scope::Scale(wanted, None);
        let command = AppCommand::Operate { app: app.name.as_str().to_owned(), scope, reply };
        self.apps.upgrade()?.send(command).await.ok()?;
        if let Err(error) = answer.await.ok()?
            && let Some(scaler) = self.scalers.get_mut(&app.name)
        {
            // Its bounds are others by now: the next look goes on from what there is.
            tracing::debug!(app = app.name.as_str(), %error, "decision came too late");
            scaler.take_back(view.instances_wanted, now);
        }
        Some(())
    }

    fn forget_all_but(&mut self, config: &Config) {
        let is_scaled =
            |name: &Name| config.apps.iter().any(|a| a.name == *name && a.autoscale.is_some());
        self.scalers.retain(|name, _| is_scaled(name));
        self.looks.retain(|name, _| is_scaled(name));
        self.shared.view().decisions.retain(|name, _| is_scaled(name));
    }
}

/// How many apps that are scaled have a part of the pool's queue.
fn feeders(config: &Config, app: &AppConfig) -> u32 {
    let is_one = |other: &&AppConfig| other.pool == app.pool && other.autoscale.is_some();
    config.apps.iter().filter(is_one).count().max(1) as u32
}
