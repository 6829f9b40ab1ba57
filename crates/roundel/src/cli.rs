//! The command line: what can be asked, and how a wrong question is answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::client::address::AdminAddress;
use crate::client::arguments::{
    AppArguments, AuditArguments, EndpointArguments, EventsArguments, ExplainArguments,
    OverlayArguments, ReloadArguments, RequestsArguments, StatusArguments,
};
use crate::print;

/// Where the admin surface is unless said otherwise; the same as in a configuration file.
pub(crate) const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

const EXAMPLES: &str = "\
Examples:
  See it work, with six demo servers of its own:
    roundel demo

  Spread requests over two servers, without a file:
    roundel --listen :8080 --to 127.0.0.1:5001 --to 127.0.0.1:5002

  Run from a configuration file, after checking it:
    roundel reference > roundel.toml     every key, as a comment: make it say what you want
    roundel check roundel.toml
    roundel run roundel.toml

  Look at one that runs, and act on it, from another terminal:
    roundel status
    roundel endpoint drain web/one
    roundel requests --follow --status 5xx

While it runs:
  http://127.0.0.1:8090/   dashboard, /status, /stats, /metrics, /healthz, /readyz
  SIGHUP                   take the changed configuration file (noticed by itself, too)
  SIGUSR1                  reopen the access log, after a rotation
  SIGTERM, Ctrl-C          finish running exchanges, then exit; once more: exit at once
  ROUNDEL_LOG=debug        log more; per part: ROUNDEL_LOG=info,roundel_control=debug

Exit status: 0 done, 1 failed, 2 wrong arguments, 130 or 143 ended by a second signal.";

/// A load balancer for HTTP services that shows and steers what it does.
#[derive(Debug, Parser)]
#[command(
    name = "roundel",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    override_usage = "roundel --listen <ADDRESS> --to <ADDRESS>... [OPTIONS]\n       roundel <COMMAND>",
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) quick: QuickArguments,
}

/// A whole balancer on the command line.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without a file")]
pub(crate) struct QuickArguments {
    /// Accept connections here, as `:8080` or `127.0.0.1:8080`; may be repeated.
    #[arg(short, long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<String>,
    /// Send requests to this server, as `127.0.0.1:5001`, `app:80` or `unix:/run/app.sock`; repeat
    /// it for each.
    #[arg(short, long, value_name = "ADDRESS")]
    pub(crate) to: Vec<String>,
    /// How a server is chosen for a request [default: round_robin].
    #[arg(short, long, value_enum, value_name = "METHOD")]
    pub(crate) balance: Option<BalanceWord>,
    /// Where operators look in; loopback addresses only [default: 127.0.0.1:8090].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin: Option<SocketAddr>,
    /// Do without the admin surface.
    #[arg(long, conflicts_with = "admin")]
    pub(crate) no_admin: bool,
}

/// A balancer by its word in configuration files; a dash may stand for the underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BalanceWord {
    /// Each in turn.
    #[value(name = "round_robin", alias = "round-robin")]
    RoundRobin,
    /// Any.
    Random,
    /// The less loaded of two random ones.
    P2c,
    /// The least loaded.
    #[value(name = "least_request", alias = "least-request")]
    LeastRequest,
    /// The same client address, the same server.
    Hash,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run as a configuration file says, and follow its changes.
    Run(ConfigArguments),
    /// Say all that is wrong with a configuration file, or what it does.
    ///
    /// Opens no port. Exit status 1 when the file cannot be used.
    Check(ConfigArguments),
    /// Start demo servers and a balancer before them, and say what to try.
    Demo(DemoArguments),
    /// Ask a running Roundel whether it is ready: exit status 0 or 1.
    ///
    /// For container health checks.
    Health(HealthArguments),
    #[command(flatten)]
    Client(ClientCommand),
    /// Print the JSON Schema of the configuration file, for editors.
    Schema,
    /// Print a configuration file with every key, its meaning and its default.
    Reference,
    /// Print the completion script for a shell.
    ///
    /// For bash, say: roundel completions bash > ~/.local/share/bash-completion/completions/roundel
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, in roff; `roundel man | man -l -` shows it.
    Man {
        /// The page of this command instead of the whole program's, as `run` or `endpoint drain`.
        command: Vec<String>,
    },
    /// Run one demo server.
    #[command(hide = true)]
    DemoServer(DemoServerArguments),
    /// Wait until standard input ends, then end what a Roundel that was killed has left.
    #[command(hide = true)]
    AppGuard {
        /// What the marks of its processes begin with.
        mark: String,
    },
}

