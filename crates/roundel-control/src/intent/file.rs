//! The file that keeps what operators decided.
//!
//! Written whole beside itself, brought to the disk and then renamed over, so at every moment there
//! is either the old one or the new one, also after a crash (rename(2)). A file that cannot be
//! understood is kept aside under a name of its own: whoever repairs it has it, and Roundel starts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::IntentError;
use crate::compose::Overlay;

/// The largest file that is read; the limit on decisions is reached long before.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The file that keeps what operators decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    path: PathBuf,
}

/// Damaged files that are kept. So many mean that somebody else writes the file.
const DAMAGED_MAX: u32 = 9;

/// What a state file held at the start.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: StateFile,
    /// What it said.
    pub overlay: Overlay,
    /// What is wrong with it, if it could not be used, and where it is kept.
    pub damage: Option<String>,
}

impl StateFile {
    /// Reads the file at `path`, which need not exist.
    ///
    /// # Errors
    /// When it exists and cannot be read, or is damaged and cannot be kept aside, as when there are
    /// too many damaged ones already: going on would end in overwriting it.
    pub fn open(path: &Path) -> io::Result<Opened> {
        let file = Self { path: path.to_owned() };
        let damage = match read(path) {
            Ok(text) => match Overlay::parse(&text) {
                Ok(overlay) => return Ok(Opened { file, overlay, damage: None }),
                Err(fault) => fault.to_string(),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Opened { file, overlay: Overlay::default(), damage: None });
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => error.to_string(),
            Err(error) => return Err(error),
        };
        let aside = free_name(path)?;
        fs::rename(path, &aside)?;
        sync_folder(path)?;
        let damage = format!("{damage}; kept as {}", aside.display());
        Ok(Opened { file, overlay: Overlay::default(), damage: Some(damage) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what it holds; on return it is on the disk.
    pub(super) async fn save(self, overlay: &Overlay) -> Result<(), IntentError> {
        let text = overlay.to_text();
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&self.path, text.as_bytes()));
        let written = written.await.unwrap_or_else(|_| Err(io::Error::other("writing failed")));
        written.map_err(|fault| IntentError::NotSaved { path, fault })
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = with_ending(path, "new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Brings the name of the file at `path` to the disk: a rename is there when the directory is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The first name for a damaged file that is not taken: `.damaged`, `.damaged.2` and so on.
fn free_name(path: &Path) -> io::Result<PathBuf> {
    for number in 1..=DAMAGED_MAX {
        let ending = if number == 1 { "damaged".to_owned() } else { format!("damaged.{number}") };
        let name = with_ending(path, &ending);
        match fs::symlink_metadata(&name) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(name),
            Err(error) => return Err(error),
        }
    }
    let what = format!(
        "it is damaged, and {DAMAGED_MAX} damaged ones are kept beside it already (limit \
         {DAMAGED_MAX}): repair or remove them"
    );
    Err(io::Error::other(what))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
