//! Starting the process of an instance: where it listens, what it is told, who it is.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use roundel_config::Facts;
use roundel_config::model::{AppConfig, AppSpec, Config};
use roundel_core::address::EndpointAddress;
use roundel_core::name::Name;
use roundel_supervisor::{
    Identity, IdentityError, Limits, Output, OutputFile, OutputTail, Process, ProcessSpec,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::instance::Spawn;

/// What a service manager tells its service is not for what the service starts.
const NOT_INHERITED: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// An app that cannot be run as configured.
#[derive(Debug, thiserror::Error)]
#[error("app \"{app}\": {source}")]
pub struct UserError {
    /// The app.
    pub app: Name,
    /// What is wrong with its user.
    pub source: IdentityError,
}

/// Refuses a configuration with apps that this process cannot run.
pub(crate) fn check(config: &Config) -> Result<(), UserError> {
    config.apps.iter().try_for_each(|app| {
        let checked = identity(&app.spec).map(drop);
        checked.map_err(|source| UserError { app: app.name.clone(), source })
    })
}

fn identity(spec: &AppSpec) -> Result<Option<Identity>, IdentityError> {
    spec.user.as_deref().map_or(Ok(None), Identity::of)
}

/// Whether a port of this machine is free for a server that listens on any of its addresses.
pub(super) fn is_free(port: u16) -> bool {
    bind((Ipv4Addr::UNSPECIFIED, port).into()).is_ok()
}

/// A port of 127.0.0.1 that the kernel finds free.
pub(super) fn any_port() -> io::Result<u16> {
    let socket = bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket.local_addr()?.as_socket().map_or(0, |address| address.port()))
}

/// A socket that has the address and does not listen.
fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // As servers do: connections of an earlier one in TIME_WAIT are in nobody's way.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Starts the process. Blocks for as long as fork and exec take. The error is for people.
pub(super) fn start(app: &AppConfig, spawn: &Spawn, output: OutputTail) -> Result<Process, String> {
    let socket = match spawn.address(&app.name) {
        Some(EndpointAddress::Unix(path)) => Some(path),
        _ => None,
    };
    if let Some(path) = &socket {
        clear_socket(path)?;
    }
    let spec = process_spec(&app.name, spawn, socket.as_deref(), output)
        .map_err(|error| error.to_string())?;
    Process::spawn(spec).map_err(|error| error.to_string())
}

/// Removes the socket of an earlier process, which would keep the new one from listening.
fn clear_socket(path: &Path) -> Result<(), String> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(format!("{} is there and is no socket", path.display()));
    }
    if UnixStream::connect(path).is_ok() {
        return Err(format!("another program listens on {}", path.display()));
    }
    std::fs::remove_file(path)
        .map_err(|error| format!("cannot remove the old socket {}: {error}", path.display()))
}

fn process_spec(
    app: &Name,
    spawn: &Spawn,
    socket: Option<&Path>,
    output: OutputTail,
) -> Result<ProcessSpec, IdentityError> {
    let spec = &spawn.spec;
    let (app, name) = (app.as_str(), spawn.name.as_str());
    let facts = Facts { app, name, index: spawn.index, port: spawn.port, socket };
    let mut command = spec.command.iter().map(|part| OsString::from(part.render(&facts)));
    let identity = identity(spec)?;
    let mut environment: Vec<(OsString, OsString)> = vec![
        ("ROUNDEL_APP".into(), app.into()),
        ("ROUNDEL_INSTANCE".into(), name.into()),
        ("ROUNDEL_INDEX".into(), spawn.index.to_string().into()),
    ];
    if let Some(port) = spawn.port {
        environment.push(("PORT".into(), port.to_string().into()));
    }
    if let Some(socket) = socket {
        environment.push(("ROUNDEL_SOCKET".into(), socket.into()));
    }
    if let Some(identity) = &identity {
        environment.push(("USER".into(), identity.name.clone().into()));
        environment.push(("LOGNAME".into(), identity.name.clone().into()));
        environment.extend(identity.home.clone().map(|home| ("HOME".into(), home.into())));
    }
    let own = spec.environment.iter();
    environment.extend(own.map(|(name, value)| (name.into(), value.render(&facts).into())));
    Ok(ProcessSpec {
        program: command.next().unwrap_or_default(),
        arguments: command.collect(),
        environment,
        environment_without: NOT_INHERITED.map(Into::into).into(),
        working_directory: spec.directory.clone(),
        identity,
        limits: Limits {
            open_files: spec.limits.open_files,
            memory_bytes: spec.limits.memory_bytes,
        },
        output: Output::Capture(output),
        output_file: spec.output.file.as_ref().map(|file| OutputFile {
            path: file.render(&facts).into(),
            bytes_max: spec.output.file_bytes_max,
            kept: spec.output.files_kept,
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_free_unless_somebody_listens_on_any_address() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            assert!(!is_free(port), "{address}");
            drop(listener);
            assert!(is_free(port), "{address}");
        }
        assert!(is_free(any_port().unwrap()));
    }
}
