//! How a command of the client fails, in words that an operator can act on, and its exit status.
//!
//! Texts of a peer are made harmless here, once, before they reach the terminal.

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use roundel_admin::ProblemDetails;

use super::address::AdminAddress;
use super::http::HttpError;
use super::text;
use crate::print;

/// Why a command was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read the output has seen enough, which is no error.
    Closed,
    /// Nobody answers.
    Unreachable { admin: AdminAddress, reason: String },
    /// Somebody answers who is no Roundel, or not for long.
    Answer { admin: AdminAddress, error: HttpError },
    /// Roundel says no, to one who has sent a token or has none.
    Refused { problem: Box<ProblemDetails>, has_token: bool },
    /// It cannot be done, for the reason given.
    Other(String),
}

impl Failure {
    /// Nobody answers at `admin`.
    pub(crate) fn unreachable(admin: &AdminAddress, error: &io::Error) -> Self {
        Self::Unreachable { admin: admin.clone(), reason: reason(error) }
    }

    /// Says on standard error what went wrong.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Closed => return ExitCode::SUCCESS,
            Self::Unreachable { admin, reason } => print::error(&format!(
                "no Roundel answers at {admin} ({reason}): is it running, and is its admin address \
                 another? give --admin"
            )),
            Self::Answer { admin, error } => print::error(&answer(&admin, &error)),
            Self::Refused { problem, has_token } => print::err(&refusal(&problem, has_token)),
            Self::Other(message) => print::error(&text::line(&message)),
        }
        ExitCode::FAILURE
    }
}

impl From<io::Error> for Failure {
    /// Of standard output.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Other(format!("cannot write to standard output: {error}")),
        }
    }
}

fn answer(admin: &AdminAddress, error: &HttpError) -> String {
    match error {
        HttpError::Io(error) => {
            format!("{admin} has stopped answering ({}): is Roundel still running?", reason(error))
        }
        HttpError::Truncated => {
            format!("{admin} has closed the connection: is Roundel still running?")
        }
        error => format!("what answers at {admin} is no Roundel ({error}): give --admin"),
    }
}

/// An error of the system, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset => "connection reset".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        ErrorKind::PermissionDenied => "not permitted".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            text::line(text)
        }
    }
}

/// A refusal as people read it: what is wrong with a configuration first, underlined as `check`
/// shows it, then the reason in a line.
fn refusal(problem: &ProblemDetails, has_token: bool) -> String {
    let mut shown = String::new();
    for fault in problem.errors.iter().flatten() {
        shown.push_str(text::lines(&fault.rendered).trim_end());
        shown.push_str("\n\n");
    }
    // Of a detail that repeats what was shown only the verdict is new.
    let whole = problem.detail.trim_end();
    let verdict = whole.lines().last().unwrap_or_default();
    let detail = text::line(if shown.is_empty() { whole } else { verdict });
    let title = text::line(&problem.title);
    // A detail that says what the title says needs no title.
    match problem.status {
        401 if !has_token => format!(
            "{shown}roundel: error: {title}: {detail}: give the file with the token by \
             --token-file\n"
        ),
        429 => format!("{shown}roundel: error: {title}: {detail}\n"),
        _ => format!("{shown}roundel: error: {detail}\n"),
    }
}

#[cfg(test)]
mod tests {
    use roundel_admin::contract::{ConfigFault, Severity};

    use super::*;

    fn problem(status: u16, title: &str, detail: &str) -> ProblemDetails {
        ProblemDetails {
            kind: "urn:roundel:problem:x".to_owned(),
            title: title.to_owned(),
            status,
            detail: detail.to_owned(),
            errors: None,
        }
    }

    #[test]
    fn a_refusal_is_one_line_and_cannot_steer_the_terminal() {
        let evil = problem(404, "None", "no \x1b[2Jpool\nroundel: all is well");
        let expected = "roundel: error: no \\x1b[2Jpool\\nroundel: all is well\n";
        assert_eq!(refusal(&evil, false), expected);
    }

    #[test]
    fn a_missing_token_gets_a_hint_and_a_wrong_one_does_not() {
        let shown = refusal(&problem(401, "A token is needed", "send it as …"), false);
        assert!(shown.contains("A token is needed") && shown.contains("--token-file"), "{shown}");
        let shown = refusal(&problem(401, "A token is needed", "this is not the one"), true);
        assert_eq!(shown, "roundel: error: this is not the one\n");
    }

    #[test]
    fn all_that_is_wrong_with_a_file_stands_before_the_verdict() {
        let fault = |rendered: &str| ConfigFault {
            severity: Severity::Error,
            line: Some(1),
            column: Some(1),
            message: "m".to_owned(),
            rendered: rendered.to_owned(),
        };
        let mut refused = problem(422, "t", "one\n  ^^^\n\ntwo\n\na.toml: 2 errors\n");
        refused.errors = Some(vec![fault("one\n  ^^^\n"), fault("two\n")]);
        assert_eq!(
            refusal(&refused, true),
            "one\n  ^^^\n\ntwo\n\nroundel: error: a.toml: 2 errors\n"
        );
    }
}
