//! Probes against servers that answer, stall, refuse and lie.

use std::num::NonZeroU32;

use tokio::net::TcpListener;

use super::*;

/// What the endpoint does with a connection, after it has read the request's head.
enum Then {
    Send(&'static str),
    /// A byte at a time, then nothing more.
    Drip(&'static str),
    Hang,
}

fn http(expected_body: Option<&str>) -> Probe {
    Probe::Http(HttpProbe {
        method: "GET".to_owned(),
        path: "/health".to_owned(),
        host: None,
        headers: vec![("X-Probe".to_owned(), "yes".to_owned())],
        expected_statuses: vec![(200, 299)],
        expected_body: expected_body.map(str::to_owned),
    })
}

fn check(probe: Probe) -> HealthCheck {
    HealthCheck {
        probe,
        interval: Duration::from_secs(5),
        unhealthy_interval: Duration::from_secs(1),
        jitter_percent: 0,
        timeout: Duration::from_secs(3),
        healthy_after: NonZeroU32::MIN,
        unhealthy_after: NonZeroU32::MIN,
    }
}

/// Probes an endpoint that does `then`, and returns the request it got as well. Time is virtual:
/// it jumps to the probe's timeout as soon as nobody has anything left to do.
async fn probe_against(probe_kind: Probe, then: Then) -> (ProbeOutcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
        match then {
            Then::Send(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Then::Drip(text) => {
                for byte in text.as_bytes() {
                    stream.write_all(&[*byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
                let _ = stream.read(&mut [0]).await;
            }
            // Until the probe gives up.
            Then::Hang => drop(stream.read(&mut [0]).await),
        }
        String::from_utf8(request).unwrap()
    });
    let (outcome, _) =
        probe(&check(probe_kind), &ConnectAddress::Ip(address), &address.to_string()).await;
    (outcome, endpoint.await.unwrap())
}

async fn failure_of(probe_kind: Probe, then: Then) -> String {
    match probe_against(probe_kind, then).await.0 {
        ProbeOutcome::Failure(failure) => failure.to_string(),
        ProbeOutcome::Success { .. } => "success".to_owned(),
    }
}

#[tokio::test]
async fn answers_are_judged_by_status_and_body() {
    for (expected_body, answer, verdict) in [
        (None, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "success"),
        (None, "HTTP/1.0 204 No Content\r\n\r\n", "success"),
        (None, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "success"),
        (
            None,
            "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
            "probe got status 500 (expected 200-299)",
        ),
        (Some("ready"), "HTTP/1.1 200 OK\r\n\r\nall is ready", "success"),
        (
            Some("ready"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n",
            "success",
        ),
        (
            Some("ready"),
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbusy",
            "probe body lacks the text \"ready\" (searched 4 bytes)",
        ),
        (
            Some("ready"),
            "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nrea",
            "probe connection closed before a whole response came",
        ),
        (None, "", "probe connection closed before a whole response came"),
        (
            None,
            "HTTP/1.1 200 OK\r\nContent-",
            "probe connection closed before a whole response came",
        ),
    ] {
        assert_eq!(
            failure_of(http(expected_body), Then::Send(answer)).await,
            verdict,
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_malformed() {
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let verdict = failure_of(http(Some("x")), Then::Send(answer)).await;
        assert!(verdict.starts_with("probe got a malformed response: "), "{answer:?}: {verdict}");
    }
    let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20).leak();
    let verdict = failure_of(http(None), Then::Send(flood)).await;
    assert_eq!(verdict, "probe got a malformed response: too many interim responses");
}

#[tokio::test(start_paused = true)]
async fn silence_and_drips_end_by_the_timeout() {
    for then in [Then::Hang, Then::Drip("HTTP/1.1 200 OK\r\nX: ")] {
        let verdict = failure_of(http(None), then).await;
        assert!(verdict.starts_with("probe timed out after 3"), "{verdict}");
        assert!(verdict.ends_with("(limit 3 s)"), "{verdict}");
    }
}

#[tokio::test]
async fn the_request_is_complete_and_says_who_asks() {
    let (_, request) = probe_against(http(None), Then::Send("HTTP/1.1 200 OK\r\n\r\n")).await;
    let mut lines = request.lines();
    assert_eq!(lines.next(), Some("GET /health HTTP/1.1"));
    let fields: Vec<_> = lines.collect();
    assert!(fields[0].starts_with("Host: 127.0.0.1:"));
    assert!(fields[1].starts_with("User-Agent: roundel-probe/"));
    assert_eq!(fields[2..], ["Connection: close", "X-Probe: yes", ""]);
}

#[tokio::test]
async fn a_tcp_probe_wants_a_connection_only_and_a_closed_port_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = ConnectAddress::Ip(listener.local_addr().unwrap());
    let tcp = check(Probe::Tcp);
    let (outcome, _) = probe(&tcp, &address, "").await;
    assert!(matches!(outcome, ProbeOutcome::Success { .. }), "{outcome:?}");
    drop(listener);
    for address in [address, nowhere()] {
        let (outcome, _) = probe(&tcp, &address, "").await;
        assert!(matches!(outcome, ProbeOutcome::Failure(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_probed_like_any_other() {
    let directory = roundel_testkit::TempDir::new();
    let path = directory.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let endpoint = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let (outcome, _) = probe(&check(http(None)), &ConnectAddress::Unix(path), "unix:/x").await;
    assert!(matches!(outcome, ProbeOutcome::Success { .. }), "{outcome:?}");
    assert!(endpoint.await.unwrap().contains("\r\nHost: localhost\r\n"));
}
