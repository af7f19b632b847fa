//! The vault proves index rows, opens sealed extents, and seals what comes in. Nowhere else do
//! sealed bytes become plain footage.
//!
//! INVARIANT: context, key and name of an object are built from the question and the grant behind
//! it, never from what came back. From a row the vault takes the object's version, length and
//! state. From a pointer or a row of an event page it also takes the id. The row's proof is
//! verified before any of them counts. A proof is a MAC under the camera's own key over the
//! question's slot and all that the row claims. A rendition that comes without a row has its
//! source's version, and its last chunk proves its length.
//!
//! Long: rows, opening and sealing share their names and keys, and are read in one go.

use crate::entry::Object;
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

/// The state of a row's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The object is in the store (or inline).
    Live = 1,
    /// The object was deleted. The row stays, so that a camera's retry does not bring the object
    /// back.
    Deleted = 2,
}

/// One object, as the index claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// The name that it is asked by: a keyed name of the question (the context without its
    /// version).
    pub slot: SlotName,
    /// The camera of the object.
    pub camera: CameraId,
    /// The kind of the object.
    pub kind: Kind,
    /// The object's own id (the still's or the event's).
    pub id: FootageId,
    /// True for a rendition of the object of the same camera, kind and id.
    pub rendition: bool,
    /// The version under which the object was sealed.
    pub version: ObjectVersion,
    /// The object's name in tiers and store.
    pub name: ObjectName,
    /// The length of the sealed object in bytes.
    pub sealed_length: u64,
    /// The keyed digest of the plain body. A rendition has zeros.
    pub body_digest: [u8; 32],
    /// The state of the object.
    pub state: State,
    /// The sealed object itself, if it is small and kept here (event details).
    pub inline: Option<Vec<u8>>,
    /// The MAC over all of the above except `inline` (which is sealed), under the camera's index
    /// key.
    pub proof: [u8; 32],
}

/// The domain of an object's proof.
const OBJECT: &[u8] = b"object";
/// The domain of the proof of a pointer to a camera's newest still.
const POINTER: &[u8] = b"newest still";

/// One object, with all that its names, contexts and proofs are built from.
pub(crate) struct Subject<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) kind: Kind,
    pub(crate) id: FootageId,
    pub(crate) rendition: Option<(&'a str, [u8; 32])>,
}

impl<'a> Subject<'a> {
    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            household: self.scope.household,
            camera: self.scope.camera,
            kind: self.kind,
            rendition: self.rendition.map(|(name, handler)| Rendition { name, handler }),
            object: self.id,
        }
    }
    pub(crate) fn slot(&self) -> Result<SlotName, SealError> {
        Ok(self.scope.keys.camera.slot_name(&Slot::footage(&self.question())?))
    }
    pub(crate) fn named(&self, version: ObjectVersion) -> Result<(Context, ObjectName), SealError> {
        let context = Context::footage(&self.question(), version)?;
        let name = self.scope.keys.camera.object_name(&context);
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
        row.proof = stated(domain, &row, |parts| self.scope.keys.camera.index_key().mac(parts));
        Ok(row)
    }
    fn prove(&self, domain: &[u8], row: &ObjectRow) -> Result<State, Fault> {
        let ours = self.slot().is_ok_and(|slot| row.slot == slot);
        let key = self.scope.keys.camera.index_key();
        let proven = stated(domain, row, |parts| key.verify(parts, &row.proof));
        if ours && proven.is_ok() { Ok(row.state) } else { Err(Fault::WrongAnswer) }
    }
    fn sealing(self, version: ObjectVersion, salt: [u8; 24]) -> Result<Sealing<'a>, SealError> {
        let (context, name) = self.named(version)?;
        let sealer = Sealer::new(&self.scope.keys.footage_key(&self.id), &context, salt)?;
        let sealed = sealer.header().to_vec();
        // A camera's body is compared with what the camera hands in again. Nobody hands in a
        // rendition.
        let compared = self.rendition.is_none();
        let digest = compared.then(|| KeyedDigest::new(&self.scope.keys.camera.body_digest_key()));
        Ok(Sealing { subject: self, version, name, sealer, sealed, taken: 0, digest })
    }
}

/// Calls `mac` with the parts of a row's proof: all that the row claims.
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
    /// Proves that `row` answers this question, and returns the object's state.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the row is another question's or was changed.
    pub fn prove(&self, row: &ObjectRow) -> Result<State, Fault> {
        self.subject().prove(OBJECT, row)
    }
}

impl Asked {
    /// Notes under the grant that the object was opened.
    pub(crate) fn opened(&self) {
        let rendition = self.rendition.is_some();
        self.holder.opened(Object { kind: self.kind, id: self.id, rendition });
    }
}

