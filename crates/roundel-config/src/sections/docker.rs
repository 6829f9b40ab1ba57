//! `[provider.docker]` and `[pool.NAME.docker]`: which containers become endpoints of which pool.

use std::num::NonZeroU16;
use std::path::PathBuf;

use crate::kind::{choice, located, non_empty, optional, table, text, whole};
use crate::model::ContainerAddress;
use crate::section::{Located, section};

/// Where engines listen unless they are told otherwise.
const SOCKET: &str = "/var/run/docker.sock";

section! {
    /// Where endpoints come from besides this file.
    struct ProviderKeys {
        docker: Option<Located<DockerKeys>>
            = optional(located(table()), "no container becomes an endpoint", "") => None,
    }
}

section! {
    /// A Docker engine whose containers become endpoints of the pools that have a `docker` table.
    /// Such a pool takes containers of a Compose service, and those whose label `roundel.pool`
    /// names it; the labels `roundel.port`, `roundel.name`, `roundel.weight`, `roundel.backup` and
    /// `roundel.network` say more about one. A container leaves when it is told to stop.
    struct DockerKeys {
        /// The engine's Unix socket. Roundel only asks; but whoever may write to it can do anything
        /// on the host.
        socket: PathBuf = text("a path", parse_socket, |path| path.display().to_string())
            => PathBuf::from(SOCKET),
        /// Only containers of this Compose project.
        project: Option<String>
            = optional(non_empty(), "containers of any project, or of none", "\"shop\"") => None,
        /// The network at whose addresses containers are reached, with or without the Compose
        /// project's name in front.
        network: Option<String> = optional(
            non_empty(),
            "the first by name, of those that Roundel's own container is on if it has one",
            "\"backend\"",
        ) => None,
        /// Where containers are reached: "network" (at their own addresses) or "published" (at the
        /// ports of this host that theirs are published on, for when Roundel runs where the
        /// engine's networks do not reach).
        address: ContainerAddress = choice(&[
            ("network", ContainerAddress::Network),
            ("published", ContainerAddress::Published),
        ]) => ContainerAddress::Network,
    }
}

section! {
    /// Containers that are endpoints of the pool, besides those whose label `roundel.pool` names it.
    /// May be empty; needs a `[provider.docker]`.
    struct ContainerPoolKeys {
        /// The Compose service whose containers they are.
        service: Option<String> = optional(
            non_empty(),
            "only containers whose label names the pool",
            "\"web\"",
        ) => None,
        /// The port that they listen on, inside; the label `roundel.port` outranks it.
        port: Option<NonZeroU16>
            = optional(whole(1..=65535), "the only TCP port that a container exposes", "5000") => None,
        /// The network at whose addresses they are reached; the label `roundel.network` outranks
        /// it.
        network: Option<String>
            = optional(non_empty(), "what `[provider.docker]` says", "\"backend\"") => None,
    }
}

fn parse_socket(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if let Some((scheme, _)) = path.split_once("://") {
        return Err(format!("{text:?}: only Unix sockets are spoken to, not {scheme:?}"));
    }
    if !path.starts_with('/') || path.len() > 107 || path.contains('\0') {
        return Err(format!(
            "a Unix socket needs an absolute path of at most 107 bytes, not {text:?}"
        ));
    }
    Ok(PathBuf::from(path))
}
