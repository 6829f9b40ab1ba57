//! The command line: what each command prints and how it exits.

use std::process::{Command, Stdio};

use roundel_testkit::TempDir;
use roundel_testkit::ports::Refusing;

use crate::golden;

/// What a command printed and how it exited.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn roundel(arguments: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_roundel"))
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("COLUMNS")
        .env_remove("ROUNDEL_ADMIN")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    Answer {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A result on standard output and nothing else.
#[track_caller]
fn result(arguments: &[&str]) -> String {
    let Answer { code, stdout, stderr } = roundel(arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
    assert!(stdout.ends_with('\n'), "{arguments:?}: {stdout}");
    stdout
}

const RIGHT: &str = r#"
[[listener]]
address = "127.0.0.1:8080"

[pool.api]
endpoints = ["127.0.0.1:5001", { address = "127.0.0.1:5002", name = "Server 2", weight = 3 }]
"#;

const WRONG: &str = r#"
[[listener]]
adress = "127.0.0.1:8080"

[pool.api]
balance = "roundrobin"
endpoints = ["127.0.0.1:5001"]
"#;

#[test]
fn help_teaches() {
    golden::check("help.txt", &result(&["--help"]));
    golden::check("help-demo.txt", &result(&["demo", "--help"]));
    for command in
        ["status", "endpoint", "app", "requests", "explain", "events", "reload", "overlay", "audit"]
    {
        golden::check(&format!("help-{command}.txt"), &result(&[command, "--help"]));
    }
    for (command, part) in [("endpoint", "add"), ("app", "restart"), ("audit", "undo")] {
        let name = format!("help-{command}-{part}.txt");
        golden::check(&name, &result(&[command, part, "--help"]));
    }
}

#[test]
fn version_names_the_program_and_its_version() {
    assert_eq!(result(&["--version"]), format!("roundel {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_arguments_the_help_is_shown_as_an_error() {
    let Answer { code, stdout, stderr } = roundel(&[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("Examples:") && stderr.contains("roundel demo"), "{stderr}");
}

#[test]
fn wrong_arguments_are_explained_in_one_line() {
    for (arguments, part) in [
        (&["--listn", ":8080"][..], "'--listen'"),
        (&["start"], "unrecognized subcommand 'start'"),
        (&["run"], "<FILE>"),
        (&["--listen", "127.0.0.1:0"], "no `--to`"),
        (&["--to", "127.0.0.1:5001"], "no `--listen`"),
        (&["--listen", "8080", "--to", "x"], "--to x: no port"),
        (&["--listen", ":0", "--to", "a:1", "--balance", "fair"], "round_robin, random, p2c"),
        (&["--listen", ":0", "--to", "a:1", "--no-admin", "--admin", "[::1]:0"], "--no-admin"),
        (&["demo", "--servers", "0"], "1..=100"),
        (&["completions", "tcsh"], "bash"),
        (&["--admin", "127.0.0.1:1", "status"], "options of a command stand after it"),
        (&["endpoint", "weight", "one", "0"], "1..=1000"),
        (&["status", "--admin", "8090"], "no port"),
        (&["audit", "undo"], "<ID>"),
        (&["audit", "undo", "last"], "'last' for '<ID>'"),
        (&["man", "endpoint", "frobnicate"], "there is no command \"endpoint frobnicate\""),
        (&["man", "frobnicate"], "there is no command \"frobnicate\""),
    ] {
        let Answer { code, stdout, stderr } = roundel(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("roundel: error: "), "{arguments:?}: {stderr}");
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_right_file_is_described() {
    let directory = TempDir::new();
    let path = directory.write("roundel.toml", RIGHT);
    let text = result(&["check", "--config", path.to_str().unwrap()]);
    for part in ["127.0.0.1:8080", "pool api", "Server 2", "weight 3"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn what_an_app_would_not_find_here_is_told_and_refuses_nothing() {
    let directory = TempDir::new();
    let apps = "[app.a]\ncommand = [\"/bin/sh\"]\ndirectory = \"/nonexistent\"\n\
                [app.b]\ncommand = [\"./server\"]\ndirectory = \"/\"\nuser = \"nosuch\"\n\
                [app.c]\ncommand = [\"sh\", \"{port}\"]\n\
                [[listener]]\naddress = \"127.0.0.1:8080\"\n[[route]]\npool = \"a\"\n\
                [[route]]\npath = \"/b\"\npool = \"b\"\n[[route]]\npath = \"/c\"\npool = \"c\"\n";
    let path = directory.write("roundel.toml", apps);
    let Answer { code, stderr, .. } = roundel(&["check", path.to_str().unwrap()]);
    let expected = [
        "warning: app \"a\": there is no directory \"/nonexistent\", here",
        "warning: app \"b\": there is no program \"/./server\", here",
        "warning: app \"b\": there is no user \"nosuch\" in /etc/passwd, here",
    ];
    assert_eq!(stderr.lines().collect::<Vec<_>>(), expected);
    assert_eq!(code, Some(0));
}

#[test]
fn a_wrong_file_is_explained_whole_and_refused_alike_by_check_and_run() {
    let directory = TempDir::new();
    let path = directory.write("roundel.toml", WRONG);
    for command in ["check", "run"] {
        let Answer { code, stdout, stderr } =
            roundel(&[command, "--config", path.to_str().unwrap()]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{command}: {stderr}");
        for part in ["adress", "`address`", "roundrobin", "did you mean", "roundel.toml:3:1"] {
            assert!(stderr.contains(part), "{command}: {part}:\n{stderr}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for command in ["check", "run"] {
        let Answer { code, stderr, .. } = roundel(&[command, "--config", "/nonexistent/x.toml"]);
        assert_eq!(code, Some(1));
        assert!(
            stderr.starts_with("roundel: error: cannot read /nonexistent/x.toml: "),
            "{stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn the_schema_is_json_and_knows_the_tables() {
    let schema: serde_json::Value = serde_json::from_str(&result(&["schema"])).unwrap();
    for table in ["listener", "route", "pool", "admin"] {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
}

#[test]
fn the_reference_names_every_table() {
    let reference = result(&["reference"]);
    for table in ["[[listener]]", "[[route]]", "[pool.", "[admin]"] {
        assert!(reference.contains(table), "{table}");
    }
}

#[test]
fn completions_exist_for_each_shell_and_hide_what_is_internal() {
    for (shell, mark) in [
        ("bash", "complete -F _roundel"),
        ("zsh", "#compdef roundel"),
        ("fish", "complete -c roundel"),
        ("elvish", "set edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = result(&["completions", shell]);
        assert!(script.contains(mark), "{shell}");
        for word in ["health", "status", "drain", "--min-ms"] {
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_the_program_and_for_each_command() {
    let page = result(&["man"]);
    for part in [".TH roundel 1", "\\-\\-listen", "roundel\\-run(1)", "SIGHUP"] {
        assert!(page.contains(part), "{part}:\n{page}");
    }
    assert!(!page.contains("demo\\-server"), "{page}");
    let page = result(&["man", "demo"]);
    assert!(page.contains("\\-\\-first\\-port"), "{page}");
    let page = result(&["man", "endpoint", "add"]);
    assert!(page.contains("\\-\\-weight") && page.contains("\\-\\-token\\-file"), "{page}");
}

#[test]
fn a_start_that_fails_says_why_and_exits_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let to = ["--to", "127.0.0.1:9"];
    for (arguments, part) in [
        (["--listen", &address, "--no-admin"].as_slice(), "already in use"),
        (&["--listen", "127.0.0.1:0", "--admin", &address], "admin address"),
        (&["--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"], "token_file"),
    ] {
        let Answer { code, stdout, stderr } = roundel(&[arguments, &to].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("roundel: error: ") && last.contains(part), "{stderr}");
    }
}

#[test]
fn health_of_nobody_is_a_failure() {
    let nobody = Refusing::bind();
    let free = nobody.address();
    let Answer { code, stderr, .. } = roundel(&["health", "--admin", &free.to_string()]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with(&format!("roundel: error: cannot ask {free}: ")), "{stderr}");
}
