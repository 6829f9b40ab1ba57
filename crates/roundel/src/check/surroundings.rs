//! What a configuration needs of this machine and would not find: only for `check`, and only as
//! warnings, since a file is often checked on another machine, or by another user, than it is for.

use std::path::Path;

use roundel_config::model::{AppConfig, Config};
use roundel_supervisor::{Identity, IdentityError};

/// A line for each.
pub(super) fn missing(config: &Config) -> Vec<String> {
    config.apps.iter().flat_map(missing_of).collect()
}

fn missing_of(app: &AppConfig) -> Vec<String> {
    let spec = &app.spec;
    let directory = spec.directory.as_deref();
    // One that differs from instance to instance is not known before there is one.
    let program = spec.command.first().and_then(|program| program.literal());
    let faults = [
        directory
            .filter(|it| !it.is_dir())
            .map(|it| format!("there is no directory \"{}\"", it.display())),
        program.and_then(|program| missing_program(program, directory)),
        spec.user.as_deref().and_then(missing_user),
    ];
    let name = app.name.as_str();
    faults.into_iter().flatten().map(|fault| format!("app {name:?}: {fault}")).collect()
}

/// One without a slash is searched for in a `PATH` that may be another then.
fn missing_program(program: &str, directory: Option<&Path>) -> Option<String> {
    let path = directory.unwrap_or(Path::new("")).join(program);
    // What is wrong with the directory is said already.
    let is_elsewhere = directory.is_some_and(|it| !it.is_dir()) && Path::new(program).is_relative();
    let is_missing = program.contains('/') && !is_elsewhere && !path.is_file();
    is_missing.then(|| format!("there is no program {:?}", path.display().to_string()))
}

fn missing_user(user: &str) -> Option<String> {
    match Identity::of(user) {
        Err(error @ IdentityError::Unknown(_)) => Some(error.to_string()),
        // Whoever runs it may be root.
        Err(IdentityError::NotRoot(_) | IdentityError::Unreadable { .. }) | Ok(_) => None,
    }
}
