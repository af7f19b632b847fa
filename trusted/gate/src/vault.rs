//! The vault: proves index rows, opens sealed extents, seals what comes in. The only place where
//! sealed bytes become plain footage.
//!
//! INVARIANT: what an object is (its context, its key, its name) is built from the question and the
//! grant behind it, never from what came back. The one thing taken from an answer is the object's
//! version and length, and only after the row's proof, a MAC under the camera's own key over the
//! question's slot, has been verified.
//!
//! Long: rows, opening and sealing share their names and keys, and are read in one go.

use crate::grant::{About, Asked, Grant, Holder, Offered, Scope, ToDelete};
use crate::rules;
use bytes::Bytes;
use eyesonly_rights::Fault;
use eyesonly_seal::format::{
    self, CHUNK_BYTES, EXTENT_CHUNKS, EXTENT_PLAIN_BYTES, EXTENT_SEALED_BYTES, HEADER_BYTES,
    SEALED_CHUNK_BYTES, TAG_BYTES,
};
use eyesonly_seal::{
    CameraId, Context, FootageId, KeyedDigest, Kind, ObjectName, ObjectVersion, Opener, Question,
    Rendition, SealError, Sealer, Slot, SlotName,
};
use std::ops::Range;
use std::sync::Arc;
use zeroize::{Zeroize as _, Zeroizing};

/// Whether a row's object is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The object is in the store (or inline).
    Live = 1,
    /// It was deleted; the row stays, so that a camera's retry does not bring it back.
    Deleted = 2,
}

/// One object, as the index claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// What it is asked by: a keyed name of the question (context without version).
    pub slot: SlotName,
    /// Its camera.
    pub camera: CameraId,
    /// Its kind.
    pub kind: Kind,
    /// Its own id (the still's or the event's).
    pub id: FootageId,
    /// It is a rendition of the object of the same camera, kind and id.
    pub rendition: bool,
    /// The version under which it was sealed.
    pub version: ObjectVersion,
    /// Its name in tiers and store.
    pub name: ObjectName,
    /// Length of the sealed object in bytes.
    pub sealed_length: u64,
    /// Keyed digest of the plain body (for a rendition: zeros).
    pub body_digest: [u8; 32],
    /// Whether it is there.
    pub state: State,
    /// The sealed object itself, when it is small and kept here (event details).
    pub inline: Option<Vec<u8>>,
    /// MAC over all of the above but `inline` (which is sealed), under the camera's index key.
    pub proof: [u8; 32],
}

/// What a proof is about: an object.
const OBJECT: &[u8] = b"object";
/// The same, of the pointer to a camera's newest still.
const POINTER: &[u8] = b"newest still";

/// One object: all that its names, contexts and proofs are built from.
pub(crate) struct Subject<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) kind: Kind,
    pub(crate) id: FootageId,
    pub(crate) rendition: Option<(&'a str, [u8; 32])>,
}

impl<'a> Subject<'a> {
    fn question(&self) -> Question<'_> {
        Question {
            household: self.scope.household,
            camera: self.scope.camera,
            kind: self.kind,
            rendition: self.rendition.map(|(name, handler)| Rendition { name, handler }),
            object: self.id,
        }
    }
    pub(crate) fn slot(&self) -> Result<SlotName, SealError> {
        Ok(self.scope.key.slot_name(&Slot::footage(&self.question())?))
    }
    fn named(&self, version: ObjectVersion) -> Result<(Context, ObjectName), SealError> {
        let context = Context::footage(&self.question(), version)?;
        let name = self.scope.key.object_name(&context);
        Ok((context, name))
    }
    fn row(
        &self,
        domain: &[u8],
        (version, name): (ObjectVersion, ObjectName),
        sealed_length: u64,
        body_digest: [u8; 32],
    ) -> Result<ObjectRow, SealError> {
        let mut row = ObjectRow {
            slot: self.slot()?,
            camera: self.scope.camera,
            kind: self.kind,
            id: self.id,
            rendition: self.rendition.is_some(),
            version,
            name,
            sealed_length,
            body_digest,
            state: State::Live,
            inline: None,
            proof: [0; 32],
        };
        row.proof = stated(domain, &row, |parts| self.scope.key.index_key().mac(parts));
        Ok(row)
    }
    fn prove(&self, domain: &[u8], row: &ObjectRow) -> Result<State, Fault> {
        let ours = self.slot().is_ok_and(|slot| row.slot == slot);
        let key = self.scope.key.index_key();
        let proven = stated(domain, row, |parts| key.verify(parts, &row.proof));
        if ours && proven.is_ok() { Ok(row.state) } else { Err(Fault::WrongAnswer) }
    }
    fn sealing(self, version: ObjectVersion, salt: [u8; 24]) -> Result<Sealing<'a>, SealError> {
        let (context, name) = self.named(version)?;
        let sealer = Sealer::new(&self.scope.key.footage_key(&self.id), &context, salt)?;
        let sealed = sealer.header().to_vec();
        // A camera's body is compared with what it hands in again; nobody hands in a rendition.
        let compared = self.rendition.is_none();
        let digest = compared.then(|| KeyedDigest::new(&self.scope.key.body_digest_key()));
        Ok(Sealing { subject: self, version, name, sealer, sealed, taken: 0, digest })
    }
}

