//! Whole lives of apps under a virtual clock, with processes that are only numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use roundel_config::model::AppConfig;
use roundel_core::endpoint::{AdminState, Presence};

use super::*;
use crate::apps::view::{InstanceState::*, RolloutState};

/// The app of a file with these keys.
fn config(keys: &str) -> AppConfig {
    program("server", keys)
}

/// The same that runs another program.
fn program(name: &str, keys: &str) -> AppConfig {
    let text = format!(
        "[[listener]]\naddress = \":1\"\n[app.web]\ncommand = [\"{name}\", \"{{port}}\"]\n{keys}\n"
    );
    let loaded = roundel_config::load(&text, "test", &|_| None);
    loaded.unwrap_or_else(|wrong| panic!("{wrong}")).config.apps.remove(0)
}

/// An app, its clock, and the processes that it has by now.
struct World {
    app: AppModel,
    now: Moment,
    /// Processes that run: where they listen, what they were started from.
    running: BTreeMap<RunId, (Option<u16>, Arc<AppSpec>)>,
    /// Those that were told to end.
    asked: BTreeSet<RunId>,
    in_flight: u32,
    /// Ports of strangers.
    strangers: Vec<u16>,
    /// Programs with this in their command do not start.
    broken: &'static str,
    told: Vec<Change>,
}

impl World {
    fn new(keys: &str) -> Self {
        let mut world = Self {
            app: AppModel::new(config(keys), BTreeSet::new(), 7, Moment::default()),
            now: Moment::default(),
            running: BTreeMap::new(),
            asked: BTreeSet::new(),
            in_flight: 0,
            strangers: Vec::new(),
            broken: "broken",
            told: Vec::new(),
        };
        world.act();
        world
    }

    /// Carries out what the model wants.
    fn act(&mut self) {
        loop {
            let actions = self.app.take_actions();
            if actions.is_empty() {
                break;
            }
            for action in actions {
                match action {
                    Action::Spawn(spawn) => self.spawn(spawn),
                    Action::Terminate(run) => {
                        self.asked.insert(run);
                    }
                    Action::Kill(run) => self.exit(run, "signal: 9 (SIGKILL)"),
                }
            }
        }
        self.told.extend(self.app.take_changes());
        self.check();
    }

    fn spawn(&mut self, spawn: crate::apps::instance::Spawn) {
        if let Some(port) = spawn.port.filter(|port| self.strangers.contains(port)) {
            return self.app.port_taken(spawn.run, port, self.now);
        }
        let taken = self.running.values().any(|(port, _)| port.is_some() && *port == spawn.port);
        assert!(!taken, "{spawn:?}");
        self.running.insert(spawn.run, (spawn.port, spawn.spec));
        self.app.spawned(spawn.run, spawn.port);
    }

    fn exit(&mut self, run: RunId, status: &str) {
        if self.running.remove(&run).is_some() {
            self.asked.remove(&run);
            self.app.exited(run, status, self.now);
        }
    }

    /// What is true at any time.
    fn check(&self) {
        let wanted = self.app.wanted() as usize;
        let active = self.app.instances.values().filter(|i| i.wish != Wish::Leave).count();
        assert!(active <= wanted + 1, "{active} of {wanted}");
        for endpoint in self.app.endpoints() {
            let instance = self.app.by_name(endpoint.name.as_str()).unwrap();
            let takes = endpoint.admin_state == AdminState::Enabled
                && endpoint.presence == Presence::Present;
            assert_eq!(takes, instance.is_ready() && instance.wish == Wish::Run, "{endpoint:?}");
        }
        let mut names: Vec<_> = self.app.endpoints().into_iter().map(|e| e.name).collect();
        names.dedup();
        assert_eq!(names.len(), self.app.endpoints().len());
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now = self.now.plus(Duration::from_millis(milliseconds));
        let in_flight = self.in_flight;
        self.app.tick(self.now, |_| in_flight);
        self.act();
    }

