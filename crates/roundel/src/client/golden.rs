//! What operators see, kept to be read in review: each view of a made-up state, as a terminal of 80
//! columns shows it, a wide one, and a file.
//!
//! To take the present output for right, after reading it:
//! `ROUNDEL_BLESS=1 cargo test -p roundel client`.

use std::fs;
use std::path::{Path, PathBuf};

use roundel_admin::contract::{AuditLog, RequestDetail, Requests, State};
use serde::de::DeserializeOwned;

use super::screen::Look;
use super::{app, audit, endpoint, explain, requests, status, text};

/// A terminal of 80 columns without colours.
const NARROW: Look = Look { width: Some(80), is_coloured: false };
/// A file.
const WHOLE: Look = Look { width: None, is_coloured: false };
const COLOURED: Look = Look { width: Some(80), is_coloured: true };

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/client/golden").join(name)
}

fn fixture<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&fs::read_to_string(path(name)).unwrap()).unwrap()
}

/// Compares a view in each look with its golden files.
#[track_caller]
fn check(name: &str, render: impl Fn(Look) -> String) {
    let narrow = render(NARROW);
    for line in narrow.lines() {
        assert!(text::width(line) <= 80, "too wide: {line}");
    }
    let looks = [(narrow, "80"), (render(WHOLE), "file")];
    for (actual, look) in looks {
        assert!(actual.ends_with('\n') && !actual.contains(" \n"), "{actual:?}");
        let is_harmless = |c: char| c == '\n' || !c.is_control();
        assert!(actual.chars().all(is_harmless), "{actual:?}");
        let path = path(&format!("{name}-{look}.txt"));
        if std::env::var_os("ROUNDEL_BLESS").is_some() {
            fs::write(&path, &actual).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(expected == actual, "{} differs; it is now:\n{actual}", path.display());
    }
    assert_eq!(
        without_colours(&render(COLOURED)),
        render(NARROW),
        "colours add nothing but colours"
    );
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('m').unwrap();
        assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        plain.push_str(rest);
    }
    plain
}

#[test]
fn a_state_fits_a_terminal_and_names_what_is_wrong() {
    let state: State = fixture("state.json");
    check("status", |look| status::view::render(&state, look));
}

#[test]
fn endpoints_are_listed_with_addresses_and_probes() {
    let state: State = fixture("state.json");
    check("endpoints", |look| endpoint::view::render(&state.pools, state.now, look));
}

#[test]
fn apps_are_listed_with_instances_and_reasons() {
    let state: State = fixture("state.json");
    check("apps", |look| app::view::render(&state.apps, state.now, look));
}

#[test]
fn requests_are_listed_as_a_log() {
    let requests: Requests = fixture("requests.json");
    check("requests", |look| requests::view::render(&requests, look));
}

#[test]
fn a_request_is_explained() {
    let detail: RequestDetail = fixture("explained.json");
    check("explained", |look| explain::view::render(&detail, look));
}

#[test]
fn the_audit_log_says_who_did_what() {
    let log: AuditLog = fixture("audit.json");
    check("audit", |look| audit::render(&log, look));
}