/// What a row's proof is a MAC of: all that it claims.
fn stated<T>(domain: &[u8], row: &ObjectRow, mac: impl FnOnce(&[&[u8]]) -> T) -> T {
    mac(&[
        domain,
        row.slot.as_bytes(),
        row.camera.as_bytes(),
        &[row.kind.code(), u8::from(row.rendition), row.state as u8],
        row.id.as_bytes(),
        row.version.as_bytes(),
        row.name.as_bytes(),
        &row.sealed_length.to_be_bytes(),
        &row.body_digest,
    ])
}

#[expect(private_bounds, reason = "nobody else may hold a question")]
impl<H: Holder> About<H> {
    /// Proves that `row` answers this question, and says whether the object is there.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`]: another question's row, or a changed one.
    pub fn prove(&self, row: &ObjectRow) -> Result<State, Fault> {
        self.subject().prove(OBJECT, row)
    }
}

impl ToDelete<'_> {
    /// Makes the tombstone of a row that was proven.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`], as for a row that is not proven.
    pub fn bury(&self, row: &ObjectRow) -> Result<ObjectRow, Fault> {
        self.prove(row)?;
        let mut tombstone = ObjectRow { state: State::Deleted, inline: None, ..row.clone() };
        let key = self.subject().scope.key.index_key();
        tombstone.proof = stated(OBJECT, &tombstone, |parts| key.mac(parts));
        Ok(tombstone)
    }
}

impl Offered<'_> {
    /// Starts to seal the object. `salt`: 24 random bytes, fresh.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, version: ObjectVersion, salt: [u8; 24]) -> Result<Sealing<'_>, SealError> {
        self.subject().sealing(version, salt)
    }
    /// Starts the keyed digest of a body, to compare it with what a proven row says.
    #[must_use]
    pub fn digest(&self) -> KeyedDigest {
        KeyedDigest::new(&self.holder.scope().key.body_digest_key())
    }
}

/// Seals one object as it arrives.
pub struct Sealing<'a> {
    subject: Subject<'a>,
    version: ObjectVersion,
    name: ObjectName,
    sealer: Sealer,
    sealed: Vec<u8>,
    taken: u64,
    digest: Option<KeyedDigest>,
}

/// A sealed object: its last part, and what the index is told of it.
pub struct Finished {
    /// What was not taken before.
    pub rest: SealedPart,
    /// The object's row.
    pub row: ObjectRow,
    /// The pointer to it, if it is a camera's still.
    pub pointer: Option<ObjectRow>,
}

impl Sealing<'_> {
    /// The object's name in tiers and store.
    pub fn name(&self) -> ObjectName {
        self.name
    }
    /// Takes more of the plain body.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn push(&mut self, plain: &[u8]) -> Result<(), SealError> {
        if let Some(digest) = &mut self.digest {
            digest.update(plain);
        }
        self.sealer.push(plain, &mut self.sealed)
    }
    /// Gives the next part of exactly `part_bytes`, once there is so much.
    pub fn part(&mut self, part_bytes: usize) -> Option<SealedPart> {
        let rest = self.sealed.split_at_checked(part_bytes)?.1.to_vec();
        self.taken = self.taken.saturating_add(part_bytes as u64);
        self.sealed.truncate(part_bytes);
        Some(SealedPart(std::mem::replace(&mut self.sealed, rest).into()))
    }
    /// Ends the object.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn finish(mut self) -> Result<Finished, SealError> {
        self.sealer.finish(&mut self.sealed)?;
        let (subject, named) = (self.subject, (self.version, self.name));
        let length = self.taken.saturating_add(self.sealed.len() as u64);
        let digest = self.digest.map_or([0; 32], KeyedDigest::finish);
        let row = subject.row(OBJECT, named, length, digest)?;
        let is_still = subject.kind == Kind::Still && subject.rendition.is_none();
        let pointer = is_still.then(|| subject.row(POINTER, named, length, digest));
        let rest = SealedPart(self.sealed.into());
        Ok(Finished { rest, row, pointer: pointer.transpose()? })
    }
}

