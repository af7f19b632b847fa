//! Live view: segments that are sealed chunk by chunk as they arrive, and that open while they are
//! being made.
//!
//! Each chunk is an object of its own, of kind live chunk. Its id is the segment's, and its version
//! is the segment's random half and the chunk's number. Chunk 0 holds the init of the stream, and
//! each further chunk a fragment. The chunk that says so is the last.
//!
//! INVARIANT: identity never comes from the hub. The context of a chunk is built from the grant, a
//! statement that is proven under the camera's index key, and the number that is asked for.

use crate::admission::Admission;
use crate::departure::Cut;
use crate::grant::{Asked, Grant, IntakeGrant, Scope};
use crate::vault::{SealedPart, Subject, fault};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_rights::Fault;
use eyesonly_seal::{Context, FootageId, Kind, MacKey, ObjectVersion, SealError, format, seal_all};
use std::sync::Arc;

/// The domain of a statement's proof.
const SEGMENT: &[u8] = b"live segment";

/// The streams of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stream {
    /// The stream of full size.
    Main = 1,
    /// A smaller one.
    Sub = 2,
}

/// The statement that a segment exists: the hub keeps it, and everybody may ask the hub for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The stream that the segment belongs to.
    pub stream: Stream,
    /// The segment. The time of its id is when its first chunk arrived here.
    pub segment: FootageId,
    /// The random half of the versions of its chunks.
    pub half: [u8; 8],
    /// The segment before it, if it goes on where that one ends.
    pub before: Option<FootageId>,
    /// The MAC over all of the above under the camera's index key.
    pub proof: [u8; 32],
}

impl Statement {
    fn stated<T>(&self, mac: impl FnOnce(&[&[u8]]) -> T) -> T {
        let before = self.before.as_ref().map_or(&[][..], |before| before.as_bytes());
        mac(&[SEGMENT, &[self.stream as u8], self.segment.as_bytes(), &self.half, before])
    }
    fn prove(&self, key: &MacKey) -> Result<(), Fault> {
        self.stated(|parts| key.verify(parts, &self.proof)).map_err(|_| Fault::WrongAnswer)
    }
    /// Builds the context of the chunk with this number.
    fn context(&self, scope: &Scope, number: u64) -> Result<Context, SealError> {
        let mut version = [0; 16];
        let parts = self.half.into_iter().chain(number.to_be_bytes());
        version.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        let (kind, id) = (Kind::LiveChunk, self.segment);
        let subject = Subject { scope, kind, id, rendition: None };
        Context::footage(&subject.question(), ObjectVersion::from_bytes(version))
    }
}

impl IntakeGrant {
    /// States that a segment of the camera exists: writes the proof of `claimed`.
    pub fn state(&self, mut claimed: Statement) -> Statement {
        claimed.proof = claimed.stated(|parts| self.scope.keys.camera.index_key().mac(parts));
        claimed
    }

    /// Seals one chunk of a segment, with what viewers get (`payload`), and with what this edge
    /// notes about it, which is not sent. `arrived_at_milliseconds` counts from 1970, and `salt` is
    /// 24 fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the notes have more than 65,535 bytes. [`SealError::Primitive`] if
    /// the cryptographic library fails.
    pub fn seal_chunk(
        &self,
        (of, number): (&Statement, u64),
        (is_last, arrived_at_milliseconds): (bool, u64),
        (notes, payload): (&[u8], &[u8]),
        salt: [u8; 24],
    ) -> Result<SealedPart, SealError> {
        let length = u16::try_from(notes.len()).map_err(|_| SealError::TooLong)?.to_be_bytes();
        let arrived = arrived_at_milliseconds.to_be_bytes();
        let plain = [&[u8::from(is_last)], &arrived[..], &length, notes, payload].concat();
        let key = self.scope.keys.footage_key(&of.segment);
        let context = of.context(&self.scope, number)?;
        Ok(SealedPart(seal_all(&key, &context, salt, &plain)?.into()))
    }
}

/// A segment that a grant covers, and whose statement is proven. Its chunks can be opened.
pub struct Segment {
    asked: Asked,
    statement: Statement,
}

impl Grant {
    /// Proves that a segment is of this stream of the camera. Returns `None` if the right does not
    /// cover its start.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the statement is another camera's or stream's, or was changed.
    pub fn prove_segment(
        self: &Arc<Self>,
        stream: Stream,
        claimed: &Statement,
    ) -> Result<Option<Segment>, Fault> {
        claimed.prove(self.scope.keys.camera.index_key())?;
        if claimed.stream != stream {
            return Err(Fault::WrongAnswer);
        }
        let asked = self.ask(Kind::LiveChunk, claimed.segment);
        Ok(asked.map(|asked| Segment { asked, statement: claimed.clone() }))
    }
}

