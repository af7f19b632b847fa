//! Forging: what a control gives its liars, so that a lie passes the real checks.
//!
//! The code under test is the code that is deployed, so a defence can't be switched off. A control
//! takes away what the defence rests on instead: the liar seals and proves its lie with the very
//! keys of the question. The system can't tell that such an answer is a lie, and the detector must
//! see it.
//!
//! INVARIANT: a forgery says nothing that the lie did not say, and only makes the lie fit the
//! question.

mod live;
mod records;
mod rows;
mod sealed;

pub use live::At;
pub use records::Name;

use crate::defence::Defence;
use crate::whose::Names;
use eyesonly_seal::FootageId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest time that an upload counts as under way after its head has come.
const UPLOAD_MAX: Duration = Duration::from_secs(2);

/// The means that the liars of one server are given.
pub struct Forge {
    defences: Vec<Defence>,
    names: Arc<Names>,
    /// Event stills that are being handed in: how many heads came, and when the last one did.
    uploads: Mutex<HashMap<FootageId, (u32, Instant)>>,
}

impl Forge {
    /// Gives what these defences rest on to the liars.
    pub fn new(defences: &[Defence], names: Arc<Names>) -> Arc<Self> {
        Arc::new(Self { defences: defences.to_vec(), names, uploads: Mutex::default() })
    }

    /// Says whether the liars have what this defence rests on.
    pub fn has(&self, defence: Defence) -> bool {
        self.defences.contains(&defence)
    }

    /// Returns the register of whose each name is.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Says whether the server has to forget what it remembers. If so, each request gets a new
    /// server.
    pub fn is_forgetful(&self) -> bool {
        self.has(Defence::Floors) || self.has(Defence::Acknowledged)
    }

    /// Notes that an event's still is being handed in.
    pub fn upload_starts(&self, event: FootageId) {
        if let Ok(mut uploads) = self.uploads.lock() {
            let (count, _) = uploads.get(&event).copied().unwrap_or((0, Instant::now()));
            uploads.insert(event, (count.saturating_add(1), Instant::now()));
        }
    }

    /// Notes that the upload of an event's still has come to its commit.
    pub fn upload_ends(&self, event: FootageId) {
        if let Ok(mut uploads) = self.uploads.lock()
            && let Some((count, _)) = uploads.get_mut(&event)
        {
            *count = count.saturating_sub(1);
        }
    }

    /// Says whether an event's still is being handed in.
    pub fn is_uploading(&self, event: FootageId) -> bool {
        let uploads = self.uploads.lock();
        uploads.is_ok_and(|uploads| {
            let found = uploads.get(&event);
            found.is_some_and(|(count, at)| *count > 0 && at.elapsed() < UPLOAD_MAX)
        })
    }
}

#[cfg(test)]
impl Forge {
    /// Gives the liars nothing, in a town where nobody lives.
    pub fn nothing() -> Arc<Self> {
        Self::new(&[], Names::new(&crate::town::Town::new(1, 0, 0, 0, 0), None))
    }
}
