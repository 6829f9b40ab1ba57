//! The examples of `docs/reference/api.md`, run as they stand there, but for the port.

use std::process::Command;

use roundel_testkit::balancer::binary;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, TempDir, eventually};

use crate::api::Api;
use crate::site::{ADMIN, CHECK, NO_CHECK, web};

const PAGE: &str = include_str!("../../../../docs/reference/api.md");

/// What curl's exit status says of a stream that it was told to leave.
const LEFT: i32 = 28;

fn configuration() -> String {
    let command =
        format!("[{:?}, \"demo-server\", \"{{name}}\", \"{{port}}\"]", binary().display());
    format!(
        "{ADMIN}{}[pool.api]\nendpoints = [{{ name = \"one\", address = \"unix:/nonexistent\" }}]\n\
         {NO_CHECK}[pool.web]\n{CHECK}[[route]]\nhosts = [\"api.example\"]\npool = \"api\"\n\
         [[route]]\npool = \"web\"\n\
         [app.web]\ncommand = {command}\ninstances = {{ min = 1, max = 3 }}\n",
        web()
    )
}

#[test]
fn each_example_of_the_page_works_as_it_stands() {
    let text = configuration();
    let balancer = Balancer::start(&text);
    let api = Api::at(balancer.admin());
    eventually(PATIENCE, "the app has an instance", || {
        api.get("/api/v1/apps/web")["instances"][0]["state"] == "ready"
    });
    let folder = TempDir::new();
    folder.write("roundel.toml", &text);
    let admin = balancer.admin().to_string();
    let mut tried = 0;
    for example in PAGE.lines().filter(|line| line.starts_with("curl ")) {
        let is_stream = example.starts_with("curl -sSfN");
        let limit = if is_stream { "1" } else { "30" };
        let line = example.replace("127.0.0.1:8090", &admin);
        let mut shell = Command::new("/bin/sh");
        shell.current_dir(folder.path()).arg("-c").arg(format!("{line} --max-time {limit}"));
        let output = shell.output().unwrap();
        let expected = if is_stream { LEFT } else { 0 };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{example}\n{said}");
        tried += 1;
    }
    assert!(tried >= 10, "{tried} examples");
}
