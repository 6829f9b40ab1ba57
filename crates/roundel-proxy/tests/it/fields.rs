//! What each side learns of the other: targets, Host, and the fields that are removed, replaced or
//! added on the way.

use roundel_core::listener::{Cidr, ForwardedMode, ForwardedPolicy};
use roundel_core::policy::HostPolicy;
use roundel_testkit::{Answer, Fields, Origin, Response};

use crate::scene::{Scene, Setup};

/// Sends a request of these lines, and gives what the origin saw and what came back.
#[track_caller]
fn pass(scene: &Scene, origin: &Origin, lines: &str) -> (roundel_testkit::Request, Response) {
    let mut client = scene.client();
    client.send(lines.replace('\n', "\r\n") + "\r\n").unwrap();
    let got = client.read_response().unwrap();
    (origin.requests().pop().unwrap(), got)
}

fn list(fields: &Fields) -> Vec<String> {
    fields.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

fn bare() -> Setup {
    Setup::new().forwarded(|policy| {
        (policy.mode, policy.request_id) = (ForwardedMode::Off, false);
    })
}

#[test]
fn targets_reach_the_origin_in_its_form_and_the_target_decides_the_host() {
    let origin = Origin::start("only");
    let scene = bare().start(&[origin.address()]);
    for (line, target, host) in [
        ("GET /a%2fb//c?d=/../e HTTP/1.1", "/a%2fb//c?d=/../e", "h"),
        ("GET http://other.example:81/a?b HTTP/1.1", "/a?b", "other.example:81"),
        ("GET http://other.example HTTP/1.1", "/", "other.example"),
        ("GET http://other.example?q HTTP/1.1", "/?q", "other.example"),
        ("OPTIONS * HTTP/1.1", "*", "h"),
        ("OPTIONS http://other.example HTTP/1.1", "*", "other.example"),
        ("OPTIONS / HTTP/1.1", "/", "h"),
    ] {
        let (seen, got) = pass(&scene, &origin, &format!("{line}\nHost: h\n"));
        assert_eq!(got.status, 200, "{line}");
        assert_eq!((&*seen.target, &*seen.version), (target, "HTTP/1.1"), "{line}");
        assert_eq!(seen.fields.all("host").collect::<Vec<_>>(), [host], "{line}");
    }
}

#[test]
fn the_host_is_passed_on_or_replaced() {
    let origin = Origin::start("only");
    let address = origin.address().to_string();
    for (policy, expected) in [
        (HostPolicy::Preserve, "h.example:8080"),
        (HostPolicy::Endpoint, &*address),
        (HostPolicy::Fixed("fixed.example".into()), "fixed.example"),
    ] {
        let scene = Setup::new().policy(|pool| pool.host = policy).start(&[origin.address()]);
        let (seen, _) = pass(&scene, &origin, "GET / HTTP/1.1\nHost: h.example:8080\n");
        assert_eq!(seen.fields.all("host").collect::<Vec<_>>(), [expected]);
        // What the client asked for is not lost.
        assert_eq!(seen.fields.first("x-forwarded-host"), Some("h.example:8080"));
    }
}

#[test]
fn fields_of_this_hop_end_here_and_protected_ones_do_not() {
    let origin = Origin::start("only");
    origin.answer(
        Answer::ok()
            .field("Connection", "X-Private, keep-alive, Set-Cookie")
            .field("X-Private", "1")
            .field("Keep-Alive", "timeout=5")
            .field("Proxy-Connection", "x")
            .field("Upgrade", "h2c")
            .field("Set-Cookie", "a")
            .field("Set-Cookie", "b")
            .field("X-Kept", "1"),
    );
    let scene = bare().start(&[origin.address()]);
    let (seen, got) = pass(
        &scene,
        &origin,
        "GET / HTTP/1.1\nHost: h\nX-Kept: 1\n\
         Connection: close, X-Private, Cookie, Host, Authorization, X-Forwarded-For, X-Request-Id\n\
         X-PRIVATE: 1\nKeep-Alive: 1\nProxy-Connection: x\nProxy-Authorization: p\nTE: gzip\n\
         Cookie: c\nAuthorization: a\nX-Forwarded-For: 1.1.1.1\nX-Request-Id: 7\n",
    );
    assert_eq!(
        list(&seen.fields),
        [
            "Host: h",
            "X-Kept: 1",
            "Cookie: c",
            "Authorization: a",
            "X-Forwarded-For: 1.1.1.1",
            "X-Request-Id: 7"
        ]
    );
    for name in ["x-private", "keep-alive", "proxy-connection", "upgrade"] {
        assert!(!got.fields.has(name), "{name}: {got:?}");
    }
    assert_eq!(got.field("x-kept"), Some("1"));
}

#[test]
fn a_client_that_takes_trailers_is_vouched_for() {
    let origin = Origin::start("only");
    let scene = bare().start(&[origin.address()]);
    let (seen, _) =
        pass(&scene, &origin, "GET / HTTP/1.1\nHost: h\nTE: trailers, gzip\nConnection: TE\n");
    assert_eq!(list(&seen.fields), ["Host: h", "TE: trailers", "Connection: TE"]);
}

#[test]
fn forwarding_fields_follow_the_policy() {
    let origin = Origin::start("only");
    let claims = "GET / HTTP/1.1\nHost: h\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-Proto: https\n\
                  X-Forwarded-Host: claimed\nX-Real-IP: 1.1.1.1\nForwarded: for=1.1.1.1\n\
                  X-Forwarded-Client-Cert: Subject=admin\n";
    let replaced: &[_] =
        &["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: h"];
    let appended: &[_] = &[
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: claimed",
        "X-Real-IP: 1.1.1.1",
        "Forwarded: for=1.1.1.1",
        "X-Forwarded-Client-Cert: Subject=admin",
        "X-Forwarded-For: 1.1.1.1, 127.0.0.1",
    ];
    let untouched: &[_] = &[
        "X-Forwarded-For: 1.1.1.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: claimed",
        "X-Real-IP: 1.1.1.1",
        "Forwarded: for=1.1.1.1",
        "X-Forwarded-Client-Cert: Subject=admin",
    ];
    for (mode, trusted, expected) in [
        (ForwardedMode::Replace, None, replaced),
        (ForwardedMode::Replace, Some("10.0.0.0/8"), replaced),
        (ForwardedMode::Replace, Some("127.0.0.0/8"), appended),
        (ForwardedMode::Append, None, appended),
        (ForwardedMode::Off, None, untouched),
    ] {
        let change = |policy: &mut ForwardedPolicy| {
            policy.mode = mode;
            policy.request_id = false;
            policy.trusted_proxies = trusted.and_then(Cidr::parse).into_iter().collect();
        };
        let scene = Setup::new().forwarded(change).start(&[origin.address()]);
        let (seen, _) = pass(&scene, &origin, claims);
        let mut fields = list(&seen.fields);
        assert_eq!(fields.remove(0), "Host: h");
        assert_eq!(fields, expected, "{mode:?} {trusted:?}");
    }
}

#[test]
fn via_tells_both_sides_by_whom_and_in_which_version() {
    let origin = Origin::start("only");
    let scene = bare().forwarded(|policy| policy.via = true).start(&[origin.address()]);
    origin.answer(Answer::ok().field("Via", "1.1 inner"));
    let (seen, got) = pass(&scene, &origin, "GET / HTTP/1.0\nHost: h\nVia: 1.0 outer\n");
    assert_eq!(seen.fields.all("via").collect::<Vec<_>>(), ["1.0 outer", "1.0 roundel"]);
    assert_eq!(got.fields.all("via").collect::<Vec<_>>(), ["1.1 inner", "1.1 roundel"]);
    origin.answer(Answer::ok().http_1_0());
    let (seen, got) = pass(&scene, &origin, "GET / HTTP/1.1\nHost: h\n");
    assert_eq!(seen.fields.all("via").collect::<Vec<_>>(), ["1.1 roundel"]);
    assert_eq!(got.fields.all("via").collect::<Vec<_>>(), ["1.0 roundel"]);
}

#[test]
fn a_request_id_is_kept_or_made() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let long = "x".repeat(200);
    let id_of = |field: &str| {
        let (seen, _) = pass(&scene, &origin, &format!("GET / HTTP/1.1\nHost: h\n{field}"));
        let ids: Vec<_> = seen.fields.all("x-request-id").map(str::to_owned).collect();
        assert_eq!(ids.len(), 1, "{field}: {ids:?}");
        ids[0].clone()
    };
    assert_eq!(id_of("X-Request-Id: abc-123\n"), "abc-123");
    let mut made = Vec::new();
    for field in ["", "X-Request-Id: a b\n", "X-Request-Id: a\"b\n", "X-Request-Id:\n"] {
        made.push(id_of(field));
    }
    made.push(id_of(&format!("X-Request-Id: {long}\n")));
    assert!(made.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 5);
}

