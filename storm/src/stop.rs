//! The run's folder, and how a run is stopped: Ctrl-C or SIGTERM end it without a verdict.
//!
//! Everything that a run writes is below one folder. That folder is deleted however the run ends,
//! except by SIGKILL. A run that was stopped must never leave data, a report or a web cache behind.
//! It must never say anything that could be taken for a result.

use anyhow::Context as _;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The start of each folder's name, so that people know whose it is.
const PREFIX: &str = "eyesonly-storm-";
/// The mode of each folder: it is for this user alone.
const MODE: u32 = 0o700;
/// The most tries to remove a folder again: something may have been writing to it meanwhile.
const TRIES: u32 = 20;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// The signal that stopped a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Stop {
    /// Returns the exit status, as shells have it: 128 plus the signal's number.
    pub const fn status(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// A listener for both signals.
pub struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    /// Starts to listen, which needs a runtime around it.
    ///
    /// # Errors
    /// The system has no room for another handler.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| {
            signal(kind).context("Ctrl-C and SIGTERM can't be listened for; nothing was started")
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the first of the signals.
    pub async fn first(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
        }
    }
}

/// Makes a folder below `parent`, or where temporary ones are. The folder is deleted when the
/// result is dropped.
///
/// # Errors
/// The folder can't be made there.
pub fn folder_in(parent: Option<&Path>) -> anyhow::Result<TempDir> {
    let place = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(Permissions::from_mode(MODE))
        .tempdir_in(&place)
        .with_context(|| {
            format!(
                "no folder for the storm's data can be made in {}; give --data a folder that is \
                 there and can be written to",
                place.display()
            )
        })
}

/// The folder that everything of one run is in.
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes the folder.
    ///
    /// # Errors
    /// The folder can't be made below `parent`.
    pub fn new(parent: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self(folder_in(parent)?.keep()))
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn remove(&self) -> io::Result<()> {
        let mut tries = 0;
        loop {
            match std::fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(_) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                ended => return ended,
            }
        }
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(
                %error,
                folder = %self.0.display(),
                "the storm's data could not be removed; remove it by hand"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_folder_for_its_user_alone_and_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunFolder::new(Some(parent.path())).unwrap();
        let mode = std::fs::metadata(run.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(run.path().file_name().unwrap().to_string_lossy().starts_with(PREFIX));
        let within = folder_in(Some(run.path())).unwrap();
        std::fs::write(within.path().join("sealed"), "x").unwrap();
        drop(run);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_said() {
        let error = RunFolder::new(Some(Path::new("/no/such/folder"))).err().unwrap();
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
