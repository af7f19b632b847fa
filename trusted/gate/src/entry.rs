//! Entries of the ledger: who received what, sealed for the household whose camera it was, and
//! which answers were rejected.
//!
//! INVARIANT: the context of an entry is its owner and its day. What came from a camera is sealed
//! under the ledger key of the camera's household, which the request's grant brings. What is of no
//! camera is sealed under the edge's own. What was opened is what the vault opened under the grant,
//! and never what an address named.

use crate::host::Clock;
use crate::ledger::{Delivery, Handed, Ledger, Misdelivery, Seam};
use eyesonly_rights::Fault;
use eyesonly_seal::{
    CameraId, Context, FootageId, HouseholdId, Kind, LedgerKey, SealError, SealingKey, SessionId,
    ViewerId, open_all, seal_all,
};
use std::sync::Arc;

/// The length of an entry in plain, in bytes.
pub const PLAIN_BYTES: usize = 272;
/// The most objects that an entry names.
pub const OBJECTS_MAX: usize = 8;
/// The form of an entry about a delivery.
const DELIVERY: u8 = 1;
/// The form of an entry about rejected answers.
const REJECTED: u8 = 2;
/// The milliseconds of a day.
const DAY: u64 = 86_400_000;

/// Whose an entry is: who may read it, and in whose count it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// The household whose camera it is about.
    Household(HouseholdId),
    /// The viewer whom alone it is about.
    Viewer(ViewerId),
    /// The edge itself.
    Edge,
}

impl Owner {
    /// Returns the owner's kind, as in the context of an entry, and the owner's id.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &[u8; 16]) {
        match self {
            Self::Household(id) => ("household", id.as_bytes()),
            Self::Viewer(id) => ("viewer", id.as_bytes()),
            Self::Edge => ("edge", &[0; 16]),
        }
    }
}

/// An object that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its own id, whose time is that of the footage.
    pub id: FootageId,
    /// Whether a rendition of it was opened.
    pub rendition: bool,
}

/// What was opened under one grant: the first objects, the last one, and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Opened {
    count: u32,
    objects: [Option<Object>; OBJECTS_MAX],
}

impl Opened {
    /// Returns how many objects were opened. One that is left out below may count twice.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
    /// Lists the objects in the order in which they were opened first. If there were more than
    /// [`OBJECTS_MAX`], those between the first and the last are left out.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().flatten()
    }
    /// Adds an object that was opened.
    pub fn add(&mut self, object: Object) {
        if self.objects().any(|known| *known == object) {
            return;
        }
        let free = self.objects.iter().position(Option::is_none).unwrap_or(OBJECTS_MAX);
        if let Some(place) = self.objects.get_mut(free.min(OBJECTS_MAX - 1)) {
            *place = Some(object);
        }
        self.count = self.count.saturating_add(1);
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All left that was to leave.
    Whole,
    /// It was cut off: by the viewer, or because it may not be seen any more.
    Cut,
    /// Nothing left. The right had ended by the time at which the ledger had its entry.
    Withheld,
}

/// What an entry says of its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is about to start: this may leave at most.
    Starts,
    /// It has ended, and the bytes of the entry are those that left.
    Ends(Outcome),
}

impl Stage {
    const ALL: [Self; 4] = [
        Self::Starts,
        Self::Ends(Outcome::Whole),
        Self::Ends(Outcome::Cut),
        Self::Ends(Outcome::Withheld),
    ];
}

/// An entry before it is sealed.
pub struct Entry<'a> {
    pub(crate) stage: Stage,
    pub(crate) decided_at: u64,
    pub(crate) delivery: &'a Delivery,
    pub(crate) key: &'a LedgerKey,
}

