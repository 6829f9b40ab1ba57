//! The served API held against its own OpenAPI document by a stranger: Schemathesis makes up
//! requests, right and wrong ones, and looks whether each answer is one that the document promises.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use roundel_testkit::balancer::binary;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Python, TempDir, eventually};

use crate::api::Api;
use crate::site::{ADMIN, CHECK, NO_CHECK, web};

/// What has to hold of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// Left out: its answer never ends, so there is nothing that could be read whole. The other stream,
/// the live request log, is a matter of `Accept`, and JSON is asked for here.
const ENDLESS: &str = "/api/v1/events";

/// As many requests a second as there may be changes, so that few are only told to wait.
const PACE: &str = "20/s";

/// A balancer with all that the API has something to say of: a pool, an app that scales, requests.
/// Nothing probes what is made up as the address of an endpoint.
fn start() -> (Balancer, Api) {
    let command =
        format!("[{:?}, \"demo-server\", \"{{name}}\", \"{{port}}\"]", binary().display());
    let endpoints = ["one", "two", "three"].map(|name| {
        format!("{{ name = \"{name}\", address = \"unix:/nonexistent/{name}.sock\" }}")
    });
    let balancer = Balancer::start(&format!(
        "{ADMIN}{}[pool.api]\nendpoints = [{}]\n{NO_CHECK}[pool.web]\n{CHECK}\
         [[route]]\nhosts = [\"api.example\"]\npool = \"api\"\n[[route]]\npool = \"web\"\n\
         [app.web]\ncommand = {command}\ninstances = {{ min = 1, max = 3 }}\n[app.web.autoscale]\n",
        web(),
        endpoints.join(", ")
    ));
    let api = Api::at(balancer.admin());
    (balancer, api)
}

/// Runs Schemathesis, the same requests each time. Names in paths are those of things that are
/// there, or wrong; made-up ones would all be unknown.
fn examine(folder: &TempDir, balancer: &Balancer, request: &str) -> Output {
    let names = format!(
        "[parameters]\n\"path.pool\" = \"api\"\n\"path.endpoint\" = [\"one\", \"two\", \"three\"]\n\
         \"path.app\" = \"web\"\n\"path.instance\" = \"web-1\"\n\"path.id\" = \"{request}\"\n"
    );
    let names = folder.write("schemathesis.toml", &names);
    let mut tool = Command::new(Python::for_api().folder().join("schemathesis"));
    tool.current_dir(folder.path()).arg("--config-file").arg(names).arg("run");
    tool.arg(format!("http://{}/openapi.json", balancer.admin()));
    tool.args([
        "--checks",
        CHECKS,
        "--exclude-path",
        ENDLESS,
        "--header",
        "Accept: application/json",
    ]);
    tool.args(["--phases", "coverage,fuzzing", "--max-examples", "10", "--workers", "1"]);
    tool.args(["--generation-deterministic", "--rate-limit", PACE, "--no-color"]);
    tool.args(["--report", "ndjson", "--report-ndjson-path", "report.ndjson"]);
    tool.output().unwrap()
}

/// How often each status was answered.
fn statuses(folder: &TempDir) -> BTreeMap<u16, usize> {
    let report = std::fs::read_to_string(folder.path().join("report.ndjson")).unwrap();
    let mut counts = BTreeMap::new();
    for rest in report.split("\"status_code\":").skip(1) {
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        *counts.entry(digits.parse().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn every_answer_is_one_that_the_openapi_document_promises() {
    let (balancer, api) = start();
    assert_eq!(balancer.client().get("/").status, 200);
    let mut request = String::new();
    eventually(PATIENCE, "the request is in the log", || {
        let newest = &api.get("/api/v1/requests")["requests"][0]["id"];
        request = newest.as_str().unwrap_or_default().to_owned();
        !request.is_empty()
    });
    let document = api.get("/openapi.json");
    let items = document["paths"].as_object().unwrap().values();
    let operations: usize = items.map(|item| item.as_object().unwrap().len()).sum();

    let folder = TempDir::new();
    let output = examine(&folder, &balancer, &request);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("Tested: {}\n", operations - 1)), "{said}");
    let statuses = statuses(&folder);
    println!("{operations} operations but one were asked; answers by status: {statuses:?}");
    let count = |class: u16| -> usize {
        statuses.iter().filter(|(status, _)| **status / 100 == class).map(|(_, n)| n).sum()
    };
    let all: usize = statuses.values().sum();
    let waiting = statuses.get(&429).copied().unwrap_or(0);
    let is_telling = all >= 200 && count(2) >= 2 * operations && waiting * 20 <= all;
    assert!(is_telling, "{statuses:?}\n{said}");
    assert_eq!(api.get("/api/v1/state")["phase"], "ready");
}
