//! What the commands of the client take on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::address::AdminAddress;

/// Which Roundel to talk to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which Roundel")]
pub(crate) struct Reach {
    /// The admin address of the running Roundel.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "ROUNDEL_ADMIN",
        hide_env_values = true,
        default_value_t
    )]
    pub(crate) admin: AdminAddress,
    /// The file whose first line is the token, where one is needed.
    #[arg(long, value_name = "FILE", env = "ROUNDEL_TOKEN_FILE", hide_env_values = true)]
    pub(crate) token_file: Option<PathBuf>,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Print the API's own JSON; of a stream one object a line.
    #[arg(long, help_heading = None)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

const STATUS: &str = "\
Examples:
  roundel status                    one look
  roundel status --watch            a new one each second, until Ctrl-C
  roundel status --json | jq '.pools[].endpoints[] | select(.is_eligible | not) | .name'

Three facts of an endpoint are shown apart: what you want of it (ADMIN), what probes found
(HEALTH), and whether outlier detection keeps it out for a while (EJECTED). The mark before
it says what follows from them: + takes traffic, - does not. An endpoint that is silent takes
requests and answers none, as a process that hangs does: others are preferred until it answers.";

/// `status`.
#[derive(Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct StatusArguments {
    /// Look again each second, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

const ENDPOINT: &str = "\
Examples:
  roundel endpoint list                      all, with address and last probe
  roundel endpoint drain web/one             finish what it has, take nothing new
  roundel endpoint enable web/one
  roundel endpoint weight one 3              the pool may be left out when it is clear
  roundel endpoint reset one                 as the file has it
  roundel endpoint add web four 10.0.0.4:80
  roundel endpoint remove web/four

Changes outlive a restart, in the overlay; the configuration file stays yours alone.
`roundel overlay` shows them, `roundel audit` says who made them and takes them back.";

/// `endpoint`.
#[derive(Debug, Args)]
#[command(after_help = ENDPOINT)]
pub(crate) struct EndpointArguments {
    #[command(subcommand)]
    pub(crate) command: EndpointCommand,
}

