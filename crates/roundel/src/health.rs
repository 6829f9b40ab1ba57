//! `roundel health`: asks a running Roundel whether it is ready.
//!
//! For container health checks, which run every few seconds: starts no runtime, and waits for no
//! longer than such a check has.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::client::address::AdminAddress;
use crate::client::http::{HttpError, Request, read_response};
use crate::client::wire::{Patience, Wire};
use crate::print;

/// Below Docker's default interval, above any healthy answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The answer is one word; whatever is longer is not ours.
const ANSWER_BYTES_MAX: usize = 4096;

/// Exits with 0 when the process at `admin` is ready, else says why not and exits with 1.
pub(crate) fn run(admin: &AdminAddress) -> ExitCode {
    match ask(admin).map(|(status, body)| verdict(status, &body)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => {
            print::error(&format!("{admin} is not ready: {reason}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            print::error(&format!("cannot ask {admin}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn ask(admin: &AdminAddress) -> Result<(u16, Vec<u8>), HttpError> {
    let mut wire = Wire::connect(admin, Patience::Until(Instant::now() + TIMEOUT))?;
    let host = wire.peer()?.to_string();
    let request = Request {
        method: "GET",
        target: "/readyz",
        accept: "text/plain",
        authorization: None,
        last_event_id: None,
        body: None,
    };
    wire.send(&request.bytes(&host))?;
    let response = read_response(wire)?;
    Ok((response.status, response.body.read_all(ANSWER_BYTES_MAX)?))
}

/// Judges an answer by its status; the reason is its body.
fn verdict(status: u16, body: &[u8]) -> Result<(), String> {
    let body = String::from_utf8_lossy(body);
    match (status, body.trim()) {
        (200, _) => Ok(()),
        (_, "") => Err(format!("status {status}")),
        (_, reason) => Err(reason.escape_debug().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_200_means_ready() {
        for (status, body, expected) in [
            (200, "ready\n", Ok(())),
            (503, "draining\n", Err("draining")),
            (503, "\x1b[2J", Err("\\u{1b}[2J")),
            (404, "", Err("status 404")),
        ] {
            assert_eq!(verdict(status, body.as_bytes()), expected.map_err(str::to_owned), "{body}");
        }
    }
}