impl ToDelete<'_> {
    /// Proves a row, and makes its tombstone.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the row is another question's or was changed.
    pub fn bury(&self, row: &ObjectRow) -> Result<ObjectRow, Fault> {
        self.prove(row)?;
        let mut tombstone = ObjectRow { state: State::Deleted, inline: None, ..row.clone() };
        let key = self.subject().scope.keys.camera.index_key();
        tombstone.proof = stated(OBJECT, &tombstone, |parts| key.mac(parts));
        Ok(tombstone)
    }
}

impl Offered<'_> {
    /// Starts to seal the object. `salt` is 24 fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::Primitive`] if the cryptographic library fails.
    pub fn seal(&self, version: ObjectVersion, salt: [u8; 24]) -> Result<Sealing<'_>, SealError> {
        self.subject().sealing(version, salt)
    }
    /// Starts the keyed digest of a body, to compare it with the digest in a proven row.
    #[must_use]
    pub fn digest(&self) -> KeyedDigest {
        KeyedDigest::new(&self.holder.scope().keys.camera.body_digest_key())
    }
}

/// The state of sealing one object as it arrives.
pub struct Sealing<'a> {
    subject: Subject<'a>,
    version: ObjectVersion,
    name: ObjectName,
    sealer: Sealer,
    sealed: Vec<u8>,
    taken: u64,
    digest: Option<KeyedDigest>,
}

/// A sealed object: its last part, and the rows for the index.
pub struct Finished {
    /// The bytes that [`Sealing::part`] did not take.
    pub rest: SealedPart,
    /// The object's row.
    pub row: ObjectRow,
    /// The pointer to the object, if it is a camera's still.
    pub pointer: Option<ObjectRow>,
}

impl Sealing<'_> {
    /// Returns the object's name in tiers and store.
    pub fn name(&self) -> ObjectName {
        self.name
    }
    /// Takes more of the plain body.
    ///
    /// # Errors
    /// [`SealError`] as [`Sealer::push`]. The object is then lost.
    pub fn push(&mut self, plain: &[u8]) -> Result<(), SealError> {
        if let Some(digest) = &mut self.digest {
            digest.update(plain);
        }
        self.sealer.push(plain, &mut self.sealed)
    }
    /// Returns the next part of exactly `part_bytes` bytes, or `None` if there are not so many yet.
    pub fn part(&mut self, part_bytes: usize) -> Option<SealedPart> {
        let rest = self.sealed.split_at_checked(part_bytes)?.1.to_vec();
        self.taken = self.taken.saturating_add(part_bytes as u64);
        self.sealed.truncate(part_bytes);
        Some(SealedPart(std::mem::replace(&mut self.sealed, rest).into()))
    }
    /// Ends the object.
    ///
    /// # Errors
    /// [`SealError`] as [`Sealer::finish`].
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

/// The sealed bytes of one extent with its object's header, as a tier, a store or a coalescer gave
/// them. Nothing in it is proven. Only the vault takes it.
#[derive(Clone)]
pub struct Claimed {
    /// The object's header: salt and commitment.
    pub header: [u8; HEADER_BYTES],
    /// The sealed chunks, up to 64.
    pub chunks: Bytes,
}

/// An extent that was sealed here, or that has authenticated to its last chunk. A tier may hold it.
#[derive(Clone)]
pub struct Sealed(Claimed);

impl Sealed {
    /// Returns the object's header.
    #[must_use]
    pub fn header(&self) -> &[u8; HEADER_BYTES] {
        &self.0.header
    }
    /// Returns the sealed chunks.
    #[must_use]
    pub fn chunks(&self) -> &Bytes {
        &self.0.chunks
    }
    /// Puts header and chunks together. The result is the whole object, if it fits in one extent.
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

/// The sealed bytes of an object on their way to the store. Only the vault makes them.
#[derive(Clone, Debug)]
pub struct SealedPart(pub(crate) Bytes);

impl SealedPart {
    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
    /// Returns the bytes, and gives up the part.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// An object that was asked for under a grant and located by a proven row, so that it can be
/// opened.
pub struct Located {
    asked: Asked,
    version: ObjectVersion,
    name: ObjectName,
    context: Context,
    plain_length: u64,
    sealed_length: u64,
}

impl Asked {
    /// Proves that `row` answers this question, and locates the object. Returns `None` if it was
    /// deleted.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the row is another question's or was changed.
    /// [`Fault::WrongLength`] if no sealed object has its length.
    pub fn locate(&self, row: &ObjectRow) -> Result<Option<Located>, Fault> {
        match self.prove(row)? {
            State::Deleted => Ok(None),
            State::Live => self.clone().at(row.version, row.sealed_length).map(Some),
        }
    }

