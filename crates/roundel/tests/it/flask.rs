//! Six real Flask servers, the `requests` library and curl: the setting people try first.

use std::collections::BTreeMap;
use std::process::Command;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::ports::Refusing;
use roundel_testkit::python::FlaskServer;
use roundel_testkit::{Python, eventually};

use crate::scene::{CHECK, Scene};

/// Six servers called as in the rotation that people count by.
struct Six {
    python: Python,
    servers: BTreeMap<usize, FlaskServer>,
    /// Holds the servers' ports, also while one of them is dead.
    _ports: BTreeMap<usize, Refusing>,
    scene: Scene,
}

impl Six {
    fn start() -> Self {
        let python = Python::prepare();
        let ports: BTreeMap<_, _> = (1..=6).map(|number| (number, Refusing::bind())).collect();
        let start = |number: usize| {
            let port = ports[&number].address().port();
            (number, python.serve_on(&format!("Server {number}"), port))
        };
        let servers: BTreeMap<_, _> = std::thread::scope(|scope| {
            let starts: Vec<_> = (1..=6).map(|n| scope.spawn(move || start(n))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let entry = |(number, server): (&usize, &FlaskServer)| {
            format!("{{ name = \"Server {number}\", address = \"{}\" }}", server.address())
        };
        let endpoints: Vec<String> = servers.iter().map(entry).collect();
        let scene = Scene::start(&endpoints, &[CHECK]);
        for number in 1..=6 {
            scene.wait_health(&format!("Server {number}"), "healthy");
        }
        Self { python, servers, _ports: ports, scene }
    }

    fn url(&self) -> String {
        format!("http://{}", self.scene.balancer.address())
    }

    /// Runs Python with `url` and `requests` at hand.
    #[track_caller]
    fn run(&self, source: &str) -> String {
        let source = format!("import hashlib, requests, sys\nurl = sys.argv[1]\n{source}");
        let output = self.python.run(&source, &[&self.url()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The greetings of as many requests on one connection.
    #[track_caller]
    fn greetings(&self, count: usize) -> Vec<String> {
        let mut client = self.scene.balancer.client();
        let greet = |_| {
            let response = client.get("/");
            assert_eq!(response.status, 200, "{}", response.text());
            response.text().trim().to_owned()
        };
        (0..count).map(greet).collect()
    }
}

fn hello(number: usize) -> String {
    format!("Hello from Server {number}")
}

#[test]
fn six_servers_take_turns_and_are_counted() {
    let six = Six::start();
    let curl = |_| {
        let output = Command::new("curl").args(["-sS", &six.url()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let turns: Vec<String> = (0..12).map(curl).collect();
    assert_eq!(turns, (1..=6).chain(1..=6).map(hello).collect::<Vec<_>>());
    let stats = six.scene.admin("/stats", "text/plain").text();
    let expected: Vec<String> = (1..=6).map(|n| format!("Server {n}: 2 requests")).collect();
    assert_eq!(stats.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn requests_gets_through_what_it_sends_and_back() {
    let six = Six::start();
    let session = six.run(
        "session = requests.Session()\n\
         for _ in range(12): print(session.get(url).text, end='')",
    );
    let expected: Vec<String> = (1..=6).chain(1..=6).map(hello).collect();
    assert_eq!(session.lines().collect::<Vec<_>>(), expected);
    let connections = r#"roundel_listener_connections_total{listener="web"}"#;
    assert_eq!(six.scene.metric(connections), 1, "one connection, twelve requests");

    let json = six.run(
        "r = requests.post(url + '/json', json={'q': [1, 'zwei', None]})\n\
         print(r.status_code, r.json()['received'], r.headers['content-type'])",
    );
    assert_eq!(json.trim(), "200 {'q': [1, 'zwei', None]} application/json");

    let bodies = six.run(
        "body = bytes(range(256)) * 4096\n\
         def parts():\n    for at in range(0, len(body), 50000): yield body[at:at + 50000]\n\
         for data in body, parts():\n\
         \x20   r = requests.post(url + '/upload', data=data).json()\n\
         \x20   assert r == {'bytes': 1 << 20, 'sha256': hashlib.sha256(body).hexdigest()}, r\n\
         assert requests.get(url + '/download/1048576').content == body\n\
         r = requests.get(url + '/download/1048576', stream=True)\n\
         assert b''.join(r.iter_content(7000)) == body\n\
         assert requests.head(url + '/download/1048576').headers['content-length'] == '1048576'\n\
         print('same')",
    );
    assert_eq!(bodies.trim(), "same");
}

#[test]
fn a_killed_server_is_missed_by_nobody_and_taken_back() {
    let mut six = Six::start();
    assert_eq!(six.greetings(6), (1..=6).map(hello).collect::<Vec<_>>());
    let third = six.servers.remove(&3).unwrap();
    let port = third.address().port();
    drop(third);
    let greetings = six.greetings(20);
    assert!(!greetings.contains(&hello(3)), "{greetings:?}");
    six.scene.wait_health("Server 3", "unhealthy");

    six.servers.insert(3, six.python.serve_on("Server 3", port));
    six.scene.wait("Server 3", "back in traffic", |state| state.is_eligible);
    eventually(PATIENCE, "it has its turn again", || {
        let mut greetings = six.greetings(6);
        greetings.sort();
        greetings == (1..=6).map(hello).collect::<Vec<_>>()
    });
}
