//! What is let through, by fields and times.

use axum::body::Body;

use super::*;

fn request(method: Method, target: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer("192.0.2.7".parse().unwrap()));
    request
}

fn verdict(guard: &Guard, request: &Request) -> Result<(), Kind> {
    guard.judge(request, Instant::now()).map_err(|problem| problem.kind)
}

#[test]
fn without_a_token_the_host_decides() {
    let guard = Guard::new(None);
    for (target, hosts, expected) in [
        ("/", &["127.0.0.1:8090"][..], Ok(())),
        ("/", &["evil.example"], Err(Kind::Host)),
        ("/", &[], Err(Kind::Host)),
        ("/", &["127.0.0.1", "127.0.0.1"], Err(Kind::Host)),
        ("http://127.0.0.1:8090/", &["127.0.0.1:8090"], Ok(())),
        ("http://evil.example/", &["127.0.0.1:8090"], Err(Kind::Host)),
    ] {
        let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let request = request(Method::GET, target, &fields);
        assert_eq!(verdict(&guard, &request), expected, "{target} {hosts:?}");
    }
}

fn guard_with_token() -> Guard {
    Guard::new(Some(Token::from_text("s3cret")))
}

#[test]
fn with_a_token_the_token_decides() {
    let guard = guard_with_token();
    for (fields, expected) in [
        (&[("host", "127.0.0.1")][..], Err(Kind::Token)),
        (&[("host", "127.0.0.1"), ("authorization", "Bearer x")], Err(Kind::Token)),
        (&[("host", "127.0.0.1"), ("authorization", "Bearer s3cret")], Ok(())),
        (&[("host", "roundel:8090"), ("authorization", "Bearer s3cret")], Ok(())),
    ] {
        let request = request(Method::GET, "/", fields);
        assert_eq!(verdict(&guard, &request), expected, "{fields:?}");
    }
}

#[test]
fn after_ten_wrong_tokens_guesses_wait_and_the_right_one_does_not() {
    let guard = guard_with_token();
    let now = Instant::now();
    let ask = |token: &str, now| {
        let request = request(Method::GET, "/", &[("authorization", token)]);
        guard.judge(&request, now).map_err(|problem| (problem.kind, problem.retry_after))
    };
    for _ in 0..10 {
        assert_eq!(ask("Bearer guess", now), Err((Kind::Token, None)));
    }
    assert_eq!(ask("Bearer guess", now), Err((Kind::TooMany, Some(2))));
    assert_eq!(ask("Bearer s3cret", now), Ok(()));
    assert_eq!(ask("Bearer guess", now), Err((Kind::TooMany, Some(2))), "it forgives nothing");
    assert_eq!(ask("Bearer guess", now + Duration::from_secs(2)), Err((Kind::Token, None)));
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let guard = Guard::new(None);
    let host = ("host", "localhost:8090");
    for (fields, reads, changes) in [
        (&[host][..], Ok(()), Ok(())),
        (&[host, ("origin", "http://localhost:8090")], Ok(()), Ok(())),
        (&[host, ("origin", "http://localhost:8091")], Err(Kind::Origin), Err(Kind::Origin)),
        (&[host, ("origin", "https://evil.example")], Err(Kind::Origin), Err(Kind::Origin)),
        (&[host, ("origin", "null")], Err(Kind::Origin), Err(Kind::Origin)),
        (&[host, ("sec-fetch-site", "same-origin")], Ok(()), Ok(())),
        (&[host, ("sec-fetch-site", "none")], Ok(()), Ok(())),
        (&[host, ("sec-fetch-site", "cross-site")], Ok(()), Err(Kind::Origin)),
        (&[host, ("sec-fetch-site", "same-site")], Ok(()), Err(Kind::Origin)),
    ] {
        for (method, expected) in [(Method::GET, reads), (Method::POST, changes)] {
            let request = request(method.clone(), "/", fields);
            assert_eq!(verdict(&guard, &request), expected, "{method} {fields:?}");
        }
    }
}

#[test]
fn changes_are_limited_and_reads_are_not() {
    let guard = Guard::new(None);
    let now = Instant::now();
    let ask_for = |method, target| {
        let request = request(method, target, &[("host", "localhost")]);
        guard.judge(&request, now).map_err(|problem| (problem.kind, problem.retry_after))
    };
    let ask = |method| ask_for(method, "/");
    let passed = (0..60).filter(|_| ask(Method::PATCH).is_ok()).count();
    assert_eq!(passed, 50);
    assert_eq!(ask(Method::DELETE), Err((Kind::TooMany, Some(1))));
    assert_eq!(ask(Method::GET), Ok(()));
    let passed = (0..60).filter(|_| ask_for(Method::POST, CHECK_PATH).is_ok()).count();
    assert_eq!(passed, 20, "checks have a budget of their own");
}
