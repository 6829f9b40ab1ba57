//! The reference pages that are made from the code.

use std::fmt::Write as _;
use std::sync::Arc;

use roundel_core::end::{AttemptFailure, EndReason};
use roundel_telemetry::access_log::FIELDS;
use roundel_telemetry::family;
use roundel_telemetry::histogram::EXPORT_BOUNDS_US;
use roundel_telemetry::shard::ByGiveUp;
use roundel_telemetry::{
    AccessLog, EndpointFields, ExchangeRecord, LogFormat, LogTarget, RequestFields, Timing,
};
use roundel_testkit::TempDir;
use roundel_testkit::deadline::PATIENCE;

use crate::golden;

const MADE: &str = "<!-- Made from the code by the tests of roundel-telemetry; do not edit. -->\n";

#[test]
fn metrics_page() {
    let mut page = format!(
        "{MADE}# Metrics\n\n\
         `GET /metrics` on the admin address answers in the Prometheus text format (0.0.4).\n\
         Counters live as long as the thing they count for is configured: a reload keeps them, \
         removing an endpoint removes its series.\n\
         Each worker counts for itself; a scrape sums the workers and does not disturb them.\n\n\
         | Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n"
    );
    for f in family::ALL {
        let labels: Vec<_> = f.labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, labels) = (f.kind.word(), labels.join(", "));
        let _ = writeln!(page, "| `{}` | {kind} | {labels} | {} |", f.name, f.help);
    }
    let bounds: Vec<_> =
        EXPORT_BOUNDS_US.iter().map(|us| format!("{}", *us as f64 / 1e6)).collect();
    let give_ups = ByGiveUp::LABELS.map(|label| format!("`{label}`"));
    let _ = write!(
        page,
        "\n## Labels\n\n\
         - `class` is the first digit of the status, as in `2xx`, or `none`.\n\
         - `reason` is a code of the [end reasons](end-reasons.md): of an exchange, or of an \
         attempt for `roundel_endpoint_failures_total`; of a retry not made for \
         `roundel_pool_give_ups_total`: {}.\n\
         - `admin_state`, `health` and `tier` list each state as a series of its own, of which \
         one is 1.\n\n\
         Every exchange is counted once: in `roundel_pool_exchanges_total` when it reached a \
         pool, in `roundel_listener_exchanges_total` when it did not.\n\
         It counts as an error when the client got a status of 500 or above, or when Roundel or \
         the endpoints failed it in another way, as by breaking off a response; what the client \
         got wrong and its leaving do not count.\n\n\
         ## Histograms\n\n\
         Times are in seconds. The bounds are {}.\n\
         They are edges of the buckets that workers count in, so the counts are exact.\n",
        give_ups.join(", "),
        bounds.join(", ")
    );
    golden::check("docs/reference/metrics.md", &page);
}

#[test]
fn end_reasons_page() {
    let mut page = format!(
        "{MADE}# End reasons\n\n\
         How an exchange ended, under one code in the access log (`end`), the metrics (`reason`), \
         the API and the dashboard.\n\
         The codes are stable.\n\n\
         ## Exchanges\n\n\
         An exchange counts as an error when it ended for a reason that does, whatever its status, \
         and when the client got a status of 500 or above.\n\n\
         | Code | Error | Meaning |\n|---|---|---|\n"
    );
    for reason in EndReason::ALL {
        let error = if reason.is_failure() { "yes" } else { "no" };
        let _ = writeln!(page, "| `{}` | {error} | {} |", reason.code(), reason.describe());
    }
    page.push_str(
        "\n## Attempts\n\n\
         An attempt is one try at one endpoint; an exchange whose attempt failed may still end \
         well by another.\n\
         `roundel_endpoint_failures_total` counts these.\n\n| Code | Meaning |\n|---|---|\n",
    );
    for failure in AttemptFailure::ALL {
        let _ = writeln!(page, "| `{}` | {} |", failure.code(), failure.describe());
    }
    golden::check("docs/reference/end-reasons.md", &page);
}

#[test]
fn access_log_page() {
    let mut page = format!(
        "{MADE}# Access log\n\n\
         One line for each exchange, written when it has ended, however it ended.\n\n"
    );
    for (title, format, about) in [
        (
            "Text",
            LogFormat::Text,
            "For people. The word after the time is `ERROR` when the status is 5xx or the response broke off, `WARN` when the client or its request was at fault, else `INFO`. How the exchange ended follows when it is not `ok`, the number of attempts when there was more than one.",
        ),
        ("Combined", LogFormat::Combined, "The NCSA combined format, which log analysers read."),
        ("JSON", LogFormat::Json, "One object a line, always with all fields in this order."),
    ] {
        let line = example(format);
        let _ = write!(page, "## {title}\n\n{about}\n\n```\n{line}```\n\n");
    }
    page.push_str("| Field | Meaning |\n|---|---|\n");
    for (name, meaning) in FIELDS {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str(
        "\n`end` is one of the [end reasons](end-reasons.md).\n\n\
         ## What a line cannot do\n\n\
         Only printable ASCII passes; any other byte is written as its value, `\\x0a` in text and \
         combined lines, `\\u000a` in JSON, and quotes and backslashes are escaped.\n\
         A request can therefore neither forge a line nor drive a terminal.\n\
         Texts longer than 2048 bytes are cut and end in `...`.\n\
         `Authorization` and `Cookie` are never logged; a query is, as part of the target.\n\n\
         ## When the target is slow\n\n\
         A thread of its own writes; workers never wait for it.\n\
         Each worker keeps up to 256 KiB of lines while a disk is full or a pipe is not read, then \
         drops further lines and counts them in `roundel_access_log_lines_dropped_total`.\n\
         A write that failed is tried again; the first failure and the recovery are reported in \
         the application log.\n\n\
         ## Rotation\n\n\
         Rename the file, then send `SIGUSR1`: the file is opened again by its name.\n\
         Lines of exchanges that ended before the signal go to the renamed file.\n",
    );
    golden::check("docs/reference/access-log.md", &page);
}

/// The line of an ordinary exchange, as the log writes it.
fn example(format: LogFormat) -> String {
    let directory = TempDir::new();
    let path = directory.path().join("access.log");
    let log = AccessLog::start(LogTarget::File(path.clone()), format, Arc::default()).unwrap();
    log.buffer().push(&ExchangeRecord {
        at_unix_us: 1_795_233_684_123_456,
        client: ([192, 0, 2, 7], 40_000).into(),
        listener: "web",
        request: RequestFields {
            method: b"GET",
            target: b"/hello?name=x",
            version: "HTTP/1.1",
            host: b"example.com",
            user_agent: b"curl/8.14.1",
            referer: b"",
            request_id: b"5f0c2a9be1d34476",
        },
        route: Some("all"),
        pool: Some("web"),
        endpoint: Some(EndpointFields {
            name: "Server 1",
            authority: "127.0.0.1:5001",
            request_count: 1,
            is_reused: false,
        }),
        attempts: 1,
        status: 200,
        request_bytes: 0,
        response_bytes: 19,
        timing: Timing {
            queue_us: None,
            connect_us: Some(90),
            first_byte_us: Some(812),
            total_us: 1_042,
        },
        end: EndReason::Ok,
    });
    assert!(log.shutdown(PATIENCE));
    std::fs::read_to_string(path).unwrap()
}