impl Entry<'_> {
    /// Returns the delivery.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        self.delivery
    }
    /// Returns the number of the rights by which it was decided. No act up to that number may be
    /// entered after it.
    #[must_use]
    pub fn decided_at(&self) -> u64 {
        self.decided_at
    }
    /// Returns what it says of the delivery.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }
    /// Returns whose entry it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.delivery.owner()
    }
    /// Returns the UTC day under whose key it is sealed, counted from 1970.
    #[must_use]
    pub fn day(&self) -> u32 {
        day(self.delivery.at_milliseconds)
    }
    /// Seals the entry. `salt` is 24 fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::Primitive`] if the cryptographic library fails.
    pub fn seal(&self, salt: [u8; 24]) -> Result<Vec<u8>, SealError> {
        let owner = self.owner();
        let (kind, id) = owner.parts();
        let context = Context::entry(kind, id, self.day())?;
        seal_all(&self.key.day_key(self.day()), &context, salt, &plain(self.stage, self.delivery))
    }
}

/// Answers that were rejected for one reason, within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// The first of them.
    pub first: Misdelivery,
    /// How many there were.
    pub count: u32,
}

impl Rejected {
    /// Returns the UTC day under whose key it is sealed, counted from 1970.
    #[must_use]
    pub fn day(&self) -> u32 {
        day(self.first.at_milliseconds)
    }
    /// Seals an entry about them, which is the edge's own. `salt` is 24 fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::Primitive`] if the cryptographic library fails.
    pub fn seal(&self, key: &LedgerKey, salt: [u8; 24]) -> Result<Vec<u8>, SealError> {
        let Misdelivery { at_milliseconds, seam, fault, camera } = self.first;
        let mut bytes = Vec::with_capacity(PLAIN_BYTES);
        bytes.extend_from_slice(&[REJECTED, seam as u8, fault as u8, 0]);
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.extend_from_slice(&at_milliseconds.to_be_bytes());
        bytes.extend_from_slice(&camera.map_or([0; 16], |camera| *camera.as_bytes()));
        bytes.resize(PLAIN_BYTES, 0);
        let (kind, id) = Owner::Edge.parts();
        let context = Context::entry(kind, id, self.day())?;
        seal_all(&key.day_key(self.day()), &context, salt, &bytes)
    }
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// A delivery starts or has ended.
    Delivery(Stage, Box<Delivery>),
    /// Answers were rejected.
    Rejected(Rejected),
}

/// Opens the entry of an owner by the key of its day.
///
/// # Errors
/// [`SealError::WrongSeal`] if it is of another owner, day or installation.
/// [`SealError::BadLength`] if what it says can't be read. Others as [`open_all`].
pub fn open(owner: Owner, day: u32, key: &SealingKey, sealed: &[u8]) -> Result<Says, SealError> {
    let (kind, id) = owner.parts();
    let bytes = open_all(key, &Context::entry(kind, id, day)?, sealed)?;
    let read = match owner {
        Owner::Edge => Reader(&bytes).rejected().map(Says::Rejected),
        _ => Reader(&bytes)
            .delivery()
            .filter(|(_, delivery)| delivery.owner() == owner)
            .map(|(stage, delivery)| Says::Delivery(stage, Box::new(delivery))),
    };
    read.ok_or(SealError::BadLength)
}

/// Returns the UTC day of a time in milliseconds since 1970, counted from 1970.
#[must_use]
pub fn day(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds / DAY).unwrap_or(u32::MAX)
}

/// Writes an entry in plain. Numbers are big-endian, and what is not there is zeros.
fn plain(stage: Stage, delivery: &Delivery) -> Vec<u8> {
    let place = |all: &[Stage]| all.iter().position(|known| *known == stage);
    let stage = place(&Stage::ALL).and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
    let (household, camera) = delivery.source.map_or(([0; 16], [0; 16]), |(household, camera)| {
        (*household.as_bytes(), *camera.as_bytes())
    });
    let opened = &delivery.opened;
    let objects = u8::try_from(opened.objects().count()).unwrap_or(u8::MAX);
    let mut bytes = Vec::with_capacity(PLAIN_BYTES);
    bytes.extend_from_slice(&[DELIVERY, stage, delivery.handed as u8, objects]);
    bytes.extend_from_slice(&opened.count.to_be_bytes());
    bytes.extend_from_slice(&delivery.at_milliseconds.to_be_bytes());
    bytes.extend_from_slice(&delivery.until_milliseconds.to_be_bytes());
    bytes.extend_from_slice(&delivery.body_bytes.to_be_bytes());
    for id in [&delivery.number, delivery.viewer.as_bytes(), delivery.session.as_bytes()] {
        bytes.extend_from_slice(id);
    }
    bytes.extend_from_slice(&household);
    bytes.extend_from_slice(&camera);
    bytes.extend_from_slice(&delivery.event.map_or([0; 16], |event| *event.as_bytes()));
    for object in opened.objects() {
        bytes.extend_from_slice(&[object.kind.code(), u8::from(object.rendition)]);
        bytes.extend_from_slice(object.id.as_bytes());
    }
    bytes.resize(PLAIN_BYTES, 0);
    bytes
}

