//! A start that fails: one message that says what to mend, and an exit status.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use roundel_testkit::TempDir;

/// Runs `roundel run` with this file to its end; returns its status and what it said last.
fn run(content: Option<&[u8]>) -> (Option<i32>, Vec<String>) {
    let directory = TempDir::new();
    let path = directory.path().join("roundel.toml");
    if let Some(content) = content {
        std::fs::write(&path, content).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_roundel"))
        .args(["run", "--config", "roundel.toml"])
        .current_dir(directory.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.stdout.is_empty(), "results only on standard output");
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text.lines().map(str::to_owned).collect())
}

const POOL: &str = "[pool.api]\nendpoints = [\"127.0.0.1:9\"]\n";

#[test]
fn each_way_to_fail_has_one_clear_message() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let with = |admin: &str, listener: &str| {
        format!("[admin]\naddress = \"{admin}\"\n[[listener]]\naddress = \"{listener}\"\n{POOL}")
    };
    let any = "127.0.0.1:0";
    for (what, content, expected) in [
        ("no file", None, "cannot read roundel.toml: No such file or directory"),
        ("no text", Some(vec![0xff, 0xfe]), "cannot read roundel.toml: "),
        (
            "a listener's port in use",
            Some(with("off", &taken.to_string()).into_bytes()),
            &*format!(
                "listener \"listener-1\": address {taken}: already in use by another process"
            ),
        ),
        (
            "a listener's address that is not here",
            Some(with("off", "192.0.2.1:8080").into_bytes()),
            "this machine does not have the address 192.0.2.1",
        ),
        (
            "the admin port in use",
            Some(with(&taken.to_string(), any).into_bytes()),
            &*format!("admin address {taken}: already in use by another process"),
        ),
    ] {
        let (code, lines) = run(content.as_deref());
        assert_eq!(code, Some(1), "{what}: {lines:?}");
        let errors: Vec<_> = lines.iter().filter(|line| line.contains("error: ")).collect();
        assert_eq!(errors.len(), 1, "{what}: {lines:?}");
        let last = lines.last().unwrap();
        assert!(last.starts_with("roundel: error: ") && last.contains(expected), "{what}: {last}");
        assert!(last.matches("(os error").count() <= 1, "{what}: said twice: {last}");
    }
}

#[test]
fn a_file_that_says_nothing_is_told_what_it_lacks() {
    for content in ["", "# only a comment\n"] {
        let (code, lines) = run(Some(content.as_bytes()));
        let text = lines.join("\n");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("roundel.toml") && text.contains("listener"), "{text}");
    }
}

#[test]
fn a_bad_admin_address_is_underlined() {
    let file = format!("[admin]\naddress = \"localhost\"\n[[listener]]\naddress = \":0\"\n{POOL}");
    let (code, lines) = run(Some(file.as_bytes()));
    let text = lines.join("\n");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("roundel.toml:2:11") && text.contains("localhost"), "{text}");
}
