//! What curl can do, through the balancer, and what it cannot do, by hand.

use std::process::Command;

use roundel_testkit::{Answer, Origin, RawClient, TempDir, fingerprint};

use crate::scene::{NO_CHECK, Scene, one};

/// One origin behind the balancer.
struct Site {
    origin: Origin,
    scene: Scene,
}

impl Site {
    fn start() -> Self {
        let origin = Origin::start("a");
        let scene = Scene::start(&one(&origin), &[NO_CHECK]);
        Self { origin, scene }
    }

    /// What curl prints when asked for `path` with these arguments.
    #[track_caller]
    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let url = format!("http://{}{path}", self.scene.balancer.address());
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20"])
            .args(arguments)
            .arg(url)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn http_1_0_is_answered_in_kind_also_by_a_chunked_origin() {
    let site = Site::start();
    assert_eq!(site.curl(&["-0"], "/"), "Hello from a\n");
    site.origin.answer(Answer::ok().body("in parts").chunked().in_parts_of(3));
    let answer = site.curl(&["-0", "-i"], "/");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "in parts");
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(site.origin.requests()[1].version, "HTTP/1.1", "upstream is our own business");
}

#[test]
fn a_head_is_answered_without_a_body_and_with_its_length() {
    let site = Site::start();
    let head = site.curl(&["-I"], "/").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("content-length: 13\r\n"), "{head}");
    assert_eq!(site.origin.requests()[0].method, "HEAD");
}

#[test]
fn an_upload_waits_for_the_origin_to_want_it() {
    let site = Site::start();
    let directory = TempDir::new();
    let text = "0123456789abcdef".repeat(256 * 1024);
    let file = directory.write("upload", &text);
    let file = file.to_str().unwrap();
    site.origin.answer(Answer::ok().body("thanks"));
    for arguments in [
        &["-T", file, "-H", "Expect: 100-continue"][..],
        &["-T", file, "-H", "Expect:"],
        &["-T", file, "-H", "Transfer-Encoding: chunked"],
        &["-T", file, "-0"],
    ] {
        assert_eq!(site.curl(arguments, "/file"), "thanks", "{arguments:?}");
        let seen = site.origin.requests().pop().unwrap();
        assert_eq!(seen.body_bytes, text.len() as u64, "{arguments:?}");
        assert_eq!(seen.body_fingerprint, fingerprint(text.as_bytes()), "{arguments:?}");
    }
    let first = &site.origin.requests()[0];
    assert!(first.fields.has_token("expect", "100-continue"), "{:?}", first.fields);

    // An origin that does not want it says so before the body is on its way.
    site.origin.answer(Answer::status(413).early().close());
    // Curl would send it unasked after a second.
    let waits = ["--expect100-timeout", "20", "-H", "Expect: 100-continue"];
    let arguments = [&["-T", file, "-o", "/dev/null"], &waits[..], &["-w"]].concat();
    let answer = site.curl(&[&arguments[..], &["%{http_code} %{size_upload}"]].concat(), "/file");
    assert_eq!(answer, "413 0");
}

#[test]
fn a_path_that_servers_read_differently_is_refused() {
    let site = Site::start();
    for path in ["/a/../b", "/a/./b", "/..", "/a/%2e%2e/b", "/a/%2E./b"] {
        let answer = site.curl(&["-i", "--path-as-is"], path);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    for path in ["/a/...", "/.well-known/x", "/a..b", "/?q=../x"] {
        assert_eq!(site.curl(&["--path-as-is"], path), "Hello from a\n", "{path}");
    }
    let seen: Vec<String> = site.origin.requests().into_iter().map(|r| r.target).collect();
    assert_eq!(seen, ["/a/...", "/.well-known/x", "/a..b", "/?q=../x"]);
}

#[test]
fn compressed_content_passes_as_it_is() {
    let site = Site::start();
    // `hello, hello, hello\n` by gzip.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\xb8\x00\xe7\x42\x6e\x52\x14\x00\x00\x00";
    site.origin.answer(Answer::ok().field("Content-Encoding", "gzip").body(*gzip));
    assert_eq!(site.curl(&["--compressed"], "/"), "hello, hello, hello\n");
    let seen = &site.origin.requests()[0];
    assert!(seen.fields.has_token("accept-encoding", "gzip"), "{:?}", seen.fields);
    assert_eq!(site.scene.balancer.client().get("/").body, gzip);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = Site::start();
    site.origin.respond(|request| Some(Answer::ok().body(request.target.clone())));
    let mut client = site.scene.balancer.client();
    let request = |n: usize| match n % 3 {
        0 => format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"),
        1 => format!("POST /{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
        _ => format!(
            "POST /{n} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nGET\r\n0\r\n\r\n"
        ),
    };
    client.send((0..90).map(request).collect::<Vec<_>>().concat()).unwrap();
    for number in 0..90 {
        assert_eq!(client.read_response().unwrap().text(), format!("/{number}"));
    }
}

#[test]
fn trailers_pass_both_ways() {
    let site = Site::start();
    let digest = "sha-256=:x:";
    site.origin
        .answer(Answer::ok().body("data").field("Trailer", "Digest").trailer("Digest", digest));
    let mut client = site.scene.balancer.client();
    client
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n",
        )
        .unwrap();
    let answer = client.read_response().unwrap();
    assert_eq!((answer.text().as_str(), answer.trailers.first("digest")), ("data", Some(digest)));
    let seen = site.origin.requests().pop().unwrap();
    assert_eq!((seen.body_bytes, seen.trailers.first("x-sum")), (4, Some("42")));
}

#[test]
fn interim_answers_reach_the_client() {
    let site = Site::start();
    let link = [("Link", "</style.css>; rel=preload")];
    site.origin.answer(Answer::ok().interim(103, &link).body("page"));
    let answer = site.curl(&["-i"], "/");
    assert!(answer.starts_with("HTTP/1.1 103 "), "{answer}");
    assert!(answer.contains("style.css") && answer.ends_with("page"), "{answer}");
}

#[test]
fn one_connection_serves_many_requests() {
    let site = Site::start();
    let url = format!("http://{}/[1-50]", site.scene.balancer.address());
    let output = Command::new("curl").args(["-sS", &url]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "Hello from a\n".repeat(50));
    let connections = r#"roundel_listener_connections_total{listener="web"}"#;
    assert_eq!(site.scene.metric(connections), 1);
    assert_eq!(site.origin.connection_count(), 1);
    assert_eq!(RawClient::connect(site.scene.balancer.address()).get("/x").status, 200);
}