    /// Lets time pass, step by step; what was asked to end ends, what starts well answers, and what
    /// is broken exits.
    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 50 {
            self.pass(50);
            for run in std::mem::take(&mut self.asked) {
                self.exit(run, "exit status: 0");
            }
            let starting: Vec<(RunId, bool)> = self
                .running
                .iter()
                .map(|(run, (_, spec))| (*run, spec.command[0].to_string() == self.broken))
                .collect();
            for (run, is_broken) in starting {
                if is_broken {
                    self.exit(run, "exit status: 1");
                } else {
                    self.app.answered(run, self.now);
                }
            }
            self.act();
        }
    }

    fn states(&self) -> Vec<InstanceState> {
        self.app.instances.values().map(Instance::state).collect()
    }

    fn ports(&self) -> Vec<u16> {
        self.app.instances.values().filter_map(|i| i.port).collect()
    }

    fn live_run(&self, index: u32) -> RunId {
        self.app.instances[&index].live_run().unwrap()
    }

    fn ready(&self) -> usize {
        self.app.instances.values().filter(|i| i.is_ready()).count()
    }
}

#[test]
fn held_instances_are_there_and_do_not_run_until_somebody_starts_them() {
    const KEYS: &str = "instances = { min = 2, max = 3 }";
    let held =
        |names: &[&str]| names.iter().map(|name| crate::model::fixture::name(name)).collect();
    let app = AppModel::new(config(KEYS), held(&["web-2"]), 7, Moment::default());
    let mut world = World { app, ..World::new(KEYS) };
    world.running.clear();
    world.act();
    assert_eq!(world.states(), [Starting, Stopped]);
    world.app.scale(3, None, world.now).unwrap();
    world.act();
    world.run(100);
    assert_eq!(world.states(), [Ready, Stopped, Ready]);
    assert_eq!(world.running.len(), 2);
    world.app.hold(&held(&["web-1"]), world.now);
    world.act();
    world.run(1000);
    assert_eq!(world.states(), [Stopped, Ready, Ready]);
    // It goes first, and one of its number that comes later is another one.
    world.app.scale(2, None, world.now).unwrap();
    world.act();
    world.run(1000);
    assert_eq!(world.states(), [Ready, Ready]);
    world.app.scale(3, None, world.now).unwrap();
    world.act();
    world.run(1000);
    assert_eq!(world.states(), [Ready, Ready, Ready]);
}

#[test]
fn one_that_is_unhealthy_for_too_long_is_ended_and_started_as_after_a_crash() {
    let restart = "restart = { unhealthy_for = \"30s\", base_pause = \"1s\" }";
    let mut world = World::new(&format!("instances = 2\n{restart}"));
    world.run(50);
    let first = world.live_run(1);
    let note = |world: &mut World, is_unhealthy: bool| {
        world.app.note_health(|name| is_unhealthy && name.as_str() == "web-1", world.now);
    };
    // A break begins the time anew.
    for is_unhealthy in [true, false, true] {
        note(&mut world, is_unhealthy);
        world.pass(20_000);
    }
    assert_eq!(world.states(), [Ready, Ready]);
    note(&mut world, true);
    world.pass(10_000);
    assert_eq!(world.states(), [Stopping, Ready]);
    assert!(world.asked.contains(&first));
    world.exit(first, "signal: 9 (SIGKILL)");
    world.act();
    assert_eq!(world.states(), [BackOff, Ready]);
    assert_eq!(world.app.instances[&1].reason(), Some("was unhealthy for 30 s"));
    note(&mut world, true);
    world.run(2_000);
    assert_eq!(world.states(), [Ready, Ready]);
    assert_eq!(world.app.restarts(), 1);
    // Without the setting it is left alone.
    let mut world = World::new("instances = 1");
    world.run(50);
    note(&mut world, true);
    world.pass(10_000_000);
    assert_eq!(world.states(), [Ready]);
}

#[test]
fn instances_start_on_ports_of_their_own_and_take_traffic_when_they_answer() {
    let mut world = World::new("ports = \"5001-5003\"\ninstances = 2\nname = \"Server {index}\"");
    assert_eq!(world.states(), [Starting, Starting]);
    assert_eq!(world.ports(), [5001, 5002]);
    assert!(world.app.endpoints().iter().all(|e| e.presence == Presence::Starting));
    world.run(50);
    assert_eq!(world.states(), [Ready, Ready]);
    let endpoint = &world.app.endpoints()[1];
    assert_eq!(
        (endpoint.name.as_str(), endpoint.address.to_string().as_str()),
        ("Server 2", "127.0.0.1:5002")
    );
}