/// Sealed bytes of one extent with its object's header, as a tier, a store or a coalescer gave
/// them. Nobody vouches for it; only the vault takes it.
#[derive(Clone)]
pub struct Claimed {
    /// The object's header: salt and commitment.
    pub header: [u8; HEADER_BYTES],
    /// Up to 64 sealed chunks.
    pub chunks: Bytes,
}

/// An extent that was sealed here, or has authenticated to its last chunk: what a tier may hold.
#[derive(Clone)]
pub struct Sealed(Claimed);

impl Sealed {
    /// The object's header.
    #[must_use]
    pub fn header(&self) -> &[u8; HEADER_BYTES] {
        &self.0.header
    }
    /// The sealed chunks.
    #[must_use]
    pub fn chunks(&self) -> &Bytes {
        &self.0.chunks
    }
    /// Puts header and chunks together: the whole object, if it fits in one extent.
    #[must_use]
    pub fn whole(&self) -> SealedPart {
        SealedPart([self.0.header.as_slice(), &self.0.chunks].concat().into())
    }
}

impl From<Sealed> for Claimed {
    fn from(sealed: Sealed) -> Self {
        sealed.0
    }
}

/// Sealed bytes of an object on their way to the store: only the vault makes them.
#[derive(Clone, Debug)]
pub struct SealedPart(Bytes);

impl SealedPart {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
    /// Takes the bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// An object that was asked for under a grant and located by a proven row: it can be opened.
pub struct Located {
    asked: Asked,
    version: ObjectVersion,
    name: ObjectName,
    context: Context,
    plain_length: u64,
    sealed_length: u64,
}

impl Asked {
    /// Proves that `row` answers this question, and locates the object. None: it was deleted.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`]: another question's row, or a changed one.
    pub fn locate(&self, row: &ObjectRow) -> Result<Option<Located>, Fault> {
        match self.prove(row)? {
            State::Deleted => Ok(None),
            State::Live => self.clone().at(row.version, row.sealed_length).map(Some),
        }
    }

    /// The object in a version and length that are known to be right: proven, or chosen by us.
    fn at(self, version: ObjectVersion, sealed_length: u64) -> Result<Located, Fault> {
        let plain_length = format::plain_length(sealed_length).map_err(fault)?;
        let (context, name) = self.subject().named(version).map_err(fault)?;
        Ok(Located { asked: self, version, name, context, plain_length, sealed_length })
    }
}

impl Grant {
    /// Proves a newest-still pointer of the camera, and locates the still. None beside the id: the
    /// right does not cover it.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`]: another camera's pointer, or a changed one.
    pub fn prove_pointer(
        self: &Arc<Self>,
        row: &ObjectRow,
    ) -> Result<(FootageId, Option<Located>), Fault> {
        self.learn(POINTER, Kind::Still, row)
    }

    /// Proves a live row of an event page. None beside the id: the right does not cover it.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`]; [`Fault::Stale`] for a deleted event.
    pub fn prove_event(
        self: &Arc<Self>,
        row: &ObjectRow,
    ) -> Result<(FootageId, Option<Located>), Fault> {
        self.learn(OBJECT, Kind::Event, row)
    }

