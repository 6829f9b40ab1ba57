//! The log as its readers see it.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::access_log::{EndpointFields, ExchangeRecord, RequestFields, Timing};
use crate::registry::Registry;
use roundel_core::end::EndReason;

const OPTIONS: RequestLogOptions =
    RequestLogOptions { capacity: 16, per_second: 1000, keeps_queries: false };

fn log(options: RequestLogOptions, workers: usize) -> RequestLog {
    RequestLog::new(options, Registry::new(workers).worker())
}

/// An exchange that ended `at` microseconds after 1970.
fn record(at: u64, target: &str, status: u16) -> ExchangeRecord<'_> {
    ExchangeRecord {
        at_unix_us: at,
        client: ([192, 0, 2, 7], 40_000).into(),
        listener: "front",
        request: RequestFields {
            method: b"GET",
            target: target.as_bytes(),
            version: "HTTP/1.1",
            host: b"example.com:8080",
            user_agent: b"secret agent",
            referer: b"https://secret.example/",
            request_id: b"5f0c2a9be1d34476",
        },
        route: Some("all"),
        pool: Some("web"),
        endpoint: Some(EndpointFields {
            name: "Server 1",
            authority: "127.0.0.1:5001",
            request_count: 1,
            is_reused: true,
        }),
        attempts: 1,
        status,
        request_bytes: 3,
        response_bytes: 19,
        timing: Timing { total_us: 1_042, first_byte_us: Some(812), ..Timing::default() },
        end: EndReason::Ok,
    }
}

const NOTHING: Account<'static> = Account { route: None, pool: None, attempt: None, trail: None };

/// What a worker does for each exchange.
fn pass(writer: &mut RequestLogWriter, now_us: u64, record: &ExchangeRecord<'_>) {
    let is_admitted = writer.admits(now_us);
    if writer.keeps(is_admitted, record.end.is_error(record.status), now_us) {
        writer.push(record, &NOTHING);
    }
}

fn paths(requests: &[RequestSummary]) -> Vec<&str> {
    requests.iter().map(|request| request.path.as_str()).collect()
}

#[test]
fn a_summary_says_what_happened_and_no_secret() {
    let log = log(OPTIONS, 1);
    pass(&mut log.writer(0), 0, &record(1_500_000, "/a?password=1", 200));
    let summary = log.recent(&RequestFilter::default(), 10).remove(0);
    assert_eq!(log.find(&summary.id).unwrap().summary, summary);
    let shown = format!("{summary:?}");
    assert!(!shown.contains("secret") && !shown.contains("password"), "{shown}");
    let expected = RequestSummary {
        id: "0-0".to_owned(),
        at: UNIX_EPOCH + Duration::from_millis(1500),
        client: ([192, 0, 2, 7], 40_000).into(),
        listener: "front".to_owned(),
        method: "GET".to_owned(),
        host: "example.com:8080".to_owned(),
        path: "/a?…".to_owned(),
        version: "HTTP/1.1",
        request_id: Some("5f0c2a9be1d34476".to_owned()),
        route: Some("all".to_owned()),
        pool: Some("web".to_owned()),
        endpoint: Some("Server 1".to_owned()),
        is_reused: Some(true),
        attempts: 1,
        status: Some(200),
        request_bytes: 3,
        response_bytes: 19,
        timing: summary.timing,
        end: EndReason::Ok,
    };
    assert_eq!(summary, expected);
}

#[test]
fn what_there_was_not_is_absent() {
    let log = log(OPTIONS, 1);
    let refused = ExchangeRecord {
        request: RequestFields::default(),
        route: None,
        pool: None,
        endpoint: None,
        attempts: 0,
        end: EndReason::RequestLine,
        ..record(1, "", 0)
    };
    // The slot had another exchange before.
    let mut writer = log.writer(0);
    for at in 0..16 {
        pass(&mut writer, 0, &record(at, "/a", 200));
    }
    pass(&mut writer, 0, &refused);
    let summary =
        log.recent(&RequestFilter::default(), 100).into_iter().find(|r| r.path.is_empty());
    let summary = summary.unwrap();
    assert_eq!((summary.route, summary.pool, summary.endpoint), (None, None, None));
    assert_eq!((summary.request_id, summary.is_reused, summary.status), (None, None, None));
}

