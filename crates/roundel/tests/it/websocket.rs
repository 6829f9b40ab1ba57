//! WebSocket connections (RFC 6455) through the balancer, which knows only that they are tunnels.

use std::io::Write as _;

use roundel_testkit::{Answer, Origin, RawClient, Step, eventually};

use crate::scene::{NO_CHECK, SOON, Scene, one};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// The client's side of a WebSocket.
struct Socket(RawClient);

impl Socket {
    /// Shakes hands with the example of RFC 6455 §1.3, whose answer is known.
    #[track_caller]
    fn open(mut client: RawClient) -> Self {
        let fields = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        client.request("GET", "/chat", &fields, b"").unwrap();
        let (status, fields) = client.read_head().unwrap();
        assert_eq!(status, 101);
        assert_eq!(fields.first("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(fields.first("upgrade"), Some("websocket"));
        assert!(fields.has_token("connection", "upgrade"), "{fields:?}");
        Self(client)
    }

    fn send(&mut self, first: u8, payload: &[u8]) {
        self.0.send(frame(first, payload)).unwrap();
    }

    /// Reads the next frame, which servers do not mask.
    #[track_caller]
    fn read(&mut self) -> (u8, Vec<u8>) {
        let start = self.0.read_exact(2).unwrap();
        let length = match start[1] {
            126 => number(&self.0.read_exact(2).unwrap()),
            127 => number(&self.0.read_exact(8).unwrap()),
            short => usize::from(short),
        };
        (start[0], self.0.read_exact(length).unwrap())
    }

    #[track_caller]
    fn echo(&mut self, first: u8, payload: &[u8]) {
        self.send(first, payload);
        let (answer, echo) = self.read();
        assert_eq!(answer, first);
        assert!(echo == payload, "an echo of {} bytes differs", payload.len());
    }

    /// Closes as RFC 6455 §7.1.2 wants it.
    #[track_caller]
    fn close(mut self) {
        let normal = 1000_u16.to_be_bytes();
        self.send(CLOSE, &normal);
        assert_eq!(self.read(), (CLOSE, normal.to_vec()));
        assert_eq!(self.0.read_to_close().unwrap(), b"");
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// A masked frame, as clients send them.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            bytes.push(0xFE);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0xFF);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

fn chat() -> (Origin, Scene) {
    let origin = Origin::start("a");
    origin.on("/chat", Answer::sequence(vec![Step::EchoWebSocket]));
    let scene = Scene::start(&one(&origin), &[NO_CHECK]);
    (origin, scene)
}

#[test]
fn messages_of_every_size_come_back() {
    let (_origin, scene) = chat();
    let mut socket = Socket::open(scene.balancer.client());
    for number in 0..1000 {
        socket.echo(TEXT, format!("message {number}").as_bytes());
    }
    for length in [0, 125, 126, 65_535, 65_536, 1 << 20] {
        socket.echo(BINARY, &vec![0xA5; length]);
    }
    socket.send(PING, b"there?");
    assert_eq!(socket.read(), (PONG, b"there?".to_vec()));
    socket.close();
}

#[test]
fn many_messages_may_be_under_way_at_once() {
    let (_origin, scene) = chat();
    let mut socket = Socket::open(scene.balancer.client());
    let sent: Vec<u8> = (0..1000_u32).flat_map(|n| frame(BINARY, &n.to_be_bytes())).collect();
    socket.0.send(sent).unwrap();
    for number in 0..1000_u32 {
        assert_eq!(socket.read(), (BINARY, number.to_be_bytes().to_vec()));
    }
    socket.close();
}

/// A client may not wait for the 101 before it sends its first frame along with the handshake.
#[test]
fn what_comes_with_the_handshake_is_not_lost() {
    let (_origin, scene) = chat();
    let mut client = scene.balancer.client();
    let mut bytes =
        b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_vec();
    bytes.write_all(&frame(TEXT, b"early")).unwrap();
    client.send(bytes).unwrap();
    assert_eq!(client.read_head().unwrap().0, 101);
    let mut socket = Socket(client);
    assert_eq!(socket.read(), (TEXT, b"early".to_vec()));
    socket.close();
}

#[test]
fn a_connection_survives_a_reload_and_is_counted_while_it_lasts() {
    let (origin, scene) = chat();
    let mut sockets: Vec<_> = (0..8).map(|_| Socket::open(scene.balancer.client())).collect();
    let open = r#"roundel_listener_tunnels_open{listener="web"}"#;
    eventually(SOON, "all tunnels are counted", || {
        (scene.metric(open), scene.state("a").in_flight) == (8, 8)
    });
    let successor = Origin::start("b");
    scene.reload(&one(&successor), &[NO_CHECK]);
    assert_eq!(scene.turns(1), ["b"]);
    for socket in &mut sockets {
        socket.echo(TEXT, b"still here");
    }
    drop(sockets);
    eventually(SOON, "no tunnel is left", || scene.metric(open) == 0);
    eventually(SOON, "the origin has noticed", || origin.open_connections() == 0);
}

#[test]
fn a_refused_handshake_is_an_ordinary_answer() {
    let origin = Origin::start("a");
    origin.on("/chat", Answer::status(403).body("members only"));
    let scene = Scene::start(&one(&origin), &[NO_CHECK]);
    let mut client = scene.balancer.client();
    let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    client.request("GET", "/chat", &fields, b"").unwrap();
    let answer = client.read_response().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (403, "members only"));
    assert_eq!(client.get("/").status, 200, "the connection is kept");
}
