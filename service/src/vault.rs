//! The vault: proves index rows, and opens sealed extents. The only place where sealed bytes become plain footage.
//!
//! INVARIANT: what an object is (its context, its key, its name) is built from the scope of a grant and from the question, never
//! from what came back. The one thing taken from an answer is the object's version and length, and only after the row's proof, a MAC
//! under the camera's own key over the question's slot, has been verified.
//!
//! No IO, no clock, no cache: bytes in, footage or an error out.

use crate::defence::{self, Defence};
use crate::grant::Scope;
use crate::index::{ObjectRow, State};
use crate::ledger::Fault;
#[cfg(feature = "storm")]
pub use crate::storm::plain::{Opener, Sealer};
use bytes::Bytes;
use eyesonly_seal::format::{
    self, EXTENT_CHUNKS, EXTENT_PLAIN_BYTES, EXTENT_SEALED_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES,
};
use eyesonly_seal::{
    Context, FootageContext, FootageId, Kind, ObjectName, ObjectVersion, Question, Rendition, SealError, Slot, SlotName,
};
#[cfg(not(feature = "storm"))]
pub use eyesonly_seal::{Opener, Sealer};

/// Sealed bytes of one extent with its object's header: what tiers and stores hold. Nobody has vouched for it.
#[derive(Clone)]
pub struct SealedExtent {
    /// The object's header: salt and commitment.
    pub header: [u8; HEADER_BYTES],
    /// Up to 64 sealed chunks.
    pub chunks: Bytes,
}

/// What is asked for: an object of the scope's camera.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Its kind.
    pub kind: Kind,
    /// Its own id.
    pub id: FootageId,
    /// The name of the rendition and the handler that made it; none: the footage as its camera sent it.
    pub rendition: Option<(String, [u8; 32])>,
}

impl Asked {
    /// The footage itself.
    pub fn footage(kind: Kind, id: FootageId) -> Self {
        Self {
            kind,
            id,
            rendition: None,
        }
    }
    fn rendition(&self) -> Option<Rendition<'_>> {
        self.rendition.as_ref().map(|(name, handler)| Rendition {
            name,
            handler: *handler,
        })
    }
}

/// An object that is known to be the one that was asked for: its name and its context. What opens it is the scope's.
pub struct Located {
    name: ObjectName,
    version: ObjectVersion,
    context: Context,
    object: FootageId,
    plain_length: u64,
    sealed_length: u64,
}

impl Located {
    /// Its name in tiers and store.
    pub fn name(&self) -> ObjectName {
        self.name
    }
    /// The version under which it was sealed.
    pub fn version(&self) -> ObjectVersion {
        self.version
    }
    /// Length of its footage in bytes. Proven once the last extent has opened.
    pub fn plain_length(&self) -> u64 {
        self.plain_length
    }
    /// Length of the sealed object in bytes.
    pub fn sealed_length(&self) -> u64 {
        self.sealed_length
    }
    /// Gives a sealed length to what was named before anybody said how long it is.
    ///
    /// # Errors
    /// [`Fault::WrongLength`].
    pub fn set_length(&mut self, sealed_length: u64) -> Result<(), Fault> {
        self.plain_length = format::plain_length(sealed_length).map_err(|_| Fault::WrongLength)?;
        self.sealed_length = sealed_length;
        Ok(())
    }
    /// How many extents it has.
    pub fn extents(&self) -> u64 {
        self.plain_length / EXTENT_PLAIN_BYTES as u64 + 1
    }
    /// Where extent `index` lies in the sealed object, without the header: start and length.
    pub fn extent_range(&self, index: u64) -> Option<(u64, u64)> {
        let start = index
            .checked_mul(EXTENT_SEALED_BYTES as u64)?
            .checked_add(HEADER_BYTES as u64)?;
        let left = self.sealed_length.checked_sub(start)?;
        (left > 0).then_some((start, left.min(EXTENT_SEALED_BYTES as u64)))
    }
}

