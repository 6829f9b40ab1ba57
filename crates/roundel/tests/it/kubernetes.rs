//! The manifests below `deploy/kubernetes` agree with Kubernetes' schema, with each other and with
//! the binary.

use std::path::Path;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Python, RawClient, TempDir, eventually};

/// Validates every manifest, and prints the configuration of the ConfigMap.
const VALIDATE: &str = r#"
import copy, pathlib, sys, tomllib, yaml
import kubernetes_validate as schema

VERSION = "1.34"
folder = pathlib.Path(sys.argv[1])
listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
outside = {"kustomization.yaml", "prometheus-adapter.yaml"}
assert set(listed) == {path.name for path in folder.glob("*.yaml")} - outside, listed

things = {}
for name in listed:
    for thing in yaml.safe_load_all((folder / name).read_text()):
        schema.validate(thing, VERSION, strict=True)
        things[thing["kind"], thing["metadata"]["name"]] = thing

deployment = things["Deployment", "roundel"]
misspelt = copy.deepcopy(deployment)
misspelt["spec"]["template"]["spec"]["terminationGraceSeconds"] = 1
try:
    schema.validate(misspelt, VERSION, strict=True)
except schema.ValidationError:
    pass
else:
    sys.exit("the schema finds no errors at all")

pod = deployment["spec"]["template"]
[container] = pod["spec"]["containers"]
ports = {port["name"] for port in container["ports"]}
for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
    assert container[probe]["httpGet"]["port"] in ports, probe
pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
assert pod["spec"]["terminationGracePeriodSeconds"] > pause + 30, "the grace of shutdown.grace"
version = sys.argv[2]
assert container["image"] == f"roundel:{version}", container["image"]
config = tomllib.loads(things["ConfigMap", "roundel"]["data"]["roundel.toml"])
mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
assert {mount["name"] for mount in mounts.values()} == set(volumes), volumes
assert container["securityContext"]["readOnlyRootFilesystem"]
writable = mounts[str(pathlib.Path(config["admin"]["state_file"]).parent)]
assert not writable.get("readOnly") and "emptyDir" in volumes[writable["name"]], writable
assert mounts[str(pathlib.Path(config["admin"]["token_file"]).parent)]["name"] == "token"
labels = pod["metadata"]["labels"]
for (kind, name), thing in things.items():
    spec = thing.get("spec", {})
    selector = spec.get("podSelector", spec.get("selector"))
    if selector is not None:
        assert selector.get("matchLabels", selector) == labels, (kind, name)
    for port in spec.get("ports", []):
        assert port["targetPort"] in ports, (kind, name)
assert things["HorizontalPodAutoscaler", "roundel"]["spec"]["scaleTargetRef"]["name"] == "roundel"

wanted = things["HorizontalPodAutoscaler", "roundel"]["spec"]["metrics"][0]["pods"]["metric"]["name"]
[rule] = yaml.safe_load((folder / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
assert rule["name"]["as"] == wanted, rule
series = rule["seriesQuery"].partition("{")[0]
print(series)
print(things["ConfigMap", "roundel"]["data"]["roundel.toml"])
"#;

/// The answer to a request with these fields.
fn status(balancer: &Balancer, target: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let mut client = RawClient::connect(balancer.admin());
    client.request("GET", target, fields, b"").unwrap();
    let response = client.read_response().unwrap();
    (response.status, response.text())
}

#[test]
fn manifests_are_valid_and_their_configuration_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kubernetes");
    let arguments = [folder.to_str().unwrap(), env!("CARGO_PKG_VERSION")];
    let output = Python::for_checks().run(VALIDATE, &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let (series, config) = printed.split_once('\n').unwrap();

    let secret = TempDir::new();
    let token = secret.write("token", "for-tests-alone\n");
    let config = config
        .replace("0.0.0.0:8080", "127.0.0.1:0")
        .replace("0.0.0.0:8090", "0.0.0.0:0")
        .replace("/run/secrets/roundel/token", token.to_str().unwrap())
        .replace("/var/lib/roundel", secret.path().to_str().unwrap())
        // The test reads the log as people do.
        .replace("[log]\nformat = \"json\"", "[log]\nformat = \"text\"");
    let balancer = Balancer::start(&config);
    // The kubelet has neither name nor token.
    assert_eq!(status(&balancer, "/healthz", &[]).0, 200);
    eventually(PATIENCE, "traffic may come", || status(&balancer, "/readyz", &[]).0 == 200);
    assert_eq!(status(&balancer, "/metrics", &[]).0, 401);
    let bearer = [("Authorization", "Bearer for-tests-alone")];
    let (code, metrics) = status(&balancer, "/metrics", &bearer);
    assert_eq!(code, 200);
    assert!(metrics.contains(&format!("\n{series}{{")), "no {series} in:\n{metrics}");
}