    /// Takes the id from the answer, once it is proven, and asks for it.
    fn learn(
        self: &Arc<Self>,
        domain: &[u8],
        kind: Kind,
        row: &ObjectRow,
    ) -> Result<(FootageId, Option<Located>), Fault> {
        let subject = Subject { scope: &self.scope, kind, id: row.id, rendition: None };
        if subject.prove(domain, row)? == State::Deleted {
            return Err(Fault::Stale);
        }
        let located = self.ask(kind, row.id).map(|asked| asked.at(row.version, row.sealed_length));
        Ok((row.id, located.transpose()?))
    }
}

impl Located {
    /// The question that it answers.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
    /// The grant that it is held under.
    pub fn grant(&self) -> &Arc<Grant> {
        &self.asked.holder
    }
    /// Its name in tiers and store.
    pub fn name(&self) -> ObjectName {
        self.name
    }
    /// The version under which it was sealed.
    pub fn version(&self) -> ObjectVersion {
        self.version
    }
    /// Length of its footage in bytes. Proven once the last chunk has opened.
    pub fn plain_length(&self) -> u64 {
        self.plain_length
    }
    /// Where extent `index` lies in the sealed object, without the header: start and length.
    pub fn extent_range(&self, index: u64) -> Option<(u64, u64)> {
        let start = index.checked_mul(EXTENT_SEALED_BYTES as u64)?;
        let start = start.checked_add(HEADER_BYTES as u64)?;
        let left = self.sealed_length.checked_sub(start)?;
        (left > 0).then_some((start, left.min(EXTENT_SEALED_BYTES as u64)))
    }

    /// Takes an extent as an answer for extent `index`: right length, right seal. Chunks
    /// authenticate as they open.
    ///
    /// # Errors
    /// [`Fault`]: a misdelivery.
    pub fn accept(&self, index: u64, extent: Claimed) -> Result<OpenExtent, Fault> {
        let (_, length) = self.extent_range(index).ok_or(Fault::WrongLength)?;
        if extent.chunks.len() as u64 != length {
            return Err(Fault::WrongLength);
        }
        let key = self.asked.holder.scope.key.footage_key(&self.asked.id);
        let opener = Opener::new(&key, &self.context, &extent.header).map_err(fault)?;
        let first_chunk = index.checked_mul(EXTENT_CHUNKS as u64).ok_or(Fault::WrongLength)?;
        let (grant, object) = (Arc::clone(&self.asked.holder), self.name);
        Ok(OpenExtent { grant, object, opener, extent, first_chunk })
    }

    /// Opens an object that is kept in its row.
    ///
    /// # Errors
    /// [`Fault`]: a misdelivery.
    pub fn open_inline(&self, row: &ObjectRow) -> Result<Plain, Fault> {
        let sealed = row.inline.as_deref().ok_or(Fault::Missing)?;
        let (header, chunks) = sealed.split_first_chunk().ok_or(Fault::WrongLength)?;
        let chunks = Bytes::copy_from_slice(chunks);
        let open = self.accept(0, Claimed { header: *header, chunks })?;
        open.open(0, open.chunk_count())
    }

    /// Names a rendition of this object by a handler. None: it can't have one of this name. FROM
    /// GUEST: `name`.
    pub fn rendition(&self, name: &str, handler: [u8; 32]) -> Option<Located> {
        let allowed = rules::is_rendition_name(name) && self.asked.rendition.is_none();
        let rendition = allowed.then(|| (Arc::from(name), handler))?;
        let asked = Asked { rendition: Some(rendition), ..self.asked.clone() };
        // The version is the source's, so the name is known before anybody says how long it is.
        asked.at(self.version, (HEADER_BYTES + TAG_BYTES) as u64).ok()
    }

    /// Opens the whole of an object that fits in one extent. Its last chunk proves its length,
    /// which is known from then on.
    ///
    /// # Errors
    /// [`Fault`]: a misdelivery; nothing has changed then.
    pub fn open_whole(&mut self, extent: Claimed) -> Result<Plain, Fault> {
        let sealed_length = (HEADER_BYTES as u64).saturating_add(extent.chunks.len() as u64);
        let whole = self.asked.clone().at(self.version, sealed_length)?;
        let open = whole.accept(0, extent)?;
        let plain = open.open(0, open.chunk_count())?;
        *self = whole;
        Ok(plain)
    }

