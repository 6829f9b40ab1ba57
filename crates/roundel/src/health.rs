//! `roundel health`: asks a running Roundel whether it is ready.
//!
//! A few lines of HTTP by hand, since a container's health check runs every few seconds and should
//! start no runtime.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::print;

/// Below Docker's default interval, above any healthy answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The answer is one word; whatever is longer is not ours.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Exits with 0 when the process at `admin` is ready, else says why not and exits with 1.
pub(crate) fn run(admin: SocketAddr) -> ExitCode {
    match ask(admin).map(|answer| verdict(&answer)) {
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

fn ask(admin: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Judges an answer by its status; the reason is its body.
fn verdict(answer: &str) -> Result<(), String> {
    let status = answer.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim());
    match status {
        Some("200") => Ok(()),
        Some(_) if !body.is_empty() => Err(body.to_owned()),
        Some(status) => Err(format!("status {status}")),
        None => Err("the answer is not HTTP".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_200_means_ready() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\nready\n", Ok(())),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\ndraining\n", Err("draining")),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Err("status 404")),
            ("HTTP/1.1", Err("the answer is not HTTP")),
            ("SSH-2.0-x", Err("the answer is not HTTP")),
            ("", Err("the answer is not HTTP")),
        ] {
            assert_eq!(verdict(answer), expected.map_err(str::to_owned), "{answer:?}");
        }
    }
}