#[test]
fn a_dead_instance_is_absent_at_once_and_comes_back_after_a_pause() {
    let mut world = World::new("ports = \"5001-5002\"\ninstances = 2");
    world.run(50);
    let run = world.live_run(1);
    world.exit(run, "signal: 9 (SIGKILL)");
    assert_eq!(world.app.endpoints()[0].presence, Presence::Absent);
    assert_eq!(world.states(), [BackOff, Ready]);
    assert_eq!(world.app.instances[&1].reason(), Some("signal: 9 (SIGKILL)"));
    world.run(650);
    assert_eq!(world.states(), [Ready, Ready]);
    assert_eq!(world.app.instances[&1].restarts(), 1);
    assert_eq!(world.ports(), [5001, 5002], "the same port as before");
}

#[test]
fn a_crash_loop_is_given_up_until_somebody_starts_it() {
    let mut world = World::new("ports = \"5001\"\nrestart = { max_quick_exits = 3 }");
    world.broken = "server";
    world.run(60_000);
    assert_eq!(world.states(), [Failed]);
    let reason = world.app.instances[&1].reason().unwrap().to_owned();
    assert_eq!(reason, "exit status: 1; given up after 3 quick exits in a row");
    let (_, status) = world.app.instances[&1].last_exit().unwrap();
    assert_eq!(status, "exit status: 1");
    world.broken = "";
    world.app.start_instance(1, world.now);
    world.run(100);
    assert_eq!(world.states(), [Ready]);
}

#[test]
fn one_that_never_answers_is_ended_and_started_again() {
    let mut world = World::new("ports = \"5001\"\nstart_timeout = \"2s\"\nstop_grace = \"1s\"");
    world.pass(1999);
    assert_eq!(world.states(), [Starting]);
    world.pass(1);
    assert_eq!(world.states(), [Stopping]);
    assert_eq!(world.asked.len(), 1);
    // It does not listen to reason.
    world.pass(1000);
    assert_eq!(world.states(), [BackOff]);
    assert_eq!(world.app.instances[&1].reason(), Some("was not ready within 2 s"));
    world.run(700);
    assert_eq!(world.states(), [Ready]);
}

#[test]
fn a_stopped_instance_finishes_what_it_has_and_stays_stopped() {
    let mut world = World::new("ports = \"5001-5002\"\ninstances = 2\ndrain_grace = \"5s\"");
    world.run(50);
    world.in_flight = 3;
    world.app.stop_instance(2, world.now);
    world.run(4900);
    assert_eq!(world.states(), [Ready, Draining]);
    assert_eq!(world.app.endpoints()[1].admin_state, AdminState::Draining);
    world.in_flight = 0;
    world.run(300);
    assert_eq!(world.states(), [Ready, Stopped]);
    assert_eq!(world.app.endpoints()[1].admin_state, AdminState::Disabled);
    world.run(60_000);
    assert_eq!(world.states(), [Ready, Stopped]);
    world.app.start_instance(2, world.now);
    world.run(100);
    assert_eq!(world.states(), [Ready, Ready]);
}

#[test]
fn the_drain_grace_ends_a_drain() {
    let mut world = World::new("ports = \"5001\"\ndrain_grace = \"1s\"");
    world.run(50);
    world.in_flight = 2;
    world.app.stop_instance(1, world.now);
    world.pass(999);
    assert_eq!(world.states(), [Draining]);
    world.pass(1);
    assert_eq!(world.states(), [Stopping]);
    assert_eq!(world.app.instances[&1].reason(), Some("2 exchanges outlived the drain grace"));
}

#[test]
fn a_stranger_s_port_is_passed_over_and_told_once() {
    let mut world = World::new("ports = \"5001-5004\"\ninstances = 2");
    world.app.scale(0, Some("test".to_owned()), world.now).unwrap();
    world.run(500);
    world.strangers = vec![5001, 5003];
    world.app.scale(2, Some("test".to_owned()), world.now).unwrap();
    world.run(100);
    assert_eq!(world.ports(), [5004, 5002]);
    let taken = world.told.iter().filter(|c| matches!(c, Change::PortTaken { .. })).count();
    assert_eq!(taken, 2);
}