    /// Seals what a handler made as this rendition. `salt`: 24 random bytes, fresh.
    ///
    /// # Errors
    /// [`SealError`]; also for what is no rendition, or more than one may have.
    pub fn seal(
        &mut self,
        plain: Vec<u8>,
        salt: [u8; 24],
    ) -> Result<(Plain, Sealed, ObjectRow), SealError> {
        if self.asked.rendition.is_none() || plain.len() > rules::RENDITION_BYTES_MAX {
            return Err(SealError::TooLong);
        }
        let mut sealing = self.asked.subject().sealing(self.version, salt)?;
        sealing.push(&plain)?;
        let Finished { rest, row, .. } = sealing.finish()?;
        let mut chunks = rest.0;
        let header = chunks.split_to(HEADER_BYTES);
        let header = header.as_ref().try_into().map_err(|_| SealError::BadLength)?;
        (self.plain_length, self.sealed_length) = (plain.len() as u64, row.sealed_length);
        let (grant, object) = (Arc::clone(&self.asked.holder), self.name);
        let plain = Plain { grant, object, at: 0, bytes: plain.into() };
        Ok((plain, Sealed(Claimed { header, chunks }), row))
    }
}

const _: () = assert!(rules::RENDITION_BYTES_MAX < EXTENT_PLAIN_BYTES);

fn fault(error: SealError) -> Fault {
    match error {
        SealError::WrongSeal => Fault::WrongSeal,
        SealError::BadChunk => Fault::BadChunk,
        _ => Fault::WrongLength,
    }
}

/// An extent whose header has proven to be the located object's: ready to open chunk by chunk.
pub struct OpenExtent {
    grant: Arc<Grant>,
    object: ObjectName,
    opener: Opener,
    extent: Claimed,
    first_chunk: u64,
}

impl OpenExtent {
    /// How many chunks it has.
    pub fn chunk_count(&self) -> usize {
        self.extent.chunks.len().div_ceil(SEALED_CHUNK_BYTES)
    }

    /// Opens `count` chunks from the extent's chunk `first` on.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open(&self, first: usize, count: usize) -> Result<Plain, Fault> {
        let mut bytes = Vec::new();
        let chunk = self.open_into(first, count, &mut bytes)?;
        let at = chunk.checked_mul(CHUNK_BYTES as u64).ok_or(Fault::WrongLength)?;
        let (grant, object) = (Arc::clone(&self.grant), self.object);
        Ok(Plain { grant, object, at, bytes: bytes.into() })
    }

    /// Authenticates every chunk: what a tier is filled with went through here.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn verify(&self) -> Result<Sealed, Fault> {
        let mut scratch = Zeroizing::new(Vec::new());
        for chunk in 0..self.chunk_count() {
            scratch.clear();
            self.open_into(chunk, 1, &mut scratch)?;
        }
        Ok(Sealed(self.extent.clone()))
    }

    /// Appends the footage of some chunks, and says which chunk of the object is the first.
    fn open_into(&self, first: usize, count: usize, out: &mut Vec<u8>) -> Result<u64, Fault> {
        let chunks = &self.extent.chunks;
        let start = first.checked_mul(SEALED_CHUNK_BYTES).ok_or(Fault::WrongLength)?;
        let end = first.checked_add(count).and_then(|n| n.checked_mul(SEALED_CHUNK_BYTES));
        let end = end.ok_or(Fault::WrongLength)?.min(chunks.len());
        let sealed = chunks.get(start..end).ok_or(Fault::WrongLength)?;
        let chunk = self.first_chunk.checked_add(first as u64).ok_or(Fault::WrongLength)?;
        self.opener.open_chunks(chunk, sealed, out).map_err(fault)?;
        Ok(chunk)
    }
}

/// Plain footage that has opened under a grant, and where in which object it lies.
#[derive(Clone)]
pub struct Plain {
    grant: Arc<Grant>,
    object: ObjectName,
    at: u64,
    bytes: Bytes,
}

impl Plain {
    /// The footage.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// Where it begins in the object's footage.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }
    /// The part of it that lies within `range` of the object's footage.
    #[must_use]
    pub fn within(&self, range: &Range<u64>) -> Self {
        let end = self.at.saturating_add(self.bytes.len() as u64);
        let inside = |place: u64| {
            let offset = place.clamp(self.at, end).saturating_sub(self.at);
            usize::try_from(offset).unwrap_or(self.bytes.len())
        };
        let (from, to) = (inside(range.start), inside(range.end));
        let at = range.start.clamp(self.at, end);
        Self { at, bytes: self.bytes.slice(from..to.max(from)), ..self.clone() }
    }
    /// Says whether it was opened of this very object under its very grant.
    pub(crate) fn is_of(&self, located: &Located) -> bool {
        Arc::ptr_eq(&self.grant, located.grant()) && self.object == located.name
    }
    /// Wipes the footage, where nobody else has a share in it.
    pub fn wipe(self) {
        if let Ok(mut bytes) = self.bytes.try_into_mut() {
            bytes.zeroize();
        }
    }
}
