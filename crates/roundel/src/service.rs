//! A running balancer: its parts in the order in which they start and stop.
//!
//! Start: bind everything, then run everything, then say so. Whatever can fail fails before the first
//! request is accepted. Stop: accept nothing new, let workers finish within the grace time, then end
//! apps, the control plane and the log. A second signal ends the process at once.
//!
//! Two runtimes never mix: workers are threads of the data plane; control plane and admin surface
//! share one small tokio runtime here, so a slow operator never stalls traffic.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use roundel_admin::{Admin, Phase, ProcessStatus, Surface, Token};
use roundel_config::Config;
use roundel_config::model::{
    AccessLogConfig, AccessLogFormat, AdminConfig, LogTarget, RequestLogConfig,
};
use roundel_control::{Control, ControlOptions, FileWatch, Intent, Overlay};
use roundel_proxy::{Drained, Proxy, ProxyOptions};
use roundel_telemetry::{AccessLog, LogFormat, Registry, RequestLog, RequestLogOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

use crate::cli::APP_GUARD;
use crate::config_file::ConfigFile;
use crate::connections::Allowance;
use crate::reload::Reloader;
use crate::signals::{Request, Signals, Stop};
use crate::{decisions, descriptors, figures, notify, ready, workers};

/// Signals from workers that wait for the control plane; more are lost, which only delays verdicts.
const WORKER_SIGNALS_WAITING: usize = 1024;

/// Stack of a thread of the control plane; deep recursion has no place there.
const STACK_BYTES: usize = 512 * 1024;

/// Name look-ups block a thread each.
const BLOCKING_THREADS_MAX: usize = 8;

/// How long the access log may take to write its last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How long instances may take to end after SIGKILL.
const LAST_KILLS: Duration = Duration::from_secs(2);

/// How much longer than the grace time the workers may take to cut what is left.
const CUTTING: Duration = Duration::from_secs(5);

/// A running balancer.
pub(crate) struct Service {
    runtime: Runtime,
    proxy: Proxy,
    control: Control,
    access_log: Option<Arc<AccessLog>>,
    status: watch::Sender<ProcessStatus>,
    signals: Signals,
    reloader: Option<Reloader>,
    grace: Duration,
    admin: Option<SocketAddr>,
    /// Watches for as long as it lives.
    _watch: Option<FileWatch>,
}

impl Service {
    /// Starts a balancer. `file` is where the configuration came from and comes from again at a
    /// reload; `None` when it cannot change.
    pub(crate) fn start(config: Config, file: Option<ConfigFile>) -> anyhow::Result<Self> {
        descriptors::raise_limit();
        match std::env::current_exe() {
            Ok(program) => roundel_supervisor::guard_by(program, APP_GUARD),
            Err(error) => tracing::warn!(%error, "what apps start may outlive a kill of Roundel"),
        }
        let workers = config.workers.map_or_else(workers::allowed, NonZeroUsize::get);
        let registry = Arc::new(Registry::new(workers));
        let access_log = config.access_log.as_ref().map(|log| open_log(log, &registry));
        let access_log = access_log.transpose()?.map(Arc::new);
        let request_log = open_request_log(config.request_log, &registry);
        let admin = bind_admin(&config.admin)?;
        let admin_address = admin.as_ref().map(Admin::address);
        let grace = config.shutdown.grace;
        let runtime = build_runtime().context("cannot start the control plane's runtime")?;
        let entered = runtime.enter();
        // From here on a SIGHUP waits for its turn, where before it would kill.
        let signals = Signals::take().context("cannot take over signals")?;
        match roundel_supervisor::adopt_orphans() {
            Ok(reaping) => drop(runtime.spawn(reaping)),
            Err(error) => tracing::warn!(%error, "what apps leave behind is somebody else's"),
        }
        let logs = Logs { access: access_log.clone(), requests: request_log.clone() };
        let decisions =
            decisions::open(&config.admin, file.as_ref().map(|file| file.path.as_path()))?;
        let audit_log = config.admin.audit_log.clone();
        let overlay = decisions.overlay.clone();
        let (proxy, control) = start_planes(config, overlay, workers, Arc::clone(&registry), logs)?;

        runtime.spawn(roundel_control::provide_containers(control.clone()));
        let (status, _) = watch::channel(ProcessStatus::default());
        let reloader = file.map(|file| Reloader::start(file, control.clone(), status.clone()));
        if let Some(admin) = admin {
            let surface = Surface {
                control: control.clone(),
                figures: figures::follow(&control, Arc::clone(&registry)),
                registry,
                request_log,
                process: status.subscribe(),
                version: env!("CARGO_PKG_VERSION"),
                intent: Intent::new(control.clone(), decisions.file, decisions.overlay),
                audit_log,
                config_file: reloader.clone().map(config_file),
            };
            runtime.spawn(serve(admin, surface));
        }
        let watch = reloader.as_ref().and_then(watch_file);
        let alive = control.clone();
        runtime.spawn(notify::keep_watchdog_calm(move || {
            let control = alive.clone();
            async move { control.answer().await }
        }));

        runtime.spawn(announce(control.clone(), status.clone(), workers));
        drop(entered);
        Ok(Self {
            proxy,
            control,
            access_log,
            status,
            signals,
            reloader,
            grace,
            admin: admin_address,
            _watch: watch,
            runtime,
        })
    }

    /// Runs until a signal ends it, or until a part of it fails.
    pub(crate) fn run(mut self) -> ExitCode {
        let runtime = self.runtime.handle().clone();
        let stop = runtime.block_on(self.attend());
        self.stop(stop)
    }

    /// Does what signals ask for, until one asks for the end. `None` when a part has failed: what is
    /// left would serve only some of the clients, or send them to endpoints that nobody probes.
    async fn attend(&mut self) -> Option<Stop> {
        loop {
            let request = tokio::select! {
                request = self.signals.next() => request,
                () = self.proxy.failed() => return None,
                () = self.control.ended() => {
                    tracing::error!("the control plane has ended; this is a bug in Roundel");
                    return None;
                }
            };
            match request {
                Request::Stop(stop) => return Some(stop),
                Request::Reload => self.reload(),
                Request::Reopen => self.reopen(),
            }
        }
    }

    fn reload(&self) {
        let Some(reloader) = &self.reloader else {
            return tracing::warn!("nothing to reload: started without a configuration file");
        };
        reloader.request();
    }

    fn reopen(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
            tracing::info!("reopening the access log");
        }
    }

    fn stop(self, reason: Option<Stop>) -> ExitCode {
        let Self { runtime, proxy, control, access_log, status, mut signals, grace, .. } = self;
        status.send_modify(|status| status.phase = Phase::Draining);
        notify::stopping();
        let grace_seconds = grace.as_secs_f64();
        if let Some(signal) = reason.map(Stop::signal_name) {
            tracing::info!(signal, grace_seconds, "stopping");
        } else {
            tracing::error!(grace_seconds, "stopping, since a part has failed");
        }
        proxy.drain(grace);
        let code = runtime.block_on(async {
            tokio::select! {
                code = wind_up(proxy, grace, &control, access_log) => code,
                again = signals.next_stop() => {
                    tracing::warn!(signal = again.signal_name(), "stopped at once");
                    // Bounded, since the kernel may take its time with a process's end.
                    let _ = tokio::time::timeout(LAST_KILLS, control.kill_apps()).await;
                    again.exit_code()
                }
            }
        });
        roundel_supervisor::dismiss_guard();
        // Threads that wait for a resolver must not hold up the end.
        runtime.shutdown_background();
        if reason.is_some() { code } else { ExitCode::FAILURE }
    }

    /// The control plane's runtime, for what accompanies the balancer.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The control plane.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Where the admin surface is, if there is one.
    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where the first listener is.
    pub(crate) fn listener(&self) -> Option<SocketAddr> {
        self.control.snapshot().listeners.first().map(|listener| listener.address)
    }
}

