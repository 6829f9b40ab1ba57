//! One app as the task has it: its model, and the processes that the model knows as numbers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use roundel_config::model::AppConfig;
use roundel_core::endpoint::EndpointShared;
use roundel_core::name::Name;
use roundel_core::outlier::Moment;
use roundel_supervisor::{OutputTail, Process};
use tokio::task::AbortHandle;

use super::gate::Place;
use super::handle::Operation;
use super::instance::{Instance, RunId, Spawn, Wish};
use super::model::AppModel;
use super::usage::{Meter, Sample};
use super::view::{AppView, ExitView, InstanceView};

/// An app and its processes.
pub(super) struct Managed {
    pub(super) model: AppModel,
    pub(super) runs: HashMap<RunId, Run>,
    /// What each instance wrote, over all its processes, by index.
    outputs: HashMap<u32, OutputTail>,
}

/// A process that is being started, or was.
pub(super) struct Run {
    /// `None` while it is being started.
    process: Option<Process>,
    /// What was asked of it before it was there.
    asked: Asked,
    place: Option<Place>,
    output: OutputTail,
    started_at: SystemTime,
    /// What finds out whether it answers.
    gate: Option<AbortHandle>,
    /// Its endpoint's counters, once it answered.
    shared: Option<Arc<EndpointShared>>,
    meter: Meter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Nothing,
    ToEnd,
    ToDie,
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(gate) = &self.gate {
            gate.abort();
        }
    }
}

impl Managed {
    pub(super) fn new(config: AppConfig, held: BTreeSet<Name>, seed: u64, now: Moment) -> Self {
        let model = AppModel::new(config, held, seed, now);
        Self { model, runs: HashMap::new(), outputs: HashMap::new() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.model.is_over() && self.runs.is_empty()
    }

    pub(super) fn tick(&mut self, now: Moment) {
        let runs = &self.runs;
        let in_flight = |run: RunId| {
            let shared = runs.get(&run).and_then(|run| run.shared.as_ref());
            shared.map_or(0, |shared| shared.in_flight())
        };
        self.model.tick(now, in_flight);
        let instances = &self.model.instances;
        self.outputs.retain(|index, _| instances.contains_key(index));
    }

    pub(super) fn operate(&mut self, index: u32, operation: Operation, now: Moment) {
        match operation {
            Operation::Start => self.model.start_instance(index, now),
            Operation::Stop => self.model.stop_instance(index, now),
            Operation::Kill => self.model.kill_instance(index),
            Operation::Restart => self.model.restart_instance(index, now),
        }
    }

    /// A process is about to be started; gives where its output goes.
    pub(super) fn begin(&mut self, spawn: &Spawn) -> OutputTail {
        let output = self.outputs.entry(spawn.index).or_default().clone();
        let run = Run {
            process: None,
            asked: Asked::Nothing,
            place: spawn.place(&self.model.config),
            output: output.clone(),
            started_at: SystemTime::now(),
            gate: None,
            shared: None,
            meter: Meter::default(),
        };
        self.runs.insert(spawn.run, run);
        output
    }

    /// It is there. Gives where it is to be found, unless it was told to end meanwhile.
    pub(super) fn started(&mut self, id: RunId, process: Process) -> Option<Place> {
        let run = self.runs.get_mut(&id)?;
        run.output.note(&format!("[roundel] process {} started", process.pid()));
        match run.asked {
            Asked::Nothing => {}
            Asked::ToEnd => process.ask_to_end(),
            Asked::ToDie => process.kill(),
        }
        run.started_at = SystemTime::now();
        run.process = Some(process);
        run.place.take().filter(|_| run.asked == Asked::Nothing)
    }

    /// Somebody finds out whether it answers.
    pub(super) fn watch(&mut self, id: RunId, gate: AbortHandle) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.gate = Some(gate);
        }
    }

    pub(super) fn answered(&mut self, id: RunId, shared: Arc<EndpointShared>, now: Moment) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.shared = Some(shared);
            self.model.answered(id, now);
        }
    }

    pub(super) fn exited(&mut self, id: RunId, status: &str, now: Moment) {
        if let Some(run) = self.runs.remove(&id) {
            run.output.note(&format!("[roundel] {status}"));
        }
        self.model.exited(id, status, now);
    }

    pub(super) fn terminate(&mut self, id: RunId) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.ask(Asked::ToEnd);
        }
    }

    pub(super) fn kill(&mut self, id: RunId) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.ask(Asked::ToDie);
        }
    }

    pub(super) fn kill_all(&mut self) {
        for run in self.runs.values_mut() {
            run.ask(Asked::ToDie);
        }
    }

    /// The leaders of its process groups.
    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        self.runs.values().filter_map(|run| run.process.as_ref()).map(Process::pid)
    }

    pub(super) fn take_sample(&mut self, sample: &Sample) {
        for run in self.runs.values_mut() {
            if let Some(process) = &run.process {
                run.meter.take(process.pid(), sample);
            }
        }
    }

    /// As others see it. `time` tells when a moment was.
    pub(super) fn view(&self, time: impl Fn(Moment) -> SystemTime) -> AppView {
        let config = &self.model.config;
        AppView {
            name: config.name.clone(),
            pool: config.pool.clone(),
            command: config.spec.command.iter().map(ToString::to_string).collect(),
            instances_wanted: self.model.wanted(),
            min: config.instances.min,
            max: config.instances.max,
            instances: self.model.instances.values().map(|i| self.instance(i, &time)).collect(),
            restarts_total: self.model.restarts(),
            rollout: self.model.rollout_view(),
        }
    }

    fn instance(&self, instance: &Instance, time: &impl Fn(Moment) -> SystemTime) -> InstanceView {
        let run = instance.live_run().and_then(|run| self.runs.get(&run));
        let running = run.and_then(|run| run.process.as_ref().map(|process| (run, process)));
        let output = self.outputs.get(&instance.index).cloned().unwrap_or_default();
        InstanceView {
            name: instance.name.clone(),
            index: instance.index,
            state: instance.state(),
            pid: running.map(|(_, process)| process.pid()),
            address: instance.address(&self.model.config.name).map(|a| a.to_string()),
            started_at: running.map(|(run, _)| run.started_at),
            is_held: instance.wish == Wish::Stop,
            restarts: instance.restarts(),
            cpu_percent: running.and_then(|(run, _)| run.meter.cpu_percent()),
            memory_bytes: running.and_then(|(run, _)| run.meter.memory_bytes()),
            last_exit: instance
                .last_exit()
                .map(|(at, status)| ExitView { at: time(*at), status: status.clone() }),
            reason: instance.reason().map(str::to_owned),
            output_lines: output.lines_written(),
            output,
        }
    }
}

impl Run {
    fn ask(&mut self, asked: Asked) {
        self.asked = self.asked.max(asked);
        match (&self.process, asked) {
            (Some(process), Asked::ToEnd) => process.ask_to_end(),
            (Some(process), Asked::ToDie) => process.kill(),
            _ => {}
        }
    }
}