#[test]
fn without_a_free_port_it_waits_and_is_not_given_up() {
    let mut world = World::new("ports = \"5001\"\ninstances = 0");
    world.strangers = vec![5001];
    world.app.scale(1, Some("test".to_owned()), world.now).unwrap();
    world.run(600_000);
    assert!(matches!(world.states().as_slice(), [BackOff | Starting]), "{:?}", world.states());
    let told = world.told.iter().filter(|c| matches!(c, Change::Instance { .. })).count();
    assert!(told < 10, "not once a second: {told}");
    world.strangers.clear();
    world.run(20_000);
    assert_eq!(world.states(), [Ready]);
}

#[test]
fn scaling_down_takes_those_that_do_not_serve_first_and_up_takes_back_what_drains() {
    let mut world = World::new("ports = \"5001-5010\"\ninstances = 4");
    world.run(50);
    let run = world.live_run(2);
    world.exit(run, "exit status: 1");
    world.app.scale(2, Some("quiet".to_owned()), world.now).unwrap();
    world.in_flight = 1;
    world.pass(50);
    let wishes: Vec<_> = world.app.instances.values().map(|i| (i.index, i.wish)).collect();
    assert_eq!(wishes, [(1, Wish::Run), (3, Wish::Run), (4, Wish::Leave)]);
    world.app.scale(3, Some("busy".to_owned()), world.now).unwrap();
    assert_eq!(world.states(), [Ready, Ready, Ready]);
    assert_eq!(world.running.len(), 3, "no process was started for it");
    let error = world.app.scale(11, Some("more".to_owned()), world.now).unwrap_err();
    assert_eq!(error, OutOfBounds { min: 0, max: 10 });
}

#[test]
fn a_rollout_replaces_one_by_one_and_never_serves_with_less() {
    let mut world = World::new("ports = \"5001-5004\"\ninstances = 3");
    world.run(50);
    let before: Vec<RunId> = world.running.keys().copied().collect();
    world.app.restart(world.now);
    for _ in 0..200 {
        world.run(50);
        assert!(world.ready() >= 3, "{:?}", world.states());
        assert!(world.running.len() <= 4);
    }
    assert_eq!(world.states(), [Ready, Ready, Ready]);
    assert!(before.iter().all(|run| !world.running.contains_key(run)), "all are new");
    assert_eq!(world.ports(), [5001, 5002, 5003]);
    let view = world.app.rollout_view().unwrap();
    assert_eq!((view.state, view.updated, view.total), (RolloutState::Done, 3, 3));
}

#[test]
fn a_rollout_without_room_ends_each_before_its_successor_starts() {
    let mut world = World::new("ports = \"5001-5003\"\ninstances = 3");
    world.run(50);
    world.app.restart(world.now);
    let mut least = 3;
    for _ in 0..200 {
        world.run(50);
        least = least.min(world.ready());
    }
    assert_eq!(least, 2);
    assert_eq!(world.app.rollout_view().unwrap().state, RolloutState::Done);
}

#[test]
fn a_rollout_whose_spare_port_is_a_stranger_s_goes_on_without() {
    let mut world = World::new("ports = \"5001-5004\"\ninstances = 3");
    world.run(50);
    world.strangers = vec![5004];
    world.app.restart(world.now);
    world.run(10_000);
    assert_eq!(world.app.rollout_view().unwrap().state, RolloutState::Done);
    assert_eq!(world.ports(), [5001, 5002, 5003]);
    assert_eq!(world.app.restarts(), 3);
}

#[test]
fn a_broken_deploy_stops_at_the_first_new_instance_and_the_old_ones_serve_on() {
    for (ports, least) in [("5001-5004", 3), ("5001-5003", 2)] {
        let keys = format!("ports = \"{ports}\"\ninstances = 3");
        let mut world = World::new(&keys);
        world.run(50);
        world.app.configure(program("broken", &keys), world.now);
        for _ in 0..100 {
            world.run(50);
            assert!(world.ready() >= least, "{:?}", world.states());
        }
        assert_eq!(world.states(), [Ready, Ready, Ready]);
        let view = world.app.rollout_view().unwrap();
        assert_eq!((view.state, view.updated), (RolloutState::Stopped, 0));
        let reason = view.reason.unwrap();
        assert!(reason.ends_with(": exit status: 1"), "{reason}");
        assert!(world.running.values().all(|(_, spec)| spec.command[0].to_string() == "server"));
        // One that crashes later is what it was.
        let run = world.live_run(1);
        world.exit(run, "exit status: 9");
        world.run(2000);
        assert_eq!(world.states(), [Ready, Ready, Ready]);
        // The mended program goes through.
        world.app.configure(program("mended", &keys), world.now);
        world.run(10_000);
        assert_eq!(world.app.rollout_view().unwrap().state, RolloutState::Done);
        assert!(world.running.values().all(|(_, spec)| spec.command[0].to_string() == "mended"));
    }
}

