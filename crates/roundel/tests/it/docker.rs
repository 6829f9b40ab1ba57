//! Containers of a real engine as endpoints: scaled, updated and restarted under load, without a
//! request lost.
//!
//! The servers are those of `examples/docker-compose`. A third of the requests are POSTs, which are
//! not tried again once they may have been processed, and some take half a second, so that there is
//! always something in flight when a container is told to stop.

mod image;

use std::path::Path;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::load::Running;
use roundel_testkit::{Balancer, Call, DockerEngine, Load, TempDir, eventually};

use crate::example::wait_for_eligible;

/// Where the servers come from.
pub(crate) fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/docker-compose")
}

/// The base image of servers.
pub(crate) const PYTHON: &str = "python-of-this-machine";

/// An engine, a folder with a Compose file, and a balancer that follows the engine.
struct Stack {
    balancer: Balancer,
    folder: TempDir,
    engine: DockerEngine,
}

impl Stack {
    /// Builds the servers' image and starts `up` of these services.
    fn start(services: &str, up: &[&str], endpoints: usize) -> Self {
        let engine = DockerEngine::start();
        engine.import_python(PYTHON);
        let folder = TempDir::new();
        for name in ["server.py", "server.Dockerfile"] {
            folder.write(name, &std::fs::read_to_string(example().join(name)).unwrap());
        }
        folder.write("docker-compose.yml", services);
        let socket = engine.socket();
        let balancer = Balancer::start(&config(&socket));
        let stack = Self { balancer, folder, engine };
        stack.compose(&["build", "--build-arg", &format!("PYTHON_IMAGE={PYTHON}")]);
        stack.compose(&[&["up", "--detach"], up].concat());
        wait_for_eligible(&stack.balancer, endpoints);
        stack
    }

    fn compose(&self, arguments: &[&str]) {
        self.engine.compose(self.folder.path(), &[&["--project-name", "shop"], arguments].concat());
    }

    /// Builds an image whose server answers "the new one", with further changes to its source.
    fn build_new_image(&self, changes: &[(&str, &str)]) {
        let mut server = std::fs::read_to_string(example().join("server.py")).unwrap();
        for (old, new) in [("f\"{NAME}\\n\"", "\"the new one\\n\"")].iter().chain(changes) {
            assert!(server.contains(old), "server.py has no {old}");
            server = server.replace(old, new);
        }
        self.folder.write("server.py", &server);
        self.compose(&["build", "--build-arg", &format!("PYTHON_IMAGE={PYTHON}")]);
    }

    fn load(&self) -> Running {
        self.load_of(8)
    }

    fn load_of(&self, clients: usize) -> Running {
        let call = |n: u64| match n % 10 {
            0 | 3 => Call::post("/", "a body"),
            6 => Call::post("/slow", "a body"),
            9 => Call::get("/slow"),
            _ => Call::get("/"),
        };
        Load::new(self.balancer.address()).clients(clients).call(call).endless().start()
    }

    /// Waits until exactly these endpoints take traffic.
    #[track_caller]
    fn wait_for_names(&self, expected: &[&str]) {
        let what = format!("the endpoints are {expected:?}");
        eventually(PATIENCE * 2, &what, || {
            let mut client = roundel_testkit::RawClient::connect(self.balancer.admin());
            let metrics = client.get("/metrics").text();
            let names = metrics.lines().filter_map(|line| {
                let labels =
                    line.strip_prefix("roundel_endpoint_eligible{")?.strip_suffix("} 1")?;
                labels.split("endpoint=\"").nth(1)?.split('"').next()
            });
            names.collect::<Vec<_>>() == expected
        });
    }
}

fn config(socket: &Path) -> String {
    let socket = socket.display();
    format!(
        "[[listener]]\nname = \"web\"\naddress = \"127.0.0.1:0\"\n\n\
         [admin]\naddress = \"127.0.0.1:0\"\n\n\
         [provider.docker]\nsocket = \"{socket}\"\n\n\
         [pool.web]\ndocker = {{ service = \"web\", port = 5000 }}\n\n\
         [pool.web.health_check]\ninterval = \"1s\"\ntimeout = \"1s\"\nunhealthy_interval = \"200ms\"\n"
    )
}

/// One service, to be scaled.
const WEB: &str = "
services:
  web:
    build: { context: ., dockerfile: server.Dockerfile }
";

/// Two services that join the pool by label.
const BLUE_AND_GREEN: &str = "
services:
  blue: &server
    build: { context: ., dockerfile: server.Dockerfile }
    labels: { roundel.pool: web }
  green: *server
";

#[test]
fn scaling_up_and_down_loses_no_request() {
    let stack = Stack::start(WEB, &["--scale", "web=2"], 2);
    let load = stack.load();
    load.wait_for(50);
    for (scale, names) in [
        ("web=4", &["shop_web_1", "shop_web_2", "shop_web_3", "shop_web_4"][..]),
        ("web=1", &["shop_web_1"][..]),
        ("web=3", &["shop_web_1", "shop_web_2", "shop_web_3"][..]),
    ] {
        stack.compose(&["up", "--detach", "--scale", scale]);
        stack.wait_for_names(names);
        load.wait_for(50);
    }
    load.finish().assert_all_ok();
}

#[test]
fn a_new_image_service_by_service_loses_no_request() {
    let stack = Stack::start(BLUE_AND_GREEN, &[], 2);
    let load = stack.load();
    load.wait_for(50);
    stack.build_new_image(&[]);
    for service in ["blue", "green"] {
        stack.compose(&["up", "--detach", "--no-deps", service]);
        stack.wait_for_names(&["shop_blue_1", "shop_green_1"]);
        load.wait_for(50);
    }
    load.finish().assert_all_ok();
    for _ in 0..4 {
        assert_eq!(stack.balancer.client().get("/").text(), "the new one\n");
    }
}

#[test]
fn a_new_image_for_all_containers_at_once_loses_no_request() {
    let stack = Stack::start(WEB, &["--scale", "web=3"], 3);
    let load = stack.load_of(32);
    load.wait_for(200);
    // A program that does not listen before some time after its container is called running.
    let listens = "    server = ThreadingHTTPServer";
    stack.build_new_image(&[(listens, &format!("    time.sleep(2)\n{listens}"))]);
    stack.compose(&["up", "--detach", "--scale", "web=3"]);
    eventually(PATIENCE * 2, "the new containers answer", || {
        stack.balancer.client().get("/").text() == "the new one\n"
    });
    load.wait_for(200);
    load.finish().assert_all_ok();
    for _ in 0..6 {
        assert_eq!(stack.balancer.client().get("/").text(), "the new one\n");
    }
}

#[test]
fn an_engine_that_restarts_loses_no_request() {
    let mut stack = Stack::start(WEB, &["--scale", "web=2"], 2);
    let load = stack.load();
    load.wait_for(50);
    stack.engine.suspend();
    stack.balancer.wait_for_line("provider lost: its endpoints stay as last known");
    load.wait_for(100);
    stack.engine.resume();
    stack.balancer.wait_for_line("provider answers");
    stack.compose(&["up", "--detach", "--scale", "web=3"]);
    stack.wait_for_names(&["shop_web_1", "shop_web_2", "shop_web_3"]);
    load.wait_for(50);
    load.finish().assert_all_ok();
}
