//! Writing to the standard streams.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

/// Writes a command's result. A reader that has seen enough (`roundel schema | head`) is no error.
pub(crate) fn out(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    let mut stdout = io::stdout().lock();
    let ends_line = bytes.last().is_none_or(|byte| *byte == b'\n');
    let end: &[u8] = if ends_line { b"" } else { b"\n" };
    let written = stdout.write_all(bytes).and_then(|()| stdout.write_all(end));
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes text for people to standard error. If nobody is there to read it, that is that.
pub(crate) fn err(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Says what went wrong.
pub(crate) fn error(message: &str) {
    err(&format!("roundel: error: {message}\n"));
}

/// An error and its causes, in one line. Many an error says its cause itself.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.contains(&cause) {
            continue;
        }
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&cause);
    }
    said
}

/// Whether colours on standard error are wanted and seen (<https://no-color.org>).
pub(crate) fn is_coloured() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        let cause = || io::Error::other("in use");
        let said_already = anyhow!(cause()).context("port 80: in use").context("cannot start");
        assert_eq!(chain(&said_already), "cannot start: port 80: in use");
        assert_eq!(chain(&anyhow!(cause()).context("port 80")), "port 80: in use");
    }
}