#[test]
fn a_way_back_leaves_alone_what_is_right_already() {
    let keys = "ports = \"5001-5004\"\ninstances = 3";
    let mut world = World::new(keys);
    world.run(50);
    world.app.configure(program("broken", keys), world.now);
    world.run(1000);
    let before: Vec<RunId> = world.running.keys().copied().collect();
    world.app.configure(config(keys), world.now);
    world.run(5000);
    assert_eq!(world.running.keys().copied().collect::<Vec<_>>(), before);
    assert_eq!(world.app.rollout_view().unwrap().state, RolloutState::Done);
}

#[test]
fn when_nothing_serves_a_deploy_is_not_held_up() {
    let keys = "ports = \"5001-5004\"\ninstances = 3\nrestart = { max_quick_exits = 2 }";
    let mut world = World::new(keys);
    world.broken = "server";
    world.run(10_000);
    assert_eq!(world.states(), [Failed, Failed, Failed]);
    world.app.configure(program("mended", keys), world.now);
    world.run(100);
    assert_eq!(world.states(), [Ready, Ready, Ready]);
    assert_eq!(world.app.rollout_view().unwrap().state, RolloutState::Done);
}

#[test]
fn a_killed_instance_does_not_stop_a_rollout() {
    let mut world = World::new("ports = \"5001-5004\"\ninstances = 3");
    world.run(50);
    world.app.restart(world.now);
    world.run(300);
    let new = world.app.instances.keys().next_back().copied().unwrap();
    world.app.kill_instance(new);
    world.run(20_000);
    assert_eq!(world.app.rollout_view().unwrap().state, RolloutState::Done);
    assert_eq!(world.states(), [Ready, Ready, Ready]);
}

#[test]
fn a_reload_of_bounds_alone_touches_no_process() {
    let mut world = World::new("ports = \"5001-5006\"\ninstances = { min = 2, max = 4 }");
    world.run(50);
    world.app.scale(4, Some("busy".to_owned()), world.now).unwrap();
    world.run(100);
    let before: Vec<RunId> = world.running.keys().copied().collect();
    let next =
        config("ports = \"5001-5006\"\ninstances = { min = 2, max = 6 }\nstop_grace = \"1s\"");
    world.app.configure(next, world.now);
    world.run(1000);
    assert_eq!(world.running.keys().copied().collect::<Vec<_>>(), before);
    assert_eq!((world.app.wanted(), world.app.rollout_view()), (4, None));
    let next = config("ports = \"5001-5006\"\ninstances = { min = 1, max = 3 }");
    world.app.configure(next, world.now);
    world.run(1000);
    assert_eq!(world.ready(), 1, "the least is another one, and is what is wanted now");
}

/// What may happen to an app.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Scale(u32),
    Restart,
    Deploy(bool),
    Exit(usize),
    Start(u32),
    Stop(u32),
    Replace(u32),
    Kill(u32),
    Load(u32),
    Stranger(u16),
}

fn event() -> impl Strategy<Value = Event> {
    let index = 1..6_u32;
    prop_oneof![
        (1..3000_u64).prop_map(Event::Pass),
        (50..500_u64).prop_map(Event::Pass),
        (0..5_u32).prop_map(Event::Scale),
        Just(Event::Restart),
        any::<bool>().prop_map(Event::Deploy),
        (0..4_usize).prop_map(Event::Exit),
        index.clone().prop_map(Event::Start),
        index.clone().prop_map(Event::Stop),
        index.clone().prop_map(Event::Replace),
        index.prop_map(Event::Kill),
        (0..3_u32).prop_map(Event::Load),
        (5001..5006_u16).prop_map(Event::Stranger),
    ]
}

