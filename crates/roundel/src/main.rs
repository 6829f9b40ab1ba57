//! The `roundel` program: from arguments to a running balancer.
//!
//! Reads the command line ([`cli`]), does what it asks, and answers with an exit status: 0 for
//! done, 1 for what went wrong while doing it, 2 for arguments that make no sense. Standard output
//! carries results and access-log lines only; everything else goes to standard error.
//!
//! Wires the parts of the product together ([`service`]) and decides nothing about traffic.

mod cgroup;
mod check;
mod cli;
mod client;
mod config_file;
mod connections;
mod decisions;
mod demo;
mod descriptors;
mod figures;
mod health;
mod logging;
mod notify;
mod print;
mod quick;
mod ready;
mod reload;
mod run;
mod service;
mod signals;
mod workers;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::explain(&error),
    };
    match perform(cli) {
        Ok(code) => code,
        Err(error) => {
            print::error(&print::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> anyhow::Result<ExitCode> {
    let Some(command) = cli.command else { return quick::run(&cli.quick) };
    match command {
        Command::Run(arguments) => run::run(arguments.path()),
        Command::Check(arguments) => check::run(arguments.path()),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Health(arguments) => Ok(health::run(&arguments.admin)),
        Command::Client(command) => Ok(client::run(&command)),
        Command::Schema => print::out(roundel_config::json_schema().as_bytes()),
        Command::Reference => print::out(roundel_config::reference().as_bytes()),
        Command::Completions { shell } => print::out(&cli::completions(shell)),
        Command::Man { command } => cli::manual(&command),
        Command::DemoServer(arguments) => demo::server::run(&arguments),
        Command::AppGuard { mark } => {
            roundel_supervisor::guard(&mark);
            Ok(ExitCode::SUCCESS)
        }
    }
}
