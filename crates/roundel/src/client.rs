//! The client of the management API: commands that look at a running Roundel and act on it.
//!
//! A command is a file: it asks the [`api`] for one thing, and shows the answer. What is shown comes
//! from pure functions (`view`), from the contract's types to text, which [`table`] aligns and
//! [`text`] makes harmless; [`screen`] knows whom it is shown to. Underneath, [`http`] and [`sse`]
//! read what [`wire`] receives, everything bounded.
//!
//! Has no private door: whatever these commands do, any program can do by the same API.

pub(crate) mod address;
mod api;
mod app;
pub(crate) mod arguments;
mod audit;
mod endpoint;
mod events;
mod explain;
mod failure;
mod figure;
#[cfg(test)]
mod golden;
pub(crate) mod http;
mod name;
mod overlay;
mod reload;
mod requests;
mod screen;
mod sse;
mod status;
mod table;
mod text;
pub(crate) mod wire;
mod word;

use std::process::ExitCode;

use crate::cli::ClientCommand;

/// Does what is asked, says why not, and answers with the exit status.
pub(crate) fn run(command: &ClientCommand) -> ExitCode {
    let done = match command {
        ClientCommand::Status(arguments) => status::run(arguments),
        ClientCommand::Endpoint(arguments) => endpoint::run(&arguments.command),
        ClientCommand::App(arguments) => app::run(&arguments.command),
        ClientCommand::Requests(arguments) => requests::run(arguments),
        ClientCommand::Explain(arguments) => explain::run(arguments),
        ClientCommand::Events(arguments) => events::run(arguments),
        ClientCommand::Reload(arguments) => reload::run(arguments),
        ClientCommand::Overlay(arguments) => overlay::run(arguments),
        ClientCommand::Audit(arguments) => audit::run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
