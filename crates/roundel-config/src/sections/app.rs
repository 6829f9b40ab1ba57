//! `[app.NAME]`: keys, ranges and defaults, and how they become an [`AppConfig`].
//!
//! What involves more than one app, or an app and something else, is in [`crate::check`].

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use roundel_core::address::EndpointAddress;
use roundel_core::name::Name;
use roundel_core::policy::PoolLimits;

use super::autoscale::{self, AutoscaleKeys, Scaled};
use super::{DAY, TIMEOUT};
use crate::diagnostic::Diagnostic;
use crate::kind::{
    Count, INSTANCES_MAX, Item, any, bytes, duration, environment, file, instances, list, located,
    non_empty, optional, ports, required, table, template, whole,
};
use crate::model::{
    AppConfig, AppLimits, AppSpec, InstanceCount, Listen, OutputConfig, RestartPolicy,
};
use crate::section::{Located, Reading, section};
use crate::template::Placeholder::{self, App, Index, Port, Socket};
use crate::template::{Facts, Template};

const ALL: &[Placeholder] = &[Placeholder::Name, Index, Port, Socket, App];

/// Instances that an app may be scaled to when neither bounds nor ports say otherwise.
const INSTANCES_UNSAID: u32 = 100;

section! {
    /// A program that Roundel runs: each of its instances that is ready is an endpoint of a pool.
    struct AppKeys {
        /// Program and arguments, without a shell. In each, {name}, {index}, {port}, {socket} and
        /// {app} stand for facts of the instance; it also has PORT, ROUNDEL_APP, ROUNDEL_INSTANCE
        /// and ROUNDEL_INDEX in its environment.
        command: Option<Vec<Located<Template>>> = required(
            list(located(template(ALL))).non_empty("a command is at least a program"),
            "[\"python3\", \"server.py\", \"{name}\", \"{port}\"]",
        ) => None,
        /// The pool that instances are endpoints of.
        pool: Option<Located<String>> = optional(
            located(any()),
            "the pool with the app's name, which need not be in the file",
            "\"api\"",
        ) => None,
        /// Ports of 127.0.0.1 that instances listen on, each on one: "5101-5110", or "any" for what
        /// is free.
        ports: Option<Located<Option<RangeInclusive<u16>>>>
            = optional(located(ports()), "\"any\"", "\"5101-5110\"") => None,
        /// Unix socket that an instance listens on, instead of a port; different for each, by
        /// {name} or {index}.
        socket: Option<Located<Template>> = optional(
            located(template(&[Placeholder::Name, Index, App])),
            "they listen on ports",
            "\"/run/app/{name}.sock\"",
        ).alternative() => None,
        /// How many instances: a number, which an operator may change while Roundel runs, or
        /// bounds { min, max } for operators and autoscaling alike.
        instances: Located<Count> = instances() => Located { value: Count::Number(1), span: 0..0 },
        /// How instances are called; differs for each by {index}.
        name: Option<Located<Template>> = optional(
            located(template(&[Index, App])),
            "\"{app}-{index}\"",
            "\"API {index}\"",
        ) => None,
        /// Where instances run.
        directory: Option<PathBuf>
            = optional(file(), "where Roundel was started", "\"/srv/app\"") => None,
        /// Added to the environment that Roundel has; values may use the placeholders of `command`.
        environment: Vec<(String, Located<Template>)> = environment(ALL) => Vec::new(),
        /// Who instances run as; only root can run them as somebody else.
        user: Option<String>
            = optional(non_empty(), "whoever Roundel runs as", "\"www-data\"") => None,
        /// How long an instance may take to become ready.
        start_timeout: Duration = duration(TIMEOUT) => Duration::from_mins(1),
        /// How long running exchanges may take to finish before an instance is told to stop.
        drain_grace: Duration = duration(Duration::ZERO..=DAY) => Duration::from_secs(30),
        /// How long an instance may take to end after SIGTERM, before SIGKILL.
        stop_grace: Duration = duration(Duration::ZERO..=DAY) => Duration::from_secs(10),
        autoscale: Option<Located<AutoscaleKeys>> = optional(
            located(table()),
            "the number changes only when somebody changes it",
            "",
        ).alternative() => None,
        limits: AppLimits = table() => AppLimits::default(),
        restart: RestartKeys = table() => RestartKeys::defaults(),
        output: OutputKeys = table() => OutputKeys::defaults(),
    }
}