/// What to do about endpoints.
#[derive(Debug, Subcommand)]
pub(crate) enum EndpointCommand {
    /// List endpoints with their addresses and last probes.
    List {
        /// Those of this pool alone.
        pool: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Let an endpoint take traffic.
    Enable(OneEndpoint),
    /// Let an endpoint finish what it has and take nothing new; probes go on.
    Drain(OneEndpoint),
    /// Let an endpoint take nothing, and do not probe it.
    Disable(OneEndpoint),
    /// Set an endpoint's share of traffic, relative to the others'.
    Weight {
        /// POOL/ENDPOINT, or ENDPOINT alone when one pool has it.
        name: String,
        /// From 1 to 1000.
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
        weight: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Take back what was set of an endpoint while Roundel ran: the file decides again.
    Reset(OneEndpoint),
    /// Add an endpoint to a pool.
    Add {
        /// The pool.
        pool: String,
        /// What it shall be called.
        name: String,
        /// Where it is, as `10.0.0.4:80`, `app:80` or `unix:/run/app.sock`.
        address: String,
        /// Its share of traffic, relative to the others'.
        #[arg(long, value_name = "NUMBER", default_value_t = 1,
              value_parser = clap::value_parser!(u32).range(1..=1000))]
        weight: u32,
        /// Take traffic only when no other endpoint can.
        #[arg(long)]
        backup: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Drain an endpoint, then remove it from its pool.
    Remove(OneEndpoint),
}

/// Which endpoint.
#[derive(Debug, Args)]
pub(crate) struct OneEndpoint {
    /// POOL/ENDPOINT, or ENDPOINT alone when one pool has it.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

const APP: &str = "\
Examples:
  roundel app list                 apps and their instances
  roundel app scale web 5          five instances, within the app's bounds
  roundel app restart web          all of them, one after the other: no request fails
  roundel app restart web-2        one instance
  roundel app kill web-2           as a crash would: a drill
  roundel app output web-2 -f      what it writes, as it writes it

Actions are answered when they have begun; `roundel app list` shows how far they are.";

/// `app`.
#[derive(Debug, Args)]
#[command(after_help = APP)]
pub(crate) struct AppArguments {
    #[command(subcommand)]
    pub(crate) command: AppCommand,
}

/// What to do about apps.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// List apps with their instances.
    List(Common),
    /// Choose how many instances run, within the app's bounds.
    Scale {
        /// The app.
        app: String,
        /// How many.
        instances: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Start instances that were stopped or given up.
    Start(OneInstance),
    /// Drain an instance and end it; it stays so until it is started.
    Stop(OneInstance),
    /// End an instance at once, as a crash would.
    Kill(OneInstance),
    /// Restart an app, one instance after the other, or one instance.
    Restart(OneInstance),
    /// Show the last lines that an instance wrote.
    Output {
        /// APP/INSTANCE, or INSTANCE alone when one app has it.
        name: String,
        /// Go on with what it writes, until Ctrl-C.
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// Which app, or which instance.
#[derive(Debug, Args)]
pub(crate) struct OneInstance {
    /// An app, for all its instances; or APP/INSTANCE, or INSTANCE alone when one app has it.
    pub(crate) name: String,
    /// The instance, when the first is its app.
    pub(crate) instance: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

const REQUESTS: &str = "\
Examples:
  roundel requests                                  the newest, the oldest of them first
  roundel requests --follow --status 5xx            errors as they happen
  roundel requests --pool web --min-ms 500          slow ones of a pool
  roundel requests --path /login --method post
  roundel explain 1-5                               what became of one, and why

The first column is the ID for `roundel explain`. Query strings are not kept.";

/// `requests`.
#[derive(Debug, Args)]
#[command(after_help = REQUESTS)]
pub(crate) struct RequestsArguments {
    /// Go on with new ones as they end, until Ctrl-C.
    #[arg(short, long, conflicts_with = "limit")]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) filter: Filter,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Which requests.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which requests")]
pub(crate) struct Filter {
    /// Those of this pool.
    #[arg(long)]
    pub(crate) pool: Option<String>,
    /// Those whose last attempt was at this endpoint, NAME or POOL/NAME.
    #[arg(long, value_name = "NAME")]
    pub(crate) endpoint: Option<String>,
    /// Those with this status, as `404`, a class as `5xx`, or `none`.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Those with this method.
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// Those with this text in their path.
    #[arg(long, value_name = "PART")]
    pub(crate) path: Option<String>,
    /// Those that took at least so many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) min_ms: Option<f64>,
    /// So many at most, from 1 to 1000 [default: 100].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: Option<u16>,
}

const EXPLAIN: &str = "\
Example:
  roundel requests --status 5xx --limit 1     find the ID of one
  roundel explain 1-5

How it ended is a code of the end reasons, which docs/reference/end-reasons.md explains.";

/// `explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN)]
pub(crate) struct ExplainArguments {
    /// The first column of `roundel requests`.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

const EVENTS: &str = "\
Examples:
  roundel events                  what happened so far, as far as it is kept
  roundel events --follow         and what happens from now on
  roundel events -f --json | jq -r 'select(.severity == \"warn\") | .message'";

/// `events`.
#[derive(Debug, Args)]
#[command(after_help = EVENTS)]
pub(crate) struct EventsArguments {
    /// Go on with new ones as they happen, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

const RELOAD: &str = "\
Example:
  roundel check --config roundel.toml && roundel reload

A file with a mistake changes nothing: all mistakes are shown and the exit status is 1.";

/// `reload`.
#[derive(Debug, Args)]
#[command(after_help = RELOAD)]
pub(crate) struct ReloadArguments {
    #[command(flatten)]
    pub(crate) common: Common,
}

const OVERLAY: &str = "\
Examples:
  roundel overlay                 what operators changed while it ran, as TOML
  roundel overlay clear           take all of it back: the file alone decides again";

/// `overlay`.
#[derive(Debug, Args)]
#[command(after_help = OVERLAY, args_conflicts_with_subcommands = true)]
pub(crate) struct OverlayArguments {
    #[command(subcommand)]
    pub(crate) command: Option<OverlayCommand>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What to do about the overlay.
#[derive(Debug, Subcommand)]
pub(crate) enum OverlayCommand {
    /// Print it, as TOML.
    Show(Reach),
    /// Take all of it back.
    Clear(Reach),
}

const AUDIT: &str = "\
Examples:
  roundel audit                        who did what, and how it went
  roundel audit undo 1795662631512     take back what an entry did
  roundel audit --json | jq '.entries[] | select(.ok | not)'

An entry that can be taken back says by which command. What has been refused, or has no way
back, as a kill, says none, nor does what was changed again since.";

/// `audit`.
#[derive(Debug, Args)]
#[command(after_help = AUDIT, args_conflicts_with_subcommands = true)]
pub(crate) struct AuditArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What to do about the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Take back what an entry did.
    Undo(UndoArguments),
}

const UNDO: &str = "\
Examples:
  roundel audit                              shows the command below what can be taken back
  roundel audit undo 1795662631512
  roundel audit undo 1795662631512 --force   although the same was changed since

There is a way back from states and weights of endpoints, from added and removed ones, from
numbers, starts and stops of instances, and from changes of the overlay as a whole. It is an
entry of its own, so that it can be taken back as well. Other changes are left alone: one
that was made to the same thing since has to be taken back first.";

/// `audit undo`.
#[derive(Debug, Args)]
#[command(after_help = UNDO)]
pub(crate) struct UndoArguments {
    /// The entry, by the number that `roundel audit` shows.
    pub(crate) id: u64,
    /// Make it as it was before the entry, whatever was changed since.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}
