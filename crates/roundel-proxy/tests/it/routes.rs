//! What happens to a request that no endpoint is asked about.

use roundel_core::end::EndReason as E;
use roundel_core::route::{Action, FixedResponse, PathMatcher, Route};
use roundel_testkit::{Answer, Origin, Response, eventually};

use crate::scene::{PATIENCE, Scene, Setup, route};

fn on(called: &str, path: &str, action: Action) -> Route {
    let mut route = route(called, "a.example", action);
    route.matcher.path = PathMatcher::prefix(path).unwrap();
    route
}

fn redirect(status: u16, location: &str, keep_path: bool) -> Action {
    Action::Redirect { status, location: location.into(), keep_path }
}

fn respond(status: u16, body: &str) -> Action {
    let headers = vec![("X-Fixed".to_owned(), "1".to_owned())];
    Action::Respond(FixedResponse { status, headers, body: body.to_owned() }.into())
}

fn site(origin: &Origin) -> Scene {
    let mut limited = on("limited", "/limited", Action::Pool(0));
    limited.matcher.methods = vec!["GET".to_owned(), "POST".to_owned()];
    Setup::new()
        .workers(1)
        .routes([
            on("app", "/app", Action::Pool(0)),
            limited,
            on("moved", "/moved", redirect(308, "https://b.example", true)),
            on("gone", "/gone", redirect(302, "/app", false)),
            on("teapot", "/fixed", respond(418, "short and stout\n")),
            on("empty", "/empty", respond(204, "not to be sent")),
            on("stats", "/stats", Action::Stats),
        ])
        .start(&[origin.address()])
}

fn ask(scene: &Scene, method: &str, target: &str, fields: &str) -> Response {
    let mut client = scene.client();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
    // The second shows that the first left the connection in order.
    client.send(head.repeat(2)).unwrap();
    let got = client.read_response_to(method).unwrap();
    assert!(got.keeps_alive(), "{target}: {got:?}");
    assert_eq!(client.read_response_to(method).unwrap().status, got.status);
    got
}

#[test]
fn requests_are_counted_by_route_and_what_fails_as_an_error() {
    let origin = Origin::start("only");
    origin.on("/app/broken", Answer::status(500));
    let scene = site(&origin);
    for target in ["/app", "/app/broken", "/limited", "/fixed", "/other"] {
        ask(&scene, "GET", target, "");
    }
    ask(&scene, "DELETE", "/limited", "");
    let requests = ["app", "limited", "teapot", "moved"].map(|route| scene.route_requests(route));
    assert_eq!(requests, [4, 2, 2, 0]);
    eventually(PATIENCE, "server errors are errors", || scene.pool(|s| s.errors.value()) == 2);
    assert_eq!(scene.listener(|shard| shard.errors.value()), 0);
}

#[test]
fn what_is_not_served_is_refused_for_its_reason_and_the_connection_goes_on() {
    let origin = Origin::start("only");
    let scene = site(&origin);
    let got = ask(&scene, "GET", "/other", "");
    assert_eq!((got.status, got.text()), (404, "No route for this path\n".into()));
    let got = ask(&scene, "DELETE", "/limited/x", "");
    assert_eq!((got.status, got.field("allow")), (405, Some("GET, HEAD, POST")));
    let got = ask(&scene, "TRACE", "/app", "");
    assert_eq!((got.status, got.field("allow").is_some()), (405, true));
    let got = ask(&scene, "GET", "http://c.example/app", "");
    assert_eq!((got.status, got.text()), (421, "This host is not served here\n".into()));
    let got = ask(&scene, "HEAD", "/other", "");
    assert_eq!((got.status, got.body.len(), got.field("content-length")), (404, 0, Some("23")));
    for (end, count) in [(E::NoRoute, 4), (E::MethodNotAllowed, 4), (E::Misdirected, 2)] {
        scene.expect_ends(end, count);
    }
    assert_eq!(origin.connection_count(), 0);
    assert_eq!(scene.pool(|shard| shard.requests.values().iter().sum::<u64>()), 0);
}

#[test]
fn refusals_are_json_for_those_who_accept_it() {
    let origin = Origin::start("only");
    let scene = site(&origin);
    for (method, target, status, end) in [
        ("GET", "/other", 404, "no_route"),
        ("DELETE", "/limited", 405, "method_not_allowed"),
        ("GET", "http://c.example/", 421, "misdirected"),
    ] {
        let got = ask(&scene, method, target, "Accept: text/x, application/json\r\n");
        assert_eq!((got.status, got.field("content-type")), (status, Some("application/json")));
        let id = got.field("x-request-id").unwrap();
        let text = got.text();
        for part in [
            format!("{{\"status\":{status},"),
            format!("\"end\":\"{end}\""),
            format!("\"request_id\":\"{id}\"}}"),
        ] {
            assert!(text.contains(&part), "{part} in {text}");
        }
        assert_eq!(got.fields.has("allow"), status == 405);
    }
}

#[test]
fn redirects_and_fixed_responses_are_as_configured() {
    let origin = Origin::start("only");
    let scene = site(&origin);
    let got = ask(&scene, "GET", "/moved/to?q=1", "");
    assert_eq!((got.status, got.field("location")), (308, Some("https://b.example/moved/to?q=1")));
    let got = ask(&scene, "GET", "/gone/a?b", "");
    assert_eq!((got.status, got.field("location")), (302, Some("/app")));
    let got = ask(&scene, "GET", "/fixed", "");
    assert_eq!((got.status, got.text()), (418, "short and stout\n".into()));
    assert_eq!(got.field("x-fixed"), Some("1"));
    let got = ask(&scene, "HEAD", "/fixed", "");
    assert_eq!((got.status, got.field("content-length")), (418, Some("16")));
    let got = ask(&scene, "GET", "/empty", "");
    assert_eq!((got.status, got.field("content-length")), (204, None));
    scene.expect_ends(E::Local, 10);
    assert_eq!(origin.connection_count(), 0);
}

#[test]
fn a_body_that_roundel_does_not_read_is_not_the_next_request() {
    let origin = Origin::start("only");
    let scene = site(&origin);
    let smuggled = "GET /app HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for target in ["/fixed", "/moved", "/other", "/stats"] {
        let mut client = scene.client();
        client.request("POST", target, &[], smuggled.as_bytes()).unwrap();
        assert!(!client.read_response().unwrap().keeps_alive(), "{target}");
        assert!(client.read_to_close().unwrap().is_empty());
    }
    assert_eq!(origin.connection_count(), 0);
}

#[test]
fn stats_are_text_or_json() {
    let origin = Origin::start("only");
    let scene = site(&origin);
    ask(&scene, "GET", "/app", "");
    let got = ask(&scene, "GET", "/stats", "");
    assert_eq!((got.status, got.text()), (200, "Server 1: 2 requests\n".into()));
    assert!(got.field("content-type").unwrap().starts_with("text/plain"));
    let got = ask(&scene, "GET", "/stats", "Accept: application/json\r\n");
    assert_eq!(got.field("content-type"), Some("application/json"));
    assert!(got.text().starts_with('{') && got.text().contains("\"Server 1\""), "{}", got.text());
}