section! {
    /// What each process of an instance may use.
    for AppLimits {
        /// File descriptors open at once.
        open_files: optional(whole(16..=1 << 30), "what Roundel may use", "4096") => None,
        /// Private writable memory; more is refused to the process (RLIMIT_DATA).
        memory_bytes as "memory": optional(bytes(1 << 20..=1 << 50), "no limit", "\"512MiB\"")
            => None,
    }
}

section! {
    /// What happens when an instance ends by itself, or does not answer any more: it is started again
    /// after a pause.
    struct RestartKeys {
        /// The first pause; doubles with each quick exit in a row, and varies by a fifth.
        base_pause: Located<Duration> = located(duration(TIMEOUT))
            => Located { value: Duration::from_millis(500), span: 0..0 },
        /// No pause is longer.
        max_pause: Located<Duration> = located(duration(TIMEOUT))
            => Located { value: Duration::from_secs(30), span: 0..0 },
        /// An exit sooner after the start than this is a quick one.
        settled_after: Duration = duration(TIMEOUT) => Duration::from_secs(10),
        /// So many quick exits in a row leave the instance failed, until somebody starts it.
        max_quick_exits: u32 = whole(1..=1_000_000) => 8,
        /// An instance that was ready and is found unhealthy by its pool's health check for so long
        /// without a break is told to stop, and started again as after a crash.
        unhealthy_for: Option<Located<Duration>> = optional(
            located(duration(Duration::from_secs(1)..=DAY)),
            "it gets no traffic and is left running",
            "\"30s\"",
        ) => None,
    }
}

section! {
    /// Where output goes. Roundel always keeps the last lines of each instance in memory.
    struct OutputKeys {
        /// Appends the output of an instance to this file, different for each by {name} or {index}.
        file: Option<Located<Template>> = optional(
            located(template(&[Placeholder::Name, Index, App]).non_empty()),
            "no file",
            "\"/var/log/app/{name}.log\"",
        ) => None,
        /// A file that would grow beyond this is put aside as FILE.1, FILE.1 as FILE.2 and so on.
        max_bytes: u64 = bytes(4096..=1 << 40) => 10 << 20,
        /// Files put aside that are kept.
        keep: u32 = whole(0..=1000) => 3,
    }
}

/// An app and the places in the file that checks across sections point at.
pub(crate) struct PlacedApp {
    pub(crate) config: AppConfig,
    /// Its name in the header.
    pub(crate) span: Range<usize>,
    /// Its ports, or the header when they are not given.
    pub(crate) listen_span: Range<usize>,
}