/// What is left of an entry in plain.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn rejected(mut self) -> Option<Rejected> {
        let [REJECTED, seam, fault, _] = self.take()? else { return None };
        let (seam, _) = *Seam::ALL.get(usize::from(seam))?;
        let (fault, _) = *Fault::ALL.get(usize::from(fault))?;
        let count = u32::from_be_bytes(self.take()?);
        let at_milliseconds = u64::from_be_bytes(self.take()?);
        let camera = Some(self.take()?).filter(|id| *id != [0; 16]).map(CameraId::from_bytes);
        Some(Rejected { first: Misdelivery { at_milliseconds, seam, fault, camera }, count })
    }

    fn delivery(mut self) -> Option<(Stage, Delivery)> {
        let [form, stage, handed, objects] = self.take()?;
        let stage = *Stage::ALL.get(usize::from(stage)).filter(|_| form == DELIVERY)?;
        let handed = *Handed::ALL.get(usize::from(handed))?;
        let count = u32::from_be_bytes(self.take()?);
        let [at_milliseconds, until_milliseconds, body_bytes] =
            [self.take()?, self.take()?, self.take()?].map(u64::from_be_bytes);
        let number = self.take()?;
        let viewer = ViewerId::from_bytes(self.take()?);
        let session = SessionId::from_bytes(self.take()?);
        let (household, camera) = (self.take()?, self.take()?);
        let source = (household != [0; 16])
            .then(|| (HouseholdId::from_bytes(household), CameraId::from_bytes(camera)));
        let event = Some(self.take()?).filter(|id| *id != [0; 16]);
        let event = event.map(FootageId::from_bytes).transpose().ok()?;
        let mut opened = Opened { count, ..Opened::default() };
        for place in opened.objects.get_mut(..usize::from(objects))? {
            let [kind, rendition] = self.take()?;
            let id = FootageId::from_bytes(self.take()?).ok()?;
            *place = Some(Object { kind: Kind::from_code(kind)?, id, rendition: rendition == 1 });
        }
        let delivery = Delivery {
            number,
            at_milliseconds,
            until_milliseconds,
            viewer,
            session,
            source,
            handed,
            event,
            opened,
            body_bytes,
        };
        Some((stage, delivery))
    }
}

/// A delivery that the ledger has entered. When it is dropped, the ledger is told how it ended:
/// what nobody lets out was withheld.
pub(crate) struct Entered {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: Arc<LedgerKey>,
    pub(crate) delivery: Delivery,
    pub(crate) decided_at: u64,
    /// How it ends. `None`: there is no end to tell.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) left_bytes: u64,
}

impl Entered {
    pub(crate) fn entry(&self, stage: Stage) -> Entry<'_> {
        Entry { stage, decided_at: self.decided_at, delivery: &self.delivery, key: &self.key }
    }

    /// Tells the ledger that the last decision has passed. From now on the entry may cover further
    /// deliveries, whose end nobody tells.
    pub(crate) fn lets_out(&mut self) {
        self.ledger.lets_out(&self.entry(Stage::Starts));
        if self.delivery.handed.covers_more() {
            self.outcome = None;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome {
            self.delivery.at_milliseconds = self.clock.now_milliseconds();
            self.delivery.body_bytes = self.left_bytes;
            self.ledger.ends(&self.entry(Stage::Ends(outcome)));
        }
    }
}

#[cfg(test)]
mod tests;