/// What to do with a Roundel that runs: the client of its management API.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Show what runs and how it fares, once or each second.
    Status(StatusArguments),
    /// List endpoints; enable, drain, disable, weigh, add, remove them.
    Endpoint(EndpointArguments),
    /// List apps; scale them, start, stop, kill, restart instances, read their output.
    App(AppArguments),
    /// Show the request log, once or live.
    Requests(RequestsArguments),
    /// Explain one request: its route, its attempts, its time, and what was considered.
    Explain(ExplainArguments),
    /// Show what happened: changes of state and what operators did.
    Events(EventsArguments),
    /// Have the configuration file read again.
    Reload(ReloadArguments),
    /// Show or take back what operators changed while it ran.
    Overlay(OverlayArguments),
    /// Show who did what, and how it went; take it back.
    Audit(AuditArguments),
}

/// The word for the last command.
pub(crate) const APP_GUARD: &str = "app-guard";

/// Which configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The configuration file.
    #[arg(value_name = "FILE", required_unless_present = "config", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// The same.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    /// The configuration file, one way or the other.
    pub(crate) fn path(&self) -> &Path {
        self.file.as_deref().or(self.config.as_deref()).unwrap_or(Path::new(""))
    }
}

/// How the demo looks.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// How many demo servers.
    #[arg(long, value_name = "COUNT", default_value_t = 6,
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) servers: u16,
    /// Where the balancer accepts connections.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where operators look in; loopback addresses only.
    #[arg(long, value_name = "ADDRESS", default_value_t = ADMIN)]
    pub(crate) admin: SocketAddr,
    /// The first demo server's port; the others follow, taken ports are passed over. 0 for any
    /// free ones.
    #[arg(long, value_name = "PORT", default_value_t = 5001)]
    pub(crate) first_port: u16,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub(crate) struct HealthArguments {
    /// The admin address of the running process.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "ROUNDEL_ADMIN",
        hide_env_values = true,
        default_value_t
    )]
    pub(crate) admin: AdminAddress,
}

/// One demo server.
#[derive(Debug, Args)]
pub(crate) struct DemoServerArguments {
    /// What it calls itself.
    pub(crate) name: String,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

/// The completion script for `shell`.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "roundel", &mut script);
    script
}

/// Prints the manual page of the program or of one command.
pub(crate) fn manual(command: &[String]) -> anyhow::Result<ExitCode> {
    let mut page = Cli::command();
    page.build();
    for name in command {
        page = match page.find_subcommand(name).filter(|found| !found.is_hide_set()) {
            Some(found) => found.clone(),
            None => return Ok(misuse(&format!("there is no command {:?}", command.join(" ")))),
        };
    }
    let mut roff = Vec::new();
    clap_mangen::Man::new(page).render(&mut roff)?;
    print::out(&roff)
}

/// Answers arguments that were not understood, or a wish for help.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        kind => {
            let line = one_line(&error.render().to_string());
            let is_misplaced =
                kind == ErrorKind::ArgumentConflict && line.starts_with("the subcommand");
            let hint = if is_misplaced { "; options of a command stand after it" } else { "" };
            misuse(&format!("{line}{hint}"))
        }
    }
}

/// Says in one line what is wrong with the arguments.
pub(crate) fn misuse(message: &str) -> ExitCode {
    print::error(&format!("{message} (see roundel --help)"));
    ExitCode::from(2)
}

/// What clap says over several lines, without its usage and pointers.
fn one_line(text: &str) -> String {
    let said = text.split("\nUsage:").next().unwrap_or_default();
    let said = said.split("\nFor more information").next().unwrap_or_default();
    let words: Vec<&str> = said.split_whitespace().collect();
    let line = words.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).replace(" tip: ", "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn misuse_is_explained_in_one_line() {
        for (arguments, expected) in [
            (&["--lisen", ":80"][..], "unexpected argument '--lisen' found; a similar argument"),
            (&["run"], "the following required arguments were not provided: <FILE>"),
            (&["check", "a", "--config", "b"], "the argument '[FILE]' cannot be used with"),
            (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
            (&["demo", "--servers", "0"], "invalid value '0' for '--servers <COUNT>': 0 is not in"),
            (&["--to", "a:1", "run", "--config", "x"], "the subcommand 'run' cannot be used with"),
            (&["--admin", "x", "--to", "a:1"], "invalid value 'x' for '--admin <ADDRESS>'"),
        ] {
            let program = std::iter::once("roundel").chain(arguments.iter().copied());
            let error = Cli::try_parse_from(program).unwrap_err();
            let line = one_line(&error.render().to_string());
            assert!(line.starts_with(expected), "{arguments:?}: {line}");
            assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
        }
    }
}