proptest! {
    /// `World::check` holds all along; and whatever happened, once the program is sound and nothing
    /// else happens, exactly the instances that are wanted and not stopped serve.
    #[test]
    fn whatever_happens_it_comes_to_rest_with_what_is_wanted(
        events in prop::collection::vec(event(), 0..40),
        any_port: bool,
    ) {
        let ports = if any_port { "any" } else { "5001-5005" };
        let keys = format!("ports = \"{ports}\"\ninstances = 2\ndrain_grace = \"1s\"\n\
             restart = {{ max_pause = \"2s\" }}");
        let mut world = World::new(&keys);
        for event in events {
            let now = world.now;
            match event {
                Event::Pass(milliseconds) => world.run(milliseconds),
                Event::Scale(wanted) => { let _ = world.app.scale(wanted, None, now); }
                Event::Restart => world.app.restart(now),
                Event::Deploy(is_broken) => {
                    let name = if is_broken { "broken" } else { "server" };
                    world.app.configure(program(name, &keys), now);
                }
                Event::Exit(nth) => {
                    if let Some(run) = world.running.keys().nth(nth).copied() {
                        world.exit(run, "exit status: 1");
                    }
                }
                Event::Start(index) => world.app.start_instance(index, now),
                Event::Stop(index) => world.app.stop_instance(index, now),
                Event::Replace(index) => world.app.restart_instance(index, now),
                Event::Kill(index) => world.app.kill_instance(index),
                Event::Load(in_flight) => world.in_flight = in_flight,
                Event::Stranger(port) => world.strangers = vec![port],
            }
            world.act();
        }
        world.in_flight = 0;
        world.strangers.clear();
        world.broken = "";
        world.run(30_000);
        let wanted = world.app.wanted() as usize;
        let stopped = world.states().iter().filter(|s| matches!(s, Stopped | Failed)).count();
        prop_assert_eq!(world.ready() + stopped, wanted, "{:?}", world.states());
        prop_assert_eq!(world.running.len(), world.ready());
        let is_running = world.app.rollout_view().is_some_and(|r| r.state == RolloutState::Running);
        prop_assert!(!is_running || stopped > 0, "{:?} {:?}", world.app.rollout_view(), world.states());
    }
}

#[test]
fn an_app_that_leaves_drains_and_is_over() {
    let mut world = World::new("ports = \"5001-5003\"\ninstances = 3");
    world.run(50);
    world.app.leave(world.now);
    assert_eq!(world.states(), [Draining, Draining, Draining]);
    world.run(1000);
    assert!(world.app.is_over());
    assert_eq!(world.running.len(), 0);
}

#[test]
fn an_endpoint_is_expected_until_its_instance_ends_twice_in_a_row() {
    let mut world = World::new("instances = 1\nrestart = { max_quick_exits = 5 }");
    assert!(world.app.expects_endpoint());
    let first = world.live_run(1);
    world.exit(first, "exit status: 1");
    assert!(world.app.expects_endpoint(), "it may have been bad luck");
    world.run(2000);
    let second = world.live_run(1);
    world.exit(second, "exit status: 1");
    assert!(!world.app.expects_endpoint());
}

#[test]
fn an_app_that_sleeps_expects_an_endpoint_only_if_demand_wakes_it() {
    let elastic = "instances = { min = 0, max = 3 }\nautoscale = { scale_to_zero_after = \"5m\" }";
    let mut world = World::new(elastic);
    assert_eq!((world.app.wanted(), world.app.expects_endpoint()), (0, true));
    world.app.leave(world.now);
    assert!(!world.app.expects_endpoint());
    let by_hand = World::new("instances = { min = 0, max = 3 }");
    assert!(!by_hand.app.expects_endpoint());
}

#[test]
fn a_reload_keeps_what_the_autoscaler_found_within_the_new_bounds() {
    let elastic = |bounds: &str| config(&format!("instances = {bounds}\nautoscale = {{}}"));
    let mut world = World::new("instances = { min = 1, max = 9 }\nautoscale = {}");
    world.app.scale(6, Some("load".to_owned()), world.now).unwrap();
    world.app.configure(elastic("{ min = 2, max = 9 }"), world.now);
    assert_eq!(world.app.wanted(), 6);
    world.app.configure(elastic("{ min = 2, max = 4 }"), world.now);
    assert_eq!(world.app.wanted(), 4);
}