    /// Locates the object in this version and length. The caller has proven or chosen them, or is
    /// about to prove the length.
    fn at(self, version: ObjectVersion, sealed_length: u64) -> Result<Located, Fault> {
        let plain_length = format::plain_length(sealed_length).map_err(fault)?;
        let (context, name) = self.subject().named(version).map_err(fault)?;
        Ok(Located { asked: self, version, name, context, plain_length, sealed_length })
    }
}

/// The id that a proven row has, and the object, unless the right does not cover it.
pub type Learned = Result<(FootageId, Option<Located>), Fault>;

impl Grant {
    /// Proves a pointer to the camera's newest still, and locates the still.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the pointer is another camera's or was changed. [`Fault::Stale`]
    /// if the still was deleted. [`Fault::WrongLength`] if no sealed object has its length.
    pub fn prove_pointer(self: &Arc<Self>, row: &ObjectRow) -> Learned {
        self.learn(POINTER, Kind::Still, row)
    }

    /// Proves a live row of an event page, and locates the event.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the row is another question's or was changed. [`Fault::Stale`] if
    /// the event was deleted. [`Fault::WrongLength`] if no sealed object has its length.
    pub fn prove_event(self: &Arc<Self>, row: &ObjectRow) -> Learned {
        self.learn(OBJECT, Kind::Event, row)
    }

    /// Proves a row by the id that is in it, and then asks for that id under the grant.
    fn learn(self: &Arc<Self>, domain: &[u8], kind: Kind, row: &ObjectRow) -> Learned {
        let subject = Subject { scope: &self.scope, kind, id: row.id, rendition: None };
        if subject.prove(domain, row)? == State::Deleted {
            return Err(Fault::Stale);
        }
        let located = self.ask(kind, row.id).map(|asked| asked.at(row.version, row.sealed_length));
        Ok((row.id, located.transpose()?))
    }
}

impl Located {
    /// Returns the question that it answers.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
    /// Returns the grant that it is held under.
    pub fn grant(&self) -> &Arc<Grant> {
        &self.asked.holder
    }
    /// Returns its name in tiers and store.
    pub fn name(&self) -> ObjectName {
        self.name
    }
    /// Returns the version under which it was sealed.
    pub fn version(&self) -> ObjectVersion {
        self.version
    }
    /// Returns the length of its footage in bytes. The length is proven once the last chunk has
    /// opened.
    pub fn plain_length(&self) -> u64 {
        self.plain_length
    }
    /// Returns where extent `index` starts in the sealed object, and its length, both in bytes. The
    /// header lies before the first extent. Returns `None` if there is no such extent.
    pub fn extent_range(&self, index: u64) -> Option<(u64, u64)> {
        let start = index.checked_mul(EXTENT_SEALED_BYTES as u64)?;
        let start = start.checked_add(HEADER_BYTES as u64)?;
        let left = self.sealed_length.checked_sub(start)?;
        (left > 0).then_some((start, left.min(EXTENT_SEALED_BYTES as u64)))
    }

    /// Accepts `extent` as an answer for extent `index`, if its length and its header are right.
    /// Chunks authenticate only as they open.
    ///
    /// # Errors
    /// [`Fault::WrongLength`] or [`Fault::WrongSeal`]: the answer is a misdelivery.
    pub fn accept(&self, index: u64, extent: Claimed) -> Result<OpenExtent, Fault> {
        let (_, length) = self.extent_range(index).ok_or(Fault::WrongLength)?;
        if extent.chunks.len() as u64 != length {
            return Err(Fault::WrongLength);
        }
        let keys = &self.asked.holder.scope.keys;
        let opener = keys.opener(&self.asked.id, &self.context, &extent.header).map_err(fault)?;
        let first_chunk = index.checked_mul(EXTENT_CHUNKS as u64).ok_or(Fault::WrongLength)?;
        let (asked, object) = (self.asked.clone(), self.name);
        Ok(OpenExtent { asked, object, opener, extent, first_chunk })
    }

    /// Opens an object that is kept in its row.
    ///
    /// # Errors
    /// [`Fault::Missing`] if the row has no object. Others as [`Located::accept`] and
    /// [`OpenExtent::open`].
    pub fn open_inline(&self, row: &ObjectRow) -> Result<Plain, Fault> {
        let sealed = row.inline.as_deref().ok_or(Fault::Missing)?;
        let (header, chunks) = sealed.split_first_chunk().ok_or(Fault::WrongLength)?;
        let chunks = Bytes::copy_from_slice(chunks);
        let open = self.accept(0, Claimed { header: *header, chunks })?;
        open.open(0, open.chunk_count())
    }

