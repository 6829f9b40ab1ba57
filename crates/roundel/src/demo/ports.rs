//! Ports for the demo servers.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, bail};

use crate::print;

/// Chooses `count` free ports on 127.0.0.1, upwards from `first`; 0 leaves the choice to the kernel.
/// Says which ports are passed over because somebody has them.
pub(crate) fn choose(first: u16, count: u16) -> anyhow::Result<Vec<u16>> {
    // Held until all are chosen, so that the kernel does not choose one twice.
    let mut held = Vec::new();
    let mut candidates = first..=u16::MAX;
    while held.len() < usize::from(count) {
        let candidate = if first == 0 { Some(0) } else { candidates.next() };
        let Some(candidate) = candidate else {
            bail!("there are not {count} free ports from {first} upwards");
        };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
            Ok(listener) => held.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse && first != 0 => {
                print::err(&format!("Port {candidate} is passed over: it is in use.\n"));
            }
            Err(error) => return Err(error).with_context(|| format!("port {candidate}")),
        }
    }
    Ok(held.iter().filter_map(|listener| Some(listener.local_addr().ok()?.port())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let first = taken.local_addr().unwrap().port();
        let ports = choose(first, 3).unwrap();
        assert_eq!(ports.len(), 3);
        assert!(!ports.contains(&first));
        assert!(ports.is_sorted() && ports.iter().all(|port| *port > first));
    }

    #[test]
    fn the_kernel_chooses_distinct_ports() {
        let mut ports = choose(0, 5).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 5);
    }

    #[test]
    fn running_out_of_ports_is_said() {
        let error = choose(u16::MAX, 2).unwrap_err();
        assert_eq!(error.to_string(), "there are not 2 free ports from 65535 upwards");
    }
}
