//! What was derived last: the keys of cameras, and the openers of their objects.
//!
//! Deriving is a pure function: of a household's key and the ids, or of a camera's key, a context
//! and a header. So a value that is found by all of these is the value that deriving would give.
//! Whatever is opened with it has been fetched for the request at hand.
//!
//! INVARIANT: a camera's keys count only for the very household's key that they were derived from.
//! Once the keyring has forgotten keys, nothing that was derived before is kept.

use eyesonly_seal::format::HEADER_BYTES;
use eyesonly_seal::{
    CameraId, CameraKey, Context, FootageId, HouseholdId, HouseholdKey, LedgerKey, Opener,
    SealError, SealingKey,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The most cameras whose keys are remembered. The next one makes room by forgetting all.
pub const CAMERAS_MAX: usize = 1 << 13;
/// The most objects of one camera whose openers are remembered.
pub const OPENERS_MAX: usize = 8;

/// The keys of one camera, and of its household's entries in the ledger.
pub(crate) struct CameraKeys {
    pub(crate) camera: CameraKey,
    pub(crate) ledger: Arc<LedgerKey>,
    /// The key of the UTC day that was asked for last.
    day: Mutex<Option<(u32, Arc<SealingKey>)>>,
    openers: Mutex<Vec<OpenerOf>>,
}

/// An opener, and what it was derived from beside the camera's keys.
struct OpenerOf {
    context: Context,
    header: [u8; HEADER_BYTES],
    opener: Arc<Opener>,
}

impl CameraKeys {
    /// Derives the keys. They depend on both ids. So another household's key, whoever mixed it up,
    /// opens nothing.
    pub(crate) fn new(key: &HouseholdKey, household: HouseholdId, camera: CameraId) -> Self {
        Self {
            camera: key.camera_key(&household, &camera),
            ledger: Arc::new(key.ledger_key(&household)),
            day: Mutex::default(),
            openers: Mutex::default(),
        }
    }

    /// Returns the key that seals this object, which is the key of its day.
    pub(crate) fn footage_key(&self, id: &FootageId) -> Arc<SealingKey> {
        let mut known = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((day, key)) if *day == id.day() => Arc::clone(key),
            _ => {
                let key = Arc::new(self.camera.footage_key(id));
                *known = Some((id.day(), Arc::clone(&key)));
                key
            }
        }
    }

    /// Returns the opener of this object, whose id is in the context too.
    ///
    /// # Errors
    /// As [`Opener::new`].
    pub(crate) fn opener(
        &self,
        id: &FootageId,
        context: &Context,
        header: &[u8; HEADER_BYTES],
    ) -> Result<Arc<Opener>, SealError> {
        let mut openers = self.openers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) =
            openers.iter().find(|of| of.context == *context && of.header == *header)
        {
            return Ok(Arc::clone(&known.opener));
        }
        let opener = Arc::new(Opener::new(&self.footage_key(id), context, header)?);
        if openers.len() >= OPENERS_MAX {
            openers.remove(0);
        }
        let known = Arc::clone(&opener);
        openers.push(OpenerOf { context: context.clone(), header: *header, opener: known });
        Ok(opener)
    }
}

/// The keys of the cameras that were asked for last.
#[derive(Default)]
pub(crate) struct Derived(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// How often the keyring had forgotten keys by then.
    forgotten: u64,
    cameras: HashMap<(HouseholdId, CameraId), (Weak<HouseholdKey>, Arc<CameraKeys>)>,
}

impl Derived {
    /// Returns the keys of a camera. `key` is its household's, as the keyring gave it after it was
    /// asked how often it had `forgotten` keys.
    pub(crate) fn of(
        &self,
        (key, forgotten): (&Arc<HouseholdKey>, u64),
        household: HouseholdId,
        camera: CameraId,
    ) -> Arc<CameraKeys> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.forgotten != forgotten || known.cameras.len() >= CAMERAS_MAX {
            *known = Remembered { forgotten, cameras: HashMap::new() };
        }
        match known.cameras.get(&(household, camera)) {
            Some((of, derived)) if of.as_ptr() == Arc::as_ptr(key) => Arc::clone(derived),
            _ => {
                let derived = Arc::new(CameraKeys::new(key, household, camera));
                let entry = (Arc::downgrade(key), Arc::clone(&derived));
                known.cameras.insert((household, camera), entry);
                derived
            }
        }
    }
}

#[cfg(test)]
mod tests;
