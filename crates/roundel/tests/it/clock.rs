//! Fault 17: the machine's clock is set, by an hour, forth and back.
//!
//! Timeouts, intervals and rates go by monotonic time; the wall clock is for people. Libfaketime
//! gives the process a wall clock that this test sets, and leaves it the monotonic one.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use roundel_admin::contract::Time;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Load, Origin, TempDir, balancer, eventually};

use crate::api::Api;
use crate::scene::{configuration, plain};

/// Probes so often that a test sees them go on; few that a busy machine fails say nothing.
const CHECK: &str = r#"health_check = { path = "/health", interval = "300ms", timeout = "300ms", unhealthy_interval = "50ms", unhealthy_after = 50 }"#;

fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    paths.find(|path| path.exists()).unwrap()
}

/// Whether the balancer's wall clock is off by `hours`, give or take half of one.
fn is_off_by(api: &Api, hours: i64) -> bool {
    let now: Time = serde_json::from_value(api.get("/api/v1/state")["now"].clone()).unwrap();
    let seconds = |time: SystemTime| {
        i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
    };
    (seconds(now.0) - seconds(SystemTime::now()) - hours * 3600).abs() < 1800
}

#[test]
fn a_clock_that_jumps_is_nobodys_concern() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let directory = TempDir::new();
    let set = |offset: &str| {
        // Written aside and renamed: the process must not read half of it.
        let path = directory.write("new", &format!("{offset}\n"));
        std::fs::rename(path, directory.path().join("offset")).unwrap();
    };
    set("+0s");
    let config = directory.write("roundel.toml", &configuration(&plain(&origins), &[CHECK]));
    let mut command = Command::new(balancer::binary());
    command.args(["run", "--config"]).arg(config);
    command.env("LD_PRELOAD", library());
    command.env("FAKETIME_TIMESTAMP_FILE", directory.path().join("offset"));
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let balancer = Balancer::start_as(command);
    let api = Api::at(balancer.admin());

    // A request that is not served within seconds counts as failed.
    let load = Load::new(balancer.address()).clients(4).patience(Duration::from_secs(5));
    let load = load.per_second(200).endless().start();
    for (offset, hours) in [("+1h", 1), ("-1h", -1), ("+0s", 0)] {
        load.wait_for(200);
        set(offset);
        eventually(PATIENCE, "the process sees the new time", || is_off_by(&api, hours));
        let probed: Vec<usize> = origins.iter().map(|origin| origin.probes().len()).collect();
        eventually(PATIENCE, "probes go on at their interval", || {
            origins.iter().zip(&probed).all(|(origin, before)| origin.probes().len() > before + 2)
        });
        eventually(PATIENCE, "rates are as before", || {
            let rate = api.get("/api/v1/state")["totals"]["requests_per_second"].as_f64().unwrap();
            (1.0..1e6).contains(&rate)
        });
    }
    load.wait_for(200);
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!(tally.connections(), 4, "no connection was closed");
    for origin in &origins {
        eventually(PATIENCE, "it takes traffic", || {
            api.endpoint("api", origin.name()).unwrap()["is_eligible"] == true
        });
    }
    assert!(balancer.terminate().success());
}