/// The app, unless something in it is missing or wrong. `pool` is its pool's name, `limits` are
/// that pool's, unless it is wrong itself.
pub(crate) fn resolve(
    item: Item<AppKeys>,
    pool: Name,
    limits: Option<&PoolLimits>,
    reading: &mut Reading<'_>,
) -> Option<PlacedApp> {
    let Item { keys, name, span, .. } = item;
    let name = match Name::parse(&name) {
        Ok(name) => name,
        Err(fault) => {
            let message = format!("app {name:?}: {fault}");
            return reading.refuse(Diagnostic::error(span, message));
        }
    };
    let instance_name = instance_name(&name, keys.name, &span, reading);
    let listen_span = match (&keys.ports, &keys.socket) {
        (Some(ports), _) => ports.span.clone(),
        (None, Some(socket)) => socket.span.clone(),
        (None, None) => span.clone(),
    };
    let listen = listen(keys.ports, keys.socket, &name, instance_name.as_ref(), reading);
    let has_socket = matches!(listen, Some(Listen::Socket(_)));
    let command = keys.command.map(|command| {
        command.into_iter().map(|part| sensible(part, has_socket, reading)).collect()
    });
    let environment = keys.environment.into_iter();
    let environment = environment.map(|(name, v)| (name, sensible(v, has_socket, reading)));
    let environment = environment.collect();
    let count = listen.as_ref().and_then(|listen| count(&keys.instances, listen, &name, reading));
    let autoscale = match (keys.autoscale, count) {
        (Some(autoscale), Some(count)) => {
            let (app, instances) = (name.as_str(), &keys.instances);
            let scaled = Scaled { app, instances, count, limits };
            autoscale::resolve(autoscale, scaled, reading).map(Some)
        }
        _ => Some(None),
    };
    let restart = restart(&keys.restart, reading);
    let output = output(keys.output, reading);
    let spec = Arc::new(AppSpec {
        command: command?,
        listen: listen?,
        instance_name: instance_name?,
        directory: keys.directory,
        environment,
        user: keys.user,
        limits: keys.limits,
        output: output?,
    });
    let config = AppConfig {
        name,
        pool,
        spec,
        instances: count?,
        autoscale: autoscale?,
        start_timeout: keys.start_timeout,
        drain_grace: keys.drain_grace,
        stop_grace: keys.stop_grace,
        restart: restart?,
    };
    Some(PlacedApp { config, span, listen_span })
}

/// How instances are called: a valid name for every index.
fn instance_name(
    app: &Name,
    given: Option<Located<Template>>,
    header: &Range<usize>,
    reading: &mut Reading<'_>,
) -> Option<Template> {
    let given = given.unwrap_or_else(|| Located {
        value: Template::parse("{app}-{index}", &[App, Index])
            .expect("Roundel's own template is correct"),
        span: header.clone(),
    });
    differs(&given, "name", &[Index], reading)?;
    let facts = |index| Facts { app: app.as_str(), name: "", index, port: None, socket: None };
    let longest = given.value.render(&facts(INSTANCES_MAX + 1));
    match Name::parse(&longest) {
        Ok(_) => Some(given.value),
        Err(fault) => {
            let message = format!("`name` does not make a name: {longest:?}: {fault}");
            reading.refuse(Diagnostic::error(given.span, message))
        }
    }
}

/// Refuses what would be the same for each instance.
fn differs(
    given: &Located<Template>,
    key: &str,
    by: &[Placeholder],
    reading: &mut Reading<'_>,
) -> Option<()> {
    if by.iter().any(|placeholder| given.value.uses(*placeholder)) {
        return Some(());
    }
    let words: Vec<String> = by.iter().map(|p| format!("{{{}}}", p.word())).collect();
    let message = format!("`{key}` is the same for each instance");
    let help = format!("put {} in it", words.join(" or "));
    reading.refuse(Diagnostic::error(given.span.clone(), message).help(help))
}

fn listen(
    ports: Option<Located<Option<RangeInclusive<u16>>>>,
    socket: Option<Located<Template>>,
    app: &Name,
    instance_name: Option<&Template>,
    reading: &mut Reading<'_>,
) -> Option<Listen> {
    match (ports, socket) {
        (Some(ports), Some(socket)) => {
            let message = "an app has `ports` or a `socket`, not both";
            let diagnostic = Diagnostic::error(socket.span, message);
            reading.refuse(diagnostic.related(ports.span, "first one here"))
        }
        (Some(Located { value: Some(ports), .. }), None) => Some(Listen::Ports(ports)),
        (Some(Located { value: None, .. }) | None, None) => Some(Listen::AnyPort),
        (None, Some(socket)) => {
            differs(&socket, "socket", &[Placeholder::Name, Index], reading)?;
            let index = INSTANCES_MAX + 1;
            let facts = Facts { app: app.as_str(), name: "", index, port: None, socket: None };
            let name = instance_name?.render(&facts);
            let longest = socket.value.render(&Facts { name: &name, ..facts });
            match EndpointAddress::parse(&format!("unix:{longest}")) {
                Ok(_) => Some(Listen::Socket(socket.value)),
                Err(fault) => {
                    let message = format!("`socket`: {fault}");
                    reading.refuse(Diagnostic::error(socket.span, message))
                }
            }
        }
    }
}

