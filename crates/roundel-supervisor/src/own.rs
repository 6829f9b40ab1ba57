//! Which children of this process are its own, and which it has only adopted.
//!
//! A child that this process started is waited for by whoever started it, and nobody else may take
//! its exit status. So each is entered here before anybody can reap strangers, and struck off after
//! it was reaped.

use std::collections::HashSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// Held for reading while a child is between its start and its entry, and for writing by whoever
/// looks for strangers.
static BIRTHS: RwLock<()> = RwLock::new(());

static OWN: Mutex<Option<HashSet<u32>>> = Mutex::new(None);

/// Starts a child and enters it.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _birth = BIRTHS.read().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    own().get_or_insert_default().insert(child.id());
    Ok(child)
}

/// Strikes off a child that was reaped.
pub(crate) fn forget(pid: u32) {
    if let Some(own) = own().as_mut() {
        own.remove(&pid);
    }
}

/// Does `work` while no child is being started, with a way to tell own children; `None` when one
/// is being started right now.
pub(crate) fn between_births<T>(work: impl FnOnce(&dyn Fn(u32) -> bool) -> T) -> Option<T> {
    let _pause = BIRTHS.try_write().ok()?;
    Some(work(&|pid| own().as_ref().is_some_and(|own| own.contains(&pid))))
}

fn own() -> MutexGuard<'static, Option<HashSet<u32>>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}
