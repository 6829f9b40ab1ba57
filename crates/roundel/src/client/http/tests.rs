//! What is understood of answers, and what is refused.

use super::*;

/// Gives a few bytes at a time, so that every border falls somewhere inside.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

fn answer(bytes: &[u8], step: usize, max: usize) -> Result<(u16, String, String), String> {
    let response = read_response(Drip(bytes, step)).map_err(|error| error.to_string())?;
    let body = response.body.read_all(max).map_err(|error| error.to_string())?;
    Ok((response.status, response.kind, String::from_utf8(body).unwrap()))
}

#[track_caller]
fn check(bytes: &str, expected: Result<(u16, &str, &str), &str>) {
    for step in [1, 2, 7, 100_000] {
        let expected = expected
            .map(|(status, kind, body)| (status, kind.to_owned(), body.to_owned()))
            .map_err(str::to_owned);
        assert_eq!(answer(bytes.as_bytes(), step, 1000), expected, "in steps of {step}: {bytes}");
    }
}

#[test]
fn each_framing_is_read_to_its_end() {
    check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, "", "")));
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok((200, "", "hello")));
    check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Ok((200, "", "")));
    check("HTTP/1.0 200 OK\r\n\r\nuntil the end", Ok((200, "", "until the end")));
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: Application/JSON; charset=utf-8\r\n\r\n\
         3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n",
        Ok((200, "application/json", "hello")),
    );
}

#[test]
fn interim_answers_are_passed_over_but_not_without_end() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    check(&format!("{interim}{interim}{last}"), Ok((200, "", "ok")));
    let endless = format!("{}{last}", interim.repeat(20));
    check(&endless, Err("the answer is not HTTP: malformed status line"));
}

#[test]
fn what_is_not_an_answer_is_refused() {
    let truncated = "the connection ended before the answer did";
    for (bytes, error) in [
        ("", truncated),
        ("HTTP/1.1 200 OK\r\nContent-Le", truncated),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", truncated),
        ("SSH-2.0-OpenSSH_9\r\n\r\n", "the answer is not HTTP: malformed status line"),
        ("HTTP/2 200 OK\r\n\r\n", "the answer is not HTTP: malformed status line"),
        ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "the answer is not HTTP: malformed field"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "the answer is not HTTP: ambiguous or malformed body framing",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
            "the answer's body is broken: malformed chunk",
        ),
    ] {
        check(bytes, Err(error));
    }
}

#[test]
fn heads_and_bodies_are_bounded() {
    let head = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(20_000));
    check(&head, Err("the answer is not HTTP: response head too large"));
    let body = "x".repeat(1001);
    let framed = format!("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n{body}");
    check(&framed, Err("the answer is longer than 1000 bytes"));
    check(&format!("HTTP/1.1 200 OK\r\n\r\n{body}"), Err("the answer is longer than 1000 bytes"));
}

#[test]
fn a_request_says_what_is_wanted_and_its_length() {
    let request = Request {
        method: "GET",
        target: "/api/v1/state",
        accept: "application/json",
        authorization: None,
        last_event_id: None,
        body: None,
    };
    let text = |request: Request<'_>| String::from_utf8(request.bytes("127.0.0.1:1")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text(request),
        format!(
            "GET /api/v1/state HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\
             User-Agent: roundel/{version}\r\nAccept: application/json\r\n\r\n"
        )
    );
    let post = Request { method: "POST", body: Some(b"{}"), ..request };
    assert!(text(post).ends_with("Content-Length: 2\r\n\r\n{}"), "{}", text(post));
    let empty = Request { method: "DELETE", ..request };
    assert!(text(empty).ends_with("Content-Length: 0\r\n\r\n"), "{}", text(empty));
    let stream =
        Request { authorization: Some("Bearer secret"), last_event_id: Some(7), ..request };
    assert!(text(stream).contains("Authorization: Bearer secret\r\nLast-Event-ID: 7\r\n"));
}