/// What the index asks by: the keyed name of a question.
pub fn slot(scope: &Scope, asked: &Asked) -> Result<SlotName, SealError> {
    Ok(scope.slot_name(&Slot::footage(&question(scope, asked))?))
}

fn question<'a>(scope: &Scope, asked: &'a Asked) -> Question<'a> {
    Question {
        household: scope.household(),
        camera: scope.camera(),
        kind: asked.kind,
        rendition: asked.rendition(),
        object: asked.id,
    }
}

/// What a proof is about. A pointer row says more than an object row: that it is the newest still.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// An object's row.
    Object,
    /// The newest-still pointer.
    Pointer,
}

/// The proof of a row: a MAC under the camera's index key over all that the row claims.
pub fn proof(scope: &Scope, kind: RowKind, row: &ObjectRow) -> [u8; 32] {
    let domain: &[u8] = match kind {
        RowKind::Object => b"object",
        RowKind::Pointer => b"newest still",
    };
    scope.index_key().mac(&[
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

fn row_is_proven(scope: &Scope, kind: RowKind, row: &ObjectRow) -> bool {
    if !defence::is_on(Defence::Rows) {
        return true;
    }
    subtle::ConstantTimeEq::ct_eq(proof(scope, kind, row).as_slice(), row.proof.as_slice()).into()
}

/// What a proven row says.
pub enum Proven {
    /// The object is there.
    Live(Located),
    /// It was deleted.
    Deleted,
}

/// Proves that `row` answers the question for `asked`, and locates the object.
///
/// # Errors
/// [`Fault::WrongAnswer`]: another question's row, or a changed one.
pub fn prove_row(scope: &Scope, asked: &Asked, row: &ObjectRow) -> Result<Proven, Fault> {
    let slot = slot(scope, asked).map_err(|_| Fault::WrongAnswer)?;
    let ours = row.slot == slot || !defence::is_on(Defence::Rows);
    if !ours || !row_is_proven(scope, RowKind::Object, row) {
        return Err(Fault::WrongAnswer);
    }
    match row.state {
        State::Deleted => Ok(Proven::Deleted),
        State::Live => located_by(scope, asked, row).map(Proven::Live),
    }
}

/// Proves a newest-still pointer of the scope's camera, and locates the still.
///
/// # Errors
/// [`Fault::WrongAnswer`]: another camera's pointer, or a changed one.
pub fn prove_pointer(scope: &Scope, row: &ObjectRow) -> Result<(FootageId, Located), Fault> {
    let ours = row.camera == scope.camera() && row.kind == Kind::Still && !row.rendition && row.state == State::Live;
    if (!ours && defence::is_on(Defence::Rows)) || !row_is_proven(scope, RowKind::Pointer, row) {
        return Err(Fault::WrongAnswer);
    }
    let asked = Asked::footage(Kind::Still, row.id);
    located_by(scope, &asked, row).map(|located| (row.id, located))
}

/// Proves a row of an event page: an event of the scope's camera.
///
/// # Errors
/// [`Fault::WrongAnswer`].
pub fn prove_event(scope: &Scope, row: &ObjectRow) -> Result<Located, Fault> {
    match prove_row(scope, &Asked::footage(Kind::Event, row.id), row)? {
        Proven::Live(located) => Ok(located),
        Proven::Deleted => Err(Fault::Stale),
    }
}

fn located_by(scope: &Scope, asked: &Asked, row: &ObjectRow) -> Result<Located, Fault> {
    let mut located = located(scope, asked, row.version, row.sealed_length)?;
    if !defence::is_on(Defence::Rows) {
        located.name = row.name;
    }
    Ok(located)
}

/// An object of a version and length that are known to be right (proven, or chosen by us).
pub fn located(scope: &Scope, asked: &Asked, version: ObjectVersion, sealed_length: u64) -> Result<Located, Fault> {
    let plain_length = format::plain_length(sealed_length).map_err(|_| Fault::WrongLength)?;
    let context = context(scope, asked, version).map_err(|_| Fault::WrongAnswer)?;
    let name = object_name(scope, asked, &context);
    Ok(Located {
        name,
        version,
        context,
        object: asked.id,
        plain_length,
        sealed_length,
    })
}

#[cfg_attr(
    not(feature = "storm"),
    expect(unused_variables, reason = "storm's build notes whose each name is")
)]
fn object_name(scope: &Scope, asked: &Asked, context: &Context) -> ObjectName {
    let name = scope.object_name(context);
    #[cfg(feature = "storm")]
    crate::storm::whose::note(
        name,
        crate::storm::whose::Whose {
            household: scope.household(),
            camera: scope.camera(),
            kind: asked.kind,
            id: asked.id,
            rendition: asked.rendition.is_some(),
        },
    );
    name
}

fn context(scope: &Scope, asked: &Asked, version: ObjectVersion) -> Result<Context, SealError> {
    Context::footage(&FootageContext {
        household: scope.household(),
        camera: scope.camera(),
        kind: asked.kind,
        rendition: asked.rendition(),
        object: asked.id,
        version,
    })
}

/// A sealer for a new object of the scope's camera, and the object's name. `salt`: 24 random bytes, fresh.
pub fn sealer(
    scope: &Scope,
    asked: &Asked,
    version: ObjectVersion,
    salt: [u8; 24],
) -> Result<(Sealer, ObjectName), SealError> {
    let context = context(scope, asked, version)?;
    let name = object_name(scope, asked, &context);
    Ok((Sealer::new(&scope.key().footage_key(&asked.id), &context, salt)?, name))
}

fn fault(error: SealError) -> Fault {
    match error {
        SealError::WrongSeal => Fault::WrongSeal,
        SealError::BadChunk => Fault::BadChunk,
        _ => Fault::WrongLength,
    }
}

/// An extent whose header has proven to be the located object's: ready to open chunk by chunk.
pub struct OpenExtent {
    opener: Opener,
    chunks: Bytes,
    first_chunk: u64,
}

/// Takes an extent as an answer for extent `index` of `located`: right length, right seal. Chunks authenticate as they open.
///
/// # Errors
/// [`Fault`]: a misdelivery.
pub fn accept(scope: &Scope, located: &Located, index: u64, extent: SealedExtent) -> Result<OpenExtent, Fault> {
    let (_, length) = located.extent_range(index).ok_or(Fault::WrongLength)?;
    if extent.chunks.len() as u64 != length && defence::is_on(Defence::Seal) {
        return Err(Fault::WrongLength);
    }
    let key = scope.key().footage_key(&located.object);
    let opener = Opener::new(&key, &located.context, &extent.header).map_err(fault)?;
    let first_chunk = index.checked_mul(EXTENT_CHUNKS as u64).ok_or(Fault::WrongLength)?;
    Ok(OpenExtent {
        opener,
        chunks: extent.chunks,
        first_chunk,
    })
}

impl OpenExtent {
    /// How many chunks it has.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len().div_ceil(SEALED_CHUNK_BYTES)
    }

    /// Opens `count` chunks from the extent's chunk `first` on, appending the footage to `out`.
    ///
    /// # Errors
    /// [`Fault`]; `out` is then as it was.
    pub fn open(&self, first: usize, count: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = first.checked_mul(SEALED_CHUNK_BYTES).ok_or(Fault::WrongLength)?;
        let end = first
            .checked_add(count)
            .and_then(|n| n.checked_mul(SEALED_CHUNK_BYTES))
            .ok_or(Fault::WrongLength)?
            .min(self.chunks.len());
        let sealed = self.chunks.get(start..end).ok_or(Fault::WrongLength)?;
        let chunk = self.first_chunk.checked_add(first as u64).ok_or(Fault::WrongLength)?;
        self.opener.open_chunks(chunk, sealed, out).map_err(fault)
    }

    /// Authenticates every chunk, in `scratch` memory that is reused; what a tier is filled with went through here.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn verify(&self, scratch: &mut Vec<u8>) -> Result<(), Fault> {
        for chunk in 0..self.chunk_count() {
            scratch.clear();
            self.open(chunk, 1, scratch)?;
        }
        zeroize::Zeroize::zeroize(scratch);
        Ok(())
    }
}