/// Where exchanges are told of.
struct Logs {
    access: Option<Arc<AccessLog>>,
    requests: Option<RequestLog>,
}

/// Binds the listeners and starts both planes, joined by snapshots down and signals up.
fn start_planes(
    config: Config,
    overlay: Overlay,
    workers: usize,
    registry: Arc<Registry>,
    logs: Logs,
) -> anyhow::Result<(Proxy, Control)> {
    let options = ControlOptions { workers, registry: Arc::clone(&registry), overlay };
    let prepared = roundel_control::prepare(config, options)?;
    let (signals, from_workers) = mpsc::channel(WORKER_SIGNALS_WAITING);
    let Logs { access: access_log, requests: request_log } = logs;
    let allowance = Allowance::own();
    allowance.tell();
    let connections_max = allowance.connections;
    let options =
        ProxyOptions { workers, registry, access_log, request_log, signals, connections_max };
    let proxy = Proxy::start(&prepared.snapshot(), options).context("cannot start workers")?;
    let publisher = proxy.publisher();
    let publish = Box::new(move |snapshot| publisher.publish(&snapshot));
    let control = prepared.run(publish, from_workers);
    Ok((proxy, control))
}

fn build_runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(STACK_BYTES)
        .thread_name("control")
        .enable_all()
        .build()
}

