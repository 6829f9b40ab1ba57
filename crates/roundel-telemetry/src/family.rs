//! Every metric there is: name, kind, labels and meaning.
//!
//! The exposition writes names and labels from here and the reference page is made from here, so
//! neither can say what the other does not.

/// A metric with all its series.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name, unit last, `_total` for counters.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// Label names, in the order in which series give their values.
    pub labels: &'static [&'static str],
    /// One sentence for people.
    pub help: &'static str,
}

/// How the values of a metric behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of times at or below each bound, with sum and count.
    Histogram,
}

impl Kind {
    /// The word of the exposition format.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Declares a constant for each family, and the list of all.
macro_rules! families {
    ($($id:ident: $kind:ident $name:literal [$($label:literal)*] $help:literal;)+) => {
        $(pub(crate) static $id: Family = Family {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)+

        /// All families, in the order of the exposition.
        pub static ALL: &[&Family] = &[$(&$id),+];
    };
}

families! {
    BUILD_INFO: Gauge "roundel_build_info" ["version"] "Always 1; the version is in the label.";
    START_TIME: Gauge "roundel_start_time_seconds" [] "When the process started, in seconds since 1970.";
    SNAPSHOT_GENERATION: Gauge "roundel_snapshot_generation" [] "Grows by one whenever workers get a new snapshot.";
    WORKERS: Gauge "roundel_workers" [] "Data-plane threads.";

    WORKER_PANICS: Counter "roundel_worker_panics_total" ["worker"] "Panics caught; each cost one connection and is a bug.";
    WORKER_ACCEPT_FAILURES: Counter "roundel_worker_accept_failures_total" ["worker"] "Connections that could not be accepted, as when file descriptors run out.";
    WORKER_TURNS: Counter "roundel_worker_turns_total" ["worker"] "Turns of the event loop.";

    ACCESS_LOG_WRITTEN: Counter "roundel_access_log_lines_written_total" [] "Access-log lines written.";
    ACCESS_LOG_DROPPED: Counter "roundel_access_log_lines_dropped_total" [] "Access-log lines given up because the target did not take them in time.";
    ACCESS_LOG_ERRORS: Counter "roundel_access_log_write_errors_total" [] "Writes to the access log that failed.";

    REQUEST_LOG_KEPT: Counter "roundel_request_log_kept_total" [] "Exchanges that the request log kept.";
    REQUEST_LOG_SAMPLED_OUT: Counter "roundel_request_log_sampled_out_total" [] "Exchanges that the request log passed over, because there were too many at once.";

    LISTENER_CONNECTIONS: Counter "roundel_listener_connections_total" ["listener"] "Connections accepted.";
    LISTENER_CONNECTIONS_OPEN: Gauge "roundel_listener_connections_open" ["listener"] "Client connections open.";
    LISTENER_CONNECTIONS_REFUSED: Counter "roundel_listener_connections_refused_total" ["listener"] "Connections closed at once because the limit was reached.";
    LISTENER_REQUESTS: Counter "roundel_listener_requests_total" ["listener"] "Request heads begun, malformed ones included.";
    LISTENER_EXCHANGES: Counter "roundel_listener_exchanges_total" ["listener" "reason"] "Exchanges that ended without reaching a pool, by how they ended.";
    LISTENER_ERRORS: Counter "roundel_listener_errors_total" ["listener"] "Exchanges that reached no pool and count as errors.";
    LISTENER_TUNNELS_OPEN: Gauge "roundel_listener_tunnels_open" ["listener"] "Tunnels running.";

    ROUTE_REQUESTS: Counter "roundel_route_requests_total" ["route"] "Requests that the route was chosen for.";

    POOL_REQUESTS: Counter "roundel_pool_requests_total" ["pool" "class"] "Exchanges by class of the status sent; none when the client got no status.";
    POOL_EXCHANGES: Counter "roundel_pool_exchanges_total" ["pool" "reason"] "Exchanges by how they ended.";
    POOL_ERRORS: Counter "roundel_pool_errors_total" ["pool"] "Exchanges that count as errors.";
    POOL_REQUEST_BYTES: Counter "roundel_pool_request_bytes_total" ["pool"] "Request body bytes taken from clients.";
    POOL_RESPONSE_BYTES: Counter "roundel_pool_response_bytes_total" ["pool"] "Response body bytes sent to clients.";
    POOL_DURATION: Histogram "roundel_pool_duration_seconds" ["pool"] "From the first byte of the request head to the last byte of the response.";
    POOL_QUEUE: Histogram "roundel_pool_queue_seconds" ["pool"] "Waits for an endpoint below its limit, of exchanges that waited.";
    POOL_QUEUED: Gauge "roundel_pool_queued" ["pool"] "Exchanges waiting for an endpoint.";
    POOL_RETRIES: Counter "roundel_pool_retries_total" ["pool"] "Attempts after the first of an exchange.";
    POOL_HEDGES: Counter "roundel_pool_hedges_total" ["pool"] "Attempts begun beside one that waited at an endpoint which seemed to have stopped.";
    POOL_GIVE_UPS: Counter "roundel_pool_give_ups_total" ["pool" "reason"] "Failed attempts that were not tried again, by why.";
    POOL_TIER: Gauge "roundel_pool_tier" ["pool" "tier"] "1 for the tier of endpoints that takes traffic now, 0 for the others.";

    ENDPOINT_ATTEMPTS: Counter "roundel_endpoint_attempts_total" ["pool" "endpoint"] "Attempts started.";
    ENDPOINT_RESPONSES: Counter "roundel_endpoint_responses_total" ["pool" "endpoint" "class"] "Response heads received, by status class; none for an impossible status.";
    ENDPOINT_FAILURES: Counter "roundel_endpoint_failures_total" ["pool" "endpoint" "reason"] "Attempts that failed, by how.";
    ENDPOINT_CONNECTIONS_MADE: Counter "roundel_endpoint_connections_made_total" ["pool" "endpoint"] "Connections made for an attempt.";
    ENDPOINT_CONNECTIONS_REUSED: Counter "roundel_endpoint_connections_reused_total" ["pool" "endpoint"] "Attempts that took an idle connection.";
    ENDPOINT_SILENCES: Counter "roundel_endpoint_silences_total" ["pool" "endpoint"] "Times that requests waited at the endpoint and it answered none for too long.";
    ENDPOINT_FIRST_BYTE: Histogram "roundel_endpoint_first_byte_seconds" ["pool" "endpoint"] "From the start of an attempt to the response head.";
    ENDPOINT_IDLE_CONNECTIONS: Gauge "roundel_endpoint_idle_connections" ["pool" "endpoint"] "Connections kept for a later attempt.";
    ENDPOINT_ERRORS: Counter "roundel_endpoint_errors_total" ["pool" "endpoint"] "Attempts that outlier detection counts against the endpoint.";
    ENDPOINT_IN_FLIGHT: Gauge "roundel_endpoint_in_flight" ["pool" "endpoint"] "Attempts running.";
    ENDPOINT_WEIGHT: Gauge "roundel_endpoint_weight" ["pool" "endpoint"] "Share of traffic relative to the pool's other endpoints, after slow start.";
    ENDPOINT_ELIGIBLE: Gauge "roundel_endpoint_eligible" ["pool" "endpoint"] "1 when enabled, healthy and not ejected, else 0.";
    ENDPOINT_ADMIN_STATE: Gauge "roundel_endpoint_admin_state" ["pool" "endpoint" "admin_state"] "1 for what the operator wants of the endpoint, 0 for the other states.";
    ENDPOINT_HEALTH: Gauge "roundel_endpoint_health" ["pool" "endpoint" "health"] "1 for what probes found, 0 for the other states.";
    ENDPOINT_EJECTED: Gauge "roundel_endpoint_ejected" ["pool" "endpoint"] "1 while outlier detection keeps the endpoint out, else 0.";
    ENDPOINT_SILENT: Gauge "roundel_endpoint_silent" ["pool" "endpoint"] "1 from such a time until its next answer, else 0: it is the last choice meanwhile.";

    APP_WANTED: Gauge "roundel_app_wanted" ["app"] "Instances that there should be.";
    APP_INSTANCES: Gauge "roundel_app_instances" ["app" "state"] "Instances in each state.";
    APP_RESTARTS: Counter "roundel_app_restarts_total" ["app"] "Starts of instances after their first.";
    APP_DECISIONS: Counter "roundel_app_decisions_total" ["app" "direction"] "Decisions of the autoscaler for more (up) or fewer (down) instances.";
}