impl Segment {
    /// Returns the statement.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }
    /// Returns the grant that the segment is held under.
    pub fn grant(&self) -> &Arc<Grant> {
        &self.asked.holder
    }
    /// Opens what the hub gave as the chunk with this number.
    ///
    /// # Errors
    /// [`Fault`] if it is not this chunk.
    pub fn open(&self, number: u64, sealed: &[u8]) -> Result<Chunk, Fault> {
        let scope = &self.asked.holder.scope;
        let context = self.statement.context(scope, number).map_err(fault)?;
        format::plain_length(sealed.len() as u64).map_err(fault)?;
        let (header, chunks) = sealed.split_first_chunk().ok_or(Fault::WrongLength)?;
        let opener = scope.keys.opener(&self.statement.segment, &context, header).map_err(fault)?;
        let mut plain = Vec::new();
        opener.open_chunks(0, chunks, &mut plain).map_err(fault)?;
        let plain = Bytes::from(plain);
        self.asked.opened();
        let (head, rest) = plain.split_first_chunk::<11>().ok_or(Fault::WrongLength)?;
        let [last, a, b, c, d, e, f, g, h, long, short] = *head;
        let notes = usize::from(u16::from_be_bytes([long, short]));
        let (notes, payload) = rest.split_at_checked(notes).ok_or(Fault::WrongLength)?;
        Ok(Chunk {
            grant: Arc::clone(self.grant()),
            of: (self.statement.segment, number),
            last: last == 1,
            arrived_at_milliseconds: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            notes: plain.slice_ref(notes),
            payload: plain.slice_ref(payload),
        })
    }
}

/// A chunk that has opened under a grant.
pub struct Chunk {
    grant: Arc<Grant>,
    of: (FootageId, u64),
    last: bool,
    arrived_at_milliseconds: u64,
    notes: Bytes,
    payload: Bytes,
}

impl Chunk {
    /// Says whether it is the last of its segment.
    pub fn is_last(&self) -> bool {
        self.last
    }
    /// Returns when it arrived at the edge, in milliseconds since 1970.
    pub fn arrived_at_milliseconds(&self) -> u64 {
        self.arrived_at_milliseconds
    }
    /// Returns what the edge noted about it.
    pub fn notes(&self) -> &Bytes {
        &self.notes
    }
    /// Returns the bytes that viewers get.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

/// The source of a segment's chunks. A source is NOT trusted. A chunk leaves only if it opened as
/// the chunk that was asked for, under the very grant of the request.
#[async_trait]
pub trait Follow: Send + Sync + 'static {
    /// Returns the segment.
    fn segment(&self) -> &Segment;
    /// Opens the chunk with this number, and waits until it is there.
    ///
    /// # Errors
    /// [`Cut`] if it does not come, or can't be proven.
    async fn chunk(&mut self, number: u64) -> Result<Chunk, Cut>;
}

/// The part of a segment that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The init, and the fragments as they come.
    Whole,
    /// The init alone.
    Init,
    /// The fragments alone.
    Media,
}

/// A segment on its way out.
pub(crate) struct Following {
    pub(crate) door: Arc<Admission>,
    /// The grant of the request, and the segment. The source is not asked again for either.
    pub(crate) grant: Arc<Grant>,
    pub(crate) segment: FootageId,
    pub(crate) source: Box<dyn Follow>,
    pub(crate) part: Part,
    /// The number of the next chunk: none after the last one, and an error after a cut.
    pub(crate) next: Result<Option<u64>, Cut>,
}

impl Following {
    /// Returns the next chunk that may be sent. `None` means that the segment has ended. After a
    /// cut there is no end, however often it is asked.
    pub(crate) async fn next(mut self) -> Option<(Result<Bytes, Cut>, Self)> {
        let sent = self.further().await;
        if sent == Err(Cut) {
            self.next = Err(Cut);
        }
        sent.transpose().map(|sent| (sent, self))
    }

    async fn further(&mut self) -> Result<Option<Bytes>, Cut> {
        let Some(number) = self.next? else {
            return Ok(None);
        };
        let chunk = self.source.chunk(number).await?;
        if !Arc::ptr_eq(&chunk.grant, &self.grant) || chunk.of != (self.segment, number) {
            return Err(Cut);
        }
        let is_end = chunk.last || self.part == Part::Init;
        self.next = Ok(if is_end { None } else { number.checked_add(1) });
        // It is decided after the chunk arrived. So what arrived after a revocation is not sent.
        let object = (Kind::LiveChunk, chunk.arrived_at_milliseconds);
        self.door.again(&self.grant, Some(object)).await.map_err(|_| Cut)?;
        // What ends a segment has no bytes for viewers.
        Ok(Some(chunk.payload).filter(|payload| !payload.is_empty()))
    }
}