fn open_log(config: &AccessLogConfig, registry: &Registry) -> anyhow::Result<AccessLog> {
    let format = match config.format {
        AccessLogFormat::Text => LogFormat::Text,
        AccessLogFormat::Combined => LogFormat::Combined,
        AccessLogFormat::Json => LogFormat::Json,
    };
    let target = match &config.target {
        LogTarget::Stdout => roundel_telemetry::LogTarget::Stdout,
        LogTarget::Stderr => roundel_telemetry::LogTarget::Stderr,
        LogTarget::File(path) => roundel_telemetry::LogTarget::File(path.clone()),
    };
    AccessLog::start(target, format, registry.access_log())
        .with_context(|| format!("cannot open the access log {}", config.target))
}

/// `None` when it is switched off.
fn open_request_log(config: RequestLogConfig, registry: &Registry) -> Option<RequestLog> {
    let RequestLogConfig { is_enabled, capacity, per_second, keeps_queries } = config;
    let options = RequestLogOptions { capacity, per_second, keeps_queries };
    is_enabled.then(|| RequestLog::new(options, registry.worker()))
}

fn bind_admin(config: &AdminConfig) -> anyhow::Result<Option<Admin>> {
    let Some(address) = config.address else { return Ok(None) };
    let token = config.token_file.as_deref().map(Token::read).transpose()?;
    let admin = Admin::bind(address, token)?;
    tracing::info!(address = %admin.address(), "admin bound");
    Ok(Some(admin))
}

/// The file as the admin surface sees it.
fn config_file(reloader: Reloader) -> roundel_admin::ConfigFile {
    let path = reloader.path().display().to_string();
    let reading = reloader.clone();
    roundel_admin::ConfigFile {
        path,
        source: Box::new(move || reading.source()),
        reload: Box::new(move || {
            let reloader = reloader.clone();
            Box::pin(async move { reloader.reload().await })
        }),
    }
}

async fn serve(admin: Admin, surface: Surface) {
    let Err(error) = admin.serve(surface).await;
    tracing::error!(%error, "the admin surface has ended; traffic goes on");
}

/// Says that all runs as soon as it is known whom to send to, unless the end has come before.
async fn announce(control: Control, status: watch::Sender<ProcessStatus>, workers: usize) {
    if !ready::first_probes(&control).await {
        tracing::warn!("some endpoints did not answer their first probe so far");
    }
    let is_first = status.send_if_modified(|status| {
        let is_starting = status.phase == Phase::Starting;
        if is_starting {
            status.phase = Phase::Ready;
        }
        is_starting
    });
    if is_first {
        tracing::info!(workers, version = env!("CARGO_PKG_VERSION"), "ready");
        notify::ready("ready");
    }
}

/// Has a change of the file request a reload.
fn watch_file(reloader: &Reloader) -> Option<FileWatch> {
    let requests = reloader.clone();
    roundel_control::watch(reloader.path(), move || requests.request_if_changed())
        .inspect_err(|error| tracing::warn!(%error, "changes are taken on SIGHUP only"))
        .ok()
}

/// Ends the parts in the reverse of the order in which data flows: workers, apps, control plane, log.
async fn wind_up(
    proxy: Proxy,
    grace: Duration,
    control: &Control,
    access_log: Option<Arc<AccessLog>>,
) -> ExitCode {
    let code = report(apart(move || proxy.join(), grace + CUTTING).await);
    control.stop_apps().await;
    control.shutdown().await;
    if let Some(log) = access_log {
        let has_written = apart(move || log.shutdown(LAST_LINES), LAST_LINES * 2).await;
        if has_written != Some(true) {
            tracing::warn!("the access log's last lines are lost: its target takes none");
        }
    }
    code
}

/// Does what blocks on a thread of its own, and waits for it no longer than `within`.
async fn apart<T: Send + 'static>(
    blocking: impl FnOnce() -> T + Send + 'static,
    within: Duration,
) -> Option<T> {
    let (done, outcome) = oneshot::channel();
    let work = move || {
        // Nobody listens any more when the time is over.
        let _ = done.send(blocking());
    };
    thread::Builder::new().name("stop".to_owned()).spawn(work).ok()?;
    tokio::time::timeout(within, outcome).await.ok()?.ok()
}

fn report(drained: Option<Drained>) -> ExitCode {
    let Some(Drained { cut, failed }) = drained else {
        tracing::error!("workers did not end in time; this is a bug in Roundel");
        return ExitCode::FAILURE;
    };
    if cut > 0 {
        tracing::warn!(exchanges_cut = cut, "stopped: exchanges outlived the grace time");
    } else {
        tracing::info!("stopped");
    }
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
