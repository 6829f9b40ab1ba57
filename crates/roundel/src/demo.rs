//! `roundel demo`: a balancer with servers of its own, to see it work.
//!
//! The demo is the product, not a model of it: the servers are child processes, the configuration is
//! a file's text and goes the way of every file's.

mod guide;
mod ports;
pub(crate) mod server;
mod servers;

use std::fmt::Write as _;
use std::process::ExitCode;

use roundel_config::Loaded;
use tokio::runtime::Builder;

use crate::cli::DemoArguments;
use crate::service::Service;
use crate::{check, logging, print};
use servers::{DemoServer, DemoServers};

/// Runs until a signal ends it.
pub(crate) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let servers: Vec<_> = ports::choose(arguments.first_port, arguments.servers)?
        .into_iter()
        .zip(1..)
        .map(|(port, number)| DemoServer { name: format!("Server {number}"), port })
        .collect();
    let text = configuration(arguments, &servers);
    let Loaded { config, .. } = match roundel_config::load(&text, "demo.toml", &|_| None) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            check::show(&diagnostics);
            return Ok(ExitCode::FAILURE);
        }
    };
    logging::start(config.log);
    let servers = DemoServers::start(servers)?;
    let service = match Service::start(config, None) {
        Ok(service) => service,
        Err(error) => {
            Builder::new_current_thread().enable_time().build()?.block_on(servers.end());
            return Err(error);
        }
    };
    print::err(&guide::text(&servers.running(), service.listener(), service.admin()));
    let supervised = servers.supervise(service.runtime());
    Ok(service.run_with(supervised.end()))
}

/// The demo's configuration file.
fn configuration(arguments: &DemoArguments, servers: &[DemoServer]) -> String {
    let DemoArguments { listen, admin, .. } = arguments;
    let mut endpoints = String::new();
    for DemoServer { name, port } in servers {
        // Writing to a `String` cannot fail.
        let _ = writeln!(endpoints, "  {{ address = \"127.0.0.1:{port}\", name = \"{name}\" }},");
    }
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

[pool.demo]
balance = "round_robin"
endpoints = [
{endpoints}]

[pool.demo.health_check]
path = "/health"
interval = "1s"
timeout = "500ms"

[access_log]
format = "text"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_configuration_is_correct_and_without_warnings() {
        let arguments = DemoArguments {
            servers: 2,
            listen: "127.0.0.1:0".parse().unwrap(),
            admin: "127.0.0.1:8090".parse().unwrap(),
            first_port: 5001,
        };
        let server = |number: u16| DemoServer { name: format!("Server {number}"), port: number };
        let text = configuration(&arguments, &[server(1), server(2)]);
        let loaded = roundel_config::load(&text, "demo.toml", &|_| None)
            .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
        assert_eq!(loaded.config.pools[0].endpoints[1].name.as_str(), "Server 2");
        assert!(loaded.config.access_log.is_some());
    }
}