#[test]
fn the_newest_come_first_over_all_workers_and_limits_hold() {
    let log = log(OPTIONS, 2);
    let (mut first, mut second) = (log.writer(0), log.writer(1));
    pass(&mut first, 0, &record(1, "/1", 200));
    pass(&mut second, 0, &record(2, "/2", 200));
    pass(&mut first, 0, &record(3, "/3", 500));
    pass(&mut second, 0, &record(4, "/4", 200));
    let all = RequestFilter::default();
    assert_eq!(paths(&log.recent(&all, 10)), ["/4", "/3", "/2", "/1"]);
    assert_eq!(paths(&log.recent(&all, 2)), ["/4", "/3"]);
    let errors = RequestFilter { status: StatusFilter::parse("5xx"), ..all };
    assert_eq!(paths(&log.recent(&errors, 10)), ["/3"]);
    let ids: Vec<_> = log.recent(&RequestFilter::default(), 10).into_iter().map(|r| r.id).collect();
    assert_eq!(ids, ["1-1", "0-1", "1-0", "0-0"]);
    assert_eq!(log.find("0-1").unwrap().summary.path, "/3");
}

#[test]
fn ids_that_are_none_find_nothing() {
    let log = log(OPTIONS, 1);
    pass(&mut log.writer(0), 0, &record(1, "/1", 200));
    for id in ["", "0", "-", "0-", "0-1", "1-0", "9999999999999999999999-0", "0-x", "0--1"] {
        assert_eq!(log.find(id), None, "{id}");
    }
}

#[test]
fn what_exceeds_the_rate_is_counted_and_errors_are_kept_apart() {
    let log = log(RequestLogOptions { capacity: 400, per_second: 10, ..OPTIONS }, 1);
    let mut writer = log.writer(0);
    for at in 0..100 {
        pass(&mut writer, 0, &record(at, "/fine", 200));
    }
    for at in 0..15 {
        pass(&mut writer, 0, &record(1000 + at, "/broken", 503));
    }
    let found = log.recent(&RequestFilter::default(), 1000);
    let broken = paths(&found).iter().filter(|path| **path == "/broken").count();
    assert_eq!((found.len(), broken), (20, 10));
    assert_eq!(log.sampled_out(), 95);
}

#[test]
fn errors_outlive_ordinary_traffic() {
    let log = log(OPTIONS, 1);
    let mut writer = log.writer(0);
    pass(&mut writer, 0, &record(0, "/broken", 503));
    for at in 1..100 {
        pass(&mut writer, 0, &record(at, "/fine", 200));
    }
    let found = log.recent(&RequestFilter::default(), 1000);
    assert_eq!((found.len(), found.last().unwrap().path.as_str()), (13, "/broken"));
    assert_eq!(log.capacity(), 16);
}

#[test]
fn followers_see_what_matches_from_then_on() {
    let log = log(OPTIONS, 2);
    let mut writers = [log.writer(0), log.writer(1)];
    pass(&mut writers[0], 0, &record(1, "/before", 200));
    let mut follower = log.follow();
    assert_eq!(follower.poll(&RequestFilter::default()), Followed::default());
    pass(&mut writers[1], 0, &record(2, "/a", 200));
    pass(&mut writers[0], 0, &record(3, "/b", 500));
    pass(&mut writers[1], 0, &record(4, "/c", 200));
    let fine = RequestFilter { status: StatusFilter::parse("2xx"), ..RequestFilter::default() };
    assert_eq!(paths(&follower.poll(&fine).requests), ["/a", "/c"]);
    assert_eq!(follower.poll(&fine), Followed::default());
}

#[test]
fn a_follower_that_lags_is_told_how_many_it_missed() {
    let log = log(RequestLogOptions { per_second: 50, ..OPTIONS }, 1);
    let mut writer = log.writer(0);
    let mut follower = log.follow();
    for at in 0..60 {
        pass(&mut writer, 0, &record(at, &format!("/{at}"), 200));
    }
    let Followed { requests, missed, sampled_out } = follower.poll(&RequestFilter::default());
    assert_eq!((requests.len(), missed, sampled_out), (12, 38, 10));
    assert_eq!(requests[0].path, "/38");
}

#[test]
fn queries_are_kept_when_the_operator_wants_so() {
    let log = log(RequestLogOptions { keeps_queries: true, ..OPTIONS }, 1);
    pass(&mut log.writer(0), 0, &record(1, "/a?b=c", 200));
    assert_eq!(paths(&log.recent(&RequestFilter::default(), 1)), ["/a?b=c"]);
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let log = log(OPTIONS, 1);
    let target = format!("/{}", "x".repeat(5000));
    pass(&mut log.writer(0), 0, &record(1, &target, 200));
    let path = log.recent(&RequestFilter::default(), 1).remove(0).path;
    assert_eq!((path.chars().count(), path.chars().last()), (257, Some('…')));
}