#[test]
fn an_attempt_and_the_error_that_follows_have_one_request_id() {
    let origin = Origin::start("only");
    origin.answer(Answer::raw("nonsense\r\n\r\n"));
    let scene = Setup::new().start(&[origin.address()]);
    for field in ["", "X-Request-Id: mine\n"] {
        for accept in ["", "Accept: application/json\n"] {
            let lines = format!("GET / HTTP/1.1\nHost: h\n{field}{accept}");
            let (seen, got) = pass(&scene, &origin, &lines);
            assert_eq!(got.status, 502);
            let id = seen.fields.first("x-request-id").unwrap();
            assert_eq!(got.field("x-request-id"), Some(id));
            assert_eq!(
                accept.is_empty(),
                !got.text().contains(&format!("\"request_id\":\"{id}\""))
            );
        }
    }
}

/// RFC 9110 §7.6.2.
#[test]
fn max_forwards_counts_the_hops_of_options_alone() {
    let origin = Origin::start("only");
    let scene = bare().start(&[origin.address()]);
    for (line, value, expected) in [
        ("OPTIONS * HTTP/1.1", "1", "0"),
        ("OPTIONS /a HTTP/1.1", "10", "9"),
        ("OPTIONS /a HTTP/1.1", "many", "many"),
        ("GET /a HTTP/1.1", "0", "0"),
    ] {
        let (seen, got) =
            pass(&scene, &origin, &format!("{line}\nHost: h\nMax-Forwards: {value}\n"));
        assert_eq!(got.status, 200);
        assert_eq!(seen.fields.all("max-forwards").collect::<Vec<_>>(), [expected], "{line}");
    }
    let before = origin.request_count();
    let mut client = scene.client();
    client.request("OPTIONS", "*", &[("Max-Forwards", "0")], b"").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.keeps_alive(), got.body.len()), (204, true, 0));
    assert_eq!(origin.request_count(), before);
    assert_eq!(client.get("/").status, 200);
}
