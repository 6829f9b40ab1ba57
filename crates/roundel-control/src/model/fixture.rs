//! Configurations for tests, with short times.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use roundel_config::model::{
    AdminConfig, Config, EndpointConfig, EndpointSource, ListenerConfig, LogConfig, LogFormat,
    LogLevel, PoolConfig, RequestLogConfig, ShutdownConfig,
};
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::listener::{
    ForwardedMode, ForwardedPolicy, HalfClose, ListenerLimits, ListenerSettings, ListenerTimeouts,
};
use roundel_core::name::Name;
use roundel_core::policy::{
    Balance, HealthCheck, HostPolicy, OutlierDetection, PoolLimits, PoolPolicy, PoolTimeouts,
    Probe, RetryPolicy,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn listener(text: &str, address: &str) -> ListenerConfig {
    let settings = ListenerSettings {
        limits: ListenerLimits {
            head_bytes_max: 1 << 14,
            fields_max: 100,
            target_bytes_max: 1 << 13,
            body_bytes_max: None,
            max_connections: Some(100),
            requests_per_connection_max: 100,
        },
        timeouts: ListenerTimeouts {
            request_head: SECOND,
            body_idle: SECOND,
            body_bytes_per_second_min: 0,
            write_idle: SECOND,
            keep_alive: SECOND,
        },
        forwarded: ForwardedPolicy {
            mode: ForwardedMode::Off,
            trusted_proxies: Vec::new(),
            via: false,
            request_id: false,
        },
        half_close: HalfClose::Serve,
    };
    ListenerConfig {
        name: name(text),
        address: address.parse().unwrap(),
        settings: Arc::new(settings),
    }
}

/// Probes by TCP every 5 s (every second while unwell), two successes or three failures to change;
/// ejects after five failures for ten seconds; no slow start; fails open below half.
pub(crate) fn policy() -> PoolPolicy {
    PoolPolicy {
        balance: Balance::RoundRobin,
        health_check: Some(HealthCheck {
            probe: Probe::Tcp,
            interval: 5 * SECOND,
            unhealthy_interval: SECOND,
            jitter_percent: 0,
            timeout: SECOND,
            healthy_after: NonZeroU32::new(2).unwrap(),
            unhealthy_after: NonZeroU32::new(3).unwrap(),
        }),
        outlier_detection: Some(OutlierDetection {
            consecutive_errors: NonZeroU32::new(5),
            success_rate: None,
            base_ejection: 10 * SECOND,
            max_ejection: 60 * SECOND,
            max_ejected_percent: 50,
        }),
        retry: RetryPolicy {
            attempts: 0,
            budget_percent: 0,
            statuses: Vec::new(),
            non_idempotent: false,
            hedge: true,
            body_bytes_max: 0,
        },
        timeouts: PoolTimeouts {
            connect: SECOND,
            response_head: SECOND,
            body_idle: SECOND,
            total: SECOND,
            tunnel_idle: SECOND,
            idle: SECOND,
        },
        limits: PoolLimits {
            max_in_flight: None,
            queue: 0,
            queue_timeout: SECOND,
            max_idle_connections: 0,
        },
        slow_start: Duration::ZERO,
        silent_after: Duration::ZERO,
        panic_threshold_percent: 50,
        endpoint_wait: None,
        host: HostPolicy::Preserve,
    }
}

/// A pool with an endpoint for each address, named by it.
pub(crate) fn pool(text: &str, policy: PoolPolicy, addresses: &[&str]) -> PoolConfig {
    let endpoint = |address: &&str| EndpointConfig {
        name: name(address),
        address: EndpointAddress::parse(address).unwrap(),
        weight: 1,
        is_backup: false,
        admin_state: AdminState::Enabled,
        source: EndpointSource::File,
        presence: Presence::Present,
    };
    PoolConfig {
        name: name(text),
        policy: Arc::new(policy),
        endpoints: addresses.iter().map(endpoint).collect(),
    }
}

pub(crate) fn config(listeners: Vec<ListenerConfig>, pools: Vec<PoolConfig>) -> Config {
    Config {
        workers: None,
        admin: AdminConfig { address: None, token_file: None, state_file: None, audit_log: None },
        listeners,
        routes: Vec::new(),
        pools,
        apps: Vec::new(),
        docker: None,
        access_log: None,
        request_log: RequestLogConfig {
            is_enabled: true,
            capacity: 1000,
            per_second: 200,
            keeps_queries: false,
        },
        log: LogConfig { level: LogLevel::Info, format: LogFormat::Text },
        shutdown: ShutdownConfig { grace: SECOND },
    }
}