/// The template; reports one that asks for a port where there is a socket, or the reverse.
fn sensible(template: Located<Template>, has_socket: bool, reading: &mut Reading<'_>) -> Template {
    let (absent, present) = if has_socket { (Port, Socket) } else { (Socket, Port) };
    if template.value.uses(absent) {
        let message = format!("{{{}}} stands for nothing", absent.word());
        let help = if has_socket {
            "this app listens on a socket: write {socket}".to_owned()
        } else {
            format!("write {{{}}}, or give the app a `socket`", present.word())
        };
        reading.report(Diagnostic::error(template.span, message).help(help));
    }
    template.value
}

fn count(
    keys: &Located<Count>,
    listen: &Listen,
    app: &Name,
    reading: &mut Reading<'_>,
) -> Option<InstanceCount> {
    let available = match listen {
        Listen::Ports(ports) => Some(ports.len() as u32),
        Listen::AnyPort | Listen::Socket(_) => None,
    };
    let count = match &keys.value {
        Count::Number(number) => {
            let most = available.unwrap_or(INSTANCES_UNSAID).min(INSTANCES_MAX);
            InstanceCount { initial: *number, min: 0, max: most.max(*number) }
        }
        Count::Between(bounds) if bounds.min > bounds.max => {
            let message = format!("`min` ({}) is more than `max` ({})", bounds.min, bounds.max);
            return reading.refuse(Diagnostic::error(keys.span.clone(), message));
        }
        Count::Between(bounds) => {
            InstanceCount { initial: bounds.min, min: bounds.min, max: bounds.max }
        }
    };
    if let Some(available) = available.filter(|available| *available < count.max) {
        let instances = if count.max == 1 { "instance" } else { "instances" };
        let ports = if available == 1 { "port" } else { "ports" };
        let message =
            format!("app {:?}: {} {instances}, but {available} {ports}", app.as_str(), count.max);
        let help = "give it more `ports`; one more than instances lets it be replaced one by one \
                    without one less in between";
        return reading.refuse(Diagnostic::error(keys.span.clone(), message).help(help));
    }
    Some(count)
}

fn restart(keys: &RestartKeys, reading: &mut Reading<'_>) -> Option<RestartPolicy> {
    let (base, most) = (&keys.base_pause, &keys.max_pause);
    if base.value > most.value {
        let at = if base.span.is_empty() { most } else { base };
        let message = "`base_pause` is longer than `max_pause`";
        return reading.refuse(Diagnostic::error(at.span.clone(), message));
    }
    Some(RestartPolicy {
        base_pause: base.value,
        max_pause: most.value,
        settled_after: keys.settled_after,
        max_quick_exits: keys.max_quick_exits,
        unhealthy_for: keys.unhealthy_for.as_ref().map(|after| after.value),
    })
}

fn output(keys: OutputKeys, reading: &mut Reading<'_>) -> Option<OutputConfig> {
    if let Some(file) = &keys.file {
        differs(file, "file", &[Placeholder::Name, Index], reading)?;
        if Path::new(&file.value.to_string()).file_name().is_none() {
            let message = format!("`file`: {} is not the path of a file", file.value);
            return reading.refuse(Diagnostic::error(file.span.clone(), message));
        }
    }
    Some(OutputConfig {
        file: keys.file.map(|file| file.value),
        file_bytes_max: keys.max_bytes,
        files_kept: keys.keep,
    })
}
