//! The commands of `docs/guide/operating.md`, typed in their order, with nothing changed but the
//! ports and the ids of a request and of an action.

use roundel_testkit::balancer::binary;

use super::{Example, wait_for_eligible};

const PAGE: &str = include_str!("../../../../../docs/guide/operating.md");

/// The port at which the page finds nobody.
const NOBODY: u16 = 8099;

/// A line of the page that is typed, and the first line of what came back.
fn typed() -> Vec<(&'static str, &'static str)> {
    let mut typed = Vec::new();
    let mut is_console = false;
    let mut lines = PAGE.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            typed.push((command, lines.peek().copied().unwrap_or_default()));
        }
    }
    typed
}

#[test]
fn each_command_of_the_guide_does_what_the_guide_says() {
    let example = Example::copy("dashboard", [8000, 8090, NOBODY]);
    let balancer = example.balance("roundel.toml");
    wait_for_eligible(&balancer, 3);
    let admin = balancer.admin().to_string();
    let run = |command: &str| {
        let script = format!("roundel() {{ {:?} \"$@\"; }}\n{command}", binary());
        let mut shell = example.command("/bin/sh", &["-c", &script]);
        let output = shell.env("ROUNDEL_ADMIN", &admin).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (mut tried, mut undone) = (0, None);
    for (command, answer) in typed() {
        let mut command = example.moved(command);
        if command.contains("explain") {
            let (_, list, _) = run("roundel requests --status 5xx --limit 1");
            let id = list.lines().last().and_then(|line| line.split_whitespace().next());
            command = format!("roundel explain {}", id.unwrap());
        } else if command.contains("audit undo") {
            // The page takes the same back twice.
            let id = undone.get_or_insert_with(|| {
                let (_, trail, _) = run("roundel audit");
                trail.split_whitespace().last().unwrap().to_owned()
            });
            command = format!("roundel audit undo {id}");
        }
        let (code, stdout, stderr) = run(&command);
        let is_refused = answer.starts_with("roundel: error") || answer.starts_with("error");
        let expected = if is_refused { Some(1) } else { Some(0) };
        assert_eq!(code, expected, "{command}\n{stdout}{stderr}");
        tried += 1;
    }
    assert!(tried >= 20, "{tried} commands");
}