    /// Names a rendition of this object by a handler. Returns `None` if the name is not allowed, or
    /// if this object is a rendition itself. FROM GUEST: `name`.
    pub fn rendition(&self, name: &str, handler: [u8; 32]) -> Option<Located> {
        let allowed = rules::is_rendition_name(name) && self.asked.rendition.is_none();
        let rendition = allowed.then(|| (Arc::from(name), handler))?;
        let asked = Asked { rendition: Some(rendition), ..self.asked.clone() };
        // A rendition has the version of its source, so its name is known before its length is.
        // Until then it counts as empty.
        asked.at(self.version, (HEADER_BYTES + TAG_BYTES) as u64).ok()
    }

    /// Opens the whole of an object that fits in one extent. The last chunk proves the object's
    /// length, which is known from then on.
    ///
    /// # Errors
    /// [`Fault`] if the extent is not this whole object. Then nothing has changed.
    pub fn open_whole(&mut self, extent: Claimed) -> Result<Plain, Fault> {
        let sealed_length = (HEADER_BYTES as u64).saturating_add(extent.chunks.len() as u64);
        let whole = self.asked.clone().at(self.version, sealed_length)?;
        let open = whole.accept(0, extent)?;
        let plain = open.open(0, open.chunk_count())?;
        *self = whole;
        Ok(plain)
    }

    /// Seals what a handler made as this rendition. `salt` is 24 fresh random bytes. Returns the
    /// footage, the extent for a tier, and the row for the index.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if this is no rendition, or if it has more bytes than
    /// [`rules::RENDITION_BYTES_MAX`]. [`SealError::Primitive`] if the cryptographic library fails.
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
        self.asked.opened();
        let (grant, object) = (Arc::clone(&self.asked.holder), self.name);
        let plain = Plain { grant, object, at: 0, bytes: plain.into() };
        Ok((plain, Sealed(Claimed { header, chunks }), row))
    }
}

const _: () = assert!(rules::RENDITION_BYTES_MAX < EXTENT_PLAIN_BYTES);

pub(crate) fn fault(error: SealError) -> Fault {
    match error {
        SealError::WrongSeal => Fault::WrongSeal,
        SealError::BadChunk => Fault::BadChunk,
        _ => Fault::WrongLength,
    }
}

/// An extent whose header has proven to be the located object's, ready to open chunk by chunk.
pub struct OpenExtent {
    asked: Asked,
    object: ObjectName,
    opener: Arc<Opener>,
    extent: Claimed,
    first_chunk: u64,
}

impl OpenExtent {
    /// Returns how many chunks it has.
    pub fn chunk_count(&self) -> usize {
        self.extent.chunks.len().div_ceil(SEALED_CHUNK_BYTES)
    }

    /// Opens `count` chunks from the extent's chunk `first` on.
    ///
    /// # Errors
    /// [`Fault::BadChunk`] if a chunk does not authenticate. [`Fault::WrongLength`] if there are no
    /// such chunks.
    pub fn open(&self, first: usize, count: usize) -> Result<Plain, Fault> {
        let mut bytes = Vec::new();
        let chunk = self.open_into(first, count, &mut bytes)?;
        let at = chunk.checked_mul(CHUNK_BYTES as u64).ok_or(Fault::WrongLength)?;
        self.asked.opened();
        let (grant, object) = (Arc::clone(&self.asked.holder), self.object);
        Ok(Plain { grant, object, at, bytes: bytes.into() })
    }

    /// Authenticates every chunk, and returns the extent for a tier. An extent that was not sealed
    /// here gets into a tier only by this function.
    ///
    /// # Errors
    /// [`Fault::BadChunk`] if a chunk does not authenticate. [`Fault::WrongLength`] if the last one
    /// is cut.
    pub fn verify(&self) -> Result<Sealed, Fault> {
        let mut scratch = Zeroizing::new(Vec::new());
        for chunk in 0..self.chunk_count() {
            scratch.clear();
            self.open_into(chunk, 1, &mut scratch)?;
        }
        Ok(Sealed(self.extent.clone()))
    }

    /// Appends the footage of some chunks to `out`, and returns the number of the first one in the
    /// object.
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

/// Plain footage that has opened under a grant, and its place in its object.
#[derive(Clone)]
pub struct Plain {
    grant: Arc<Grant>,
    object: ObjectName,
    at: u64,
    bytes: Bytes,
}

impl Plain {
    /// Returns the footage.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
    /// Returns where it starts in the object's footage, in bytes.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }
    /// Returns the part of it that lies within `range`, which counts bytes of the object's footage.
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
    /// Says whether it was opened from this very object under its very grant.
    pub(crate) fn is_of(&self, located: &Located) -> bool {
        Arc::ptr_eq(&self.grant, located.grant()) && self.object == located.name
    }
    /// Wipes the footage, unless somebody else has a share in it.
    pub fn wipe(self) {
        if let Ok(mut bytes) = self.bytes.try_into_mut() {
            bytes.zeroize();
        }
    }
}
