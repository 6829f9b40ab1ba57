//! `roundel demo`: a balancer with servers of its own, to see it work.
//!
//! The demo is the product, not a model of it: the servers are instances of an app, the
//! configuration is a file's text and goes the way of every file's.

mod guide;
pub(crate) mod server;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use roundel_config::Loaded;
use roundel_control::{AppView, Control, InstanceState};
use tokio::time::{Instant, sleep};

use crate::cli::DemoArguments;
use crate::service::Service;
use crate::{check, logging, print};

/// How long the servers together may take to start; one that does not come up is not waited for.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Pause between two looks at servers that start.
const START_PAUSE: Duration = Duration::from_millis(10);

/// Ports beyond those of the servers, for when some are in use.
const SPARE_PORTS: u16 = 20;

/// Runs until a signal ends it.
pub(crate) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe().context("cannot find the program's own file")?;
    let text = configuration(arguments, &program.to_string_lossy());
    let Loaded { config, .. } = match roundel_config::load(&text, "demo.toml", &|_| None) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            check::show(&diagnostics);
            return Ok(ExitCode::FAILURE);
        }
    };
    logging::start(config.log);
    let service = Service::start(config, None)?;
    let apps = service.runtime().block_on(started(service.control()));
    let typed = std::env::args_os().next().unwrap_or_else(|| "roundel".into());
    let typed = typed.to_string_lossy();
    print::err(&guide::text(&typed, &apps, service.listener(), service.admin()));
    Ok(service.run())
}

/// The servers, once all of them take traffic, so that the first request finds them.
async fn started(control: &Control) -> Vec<AppView> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let apps = control.apps();
        let mut instances = apps.iter().flat_map(|app| &app.instances);
        let is_ready = !apps.is_empty() && instances.all(|i| i.state == InstanceState::Ready);
        if is_ready || Instant::now() >= deadline {
            return apps.to_vec();
        }
        sleep(START_PAUSE).await;
    }
}

/// The demo's configuration file.
fn configuration(arguments: &DemoArguments, program: &str) -> String {
    let DemoArguments { listen, admin, servers, first_port } = arguments;
    // Braces are placeholders, dollars are the environment, and TOML has its own idea of a string.
    let program = program.replace('$', "$$").replace('{', "{{").replace('}', "}}");
    let program = toml_string(&program);
    let last_port = first_port.saturating_add(*servers - 1).saturating_add(SPARE_PORTS);
    let ports = match first_port {
        0 => "any".to_owned(),
        first_port => format!("{first_port}-{last_port}"),
    };
    format!(
        r#"[admin]
address = "{admin}"

[[listener]]
name = "web"
address = "{listen}"

[[route]]
path = "/stats"
action = "stats"

[[route]]
path_prefix = "/"
pool = "demo"

[app.demo]
command = [{program}, "demo-server", "{{name}}", "{{port}}"]
ports = "{ports}"
instances = {servers}
name = "Server {{index}}"
stop_grace = "1s"

# Long enough to watch the failover, and no end of patience with those who try it again and again.
[app.demo.restart]
base_pause = "5s"
max_pause = "5s"
max_quick_exits = 1000000

[pool.demo]
balance = "round_robin"

[pool.demo.health_check]
path = "/health"
interval = "1s"
timeout = "500ms"

[access_log]
format = "text"
"#
    )
}

/// The text as a string of a TOML file.
fn toml_string(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            // Writing to a `String` cannot fail.
            c if c.is_control() => drop(write!(written, "\\u{:04X}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(first_port: u16, program: &str) -> roundel_config::Config {
        let arguments = DemoArguments {
            servers: 2,
            listen: "127.0.0.1:0".parse().unwrap(),
            admin: "127.0.0.1:8090".parse().unwrap(),
            first_port,
        };
        let text = configuration(&arguments, program);
        let loaded = roundel_config::load(&text, "demo.toml", &|_| None)
            .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
        loaded.config
    }

    #[test]
    fn the_demo_configuration_is_correct_and_without_warnings() {
        for first_port in [5001, 0, 65_534] {
            let config = load(first_port, "/usr/bin/roundel");
            let app = &config.apps[0];
            assert_eq!(app.instance_name(2).as_str(), "Server 2");
            assert_eq!((app.instances.initial, app.pool.as_str()), (2, "demo"));
            assert!(config.access_log.is_some());
        }
    }

    #[test]
    fn the_program_may_be_anywhere() {
        let program = "/home/a \"b\"\\c/{x}/${HOME}\n/roundel";
        let config = load(5001, program);
        let facts = roundel_config::Facts {
            app: "demo",
            name: "Server 1",
            index: 1,
            port: Some(5001),
            socket: None,
        };
        assert_eq!(config.apps[0].spec.command[0].render(&facts), program);
    }
}
