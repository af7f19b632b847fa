//! The way out. Nothing private leaves except to the requester whose grant made it, and not before
//! the ledger has its entry.
//!
//! INVARIANT: a private response is made of a [`Departure`], and only this file makes one. A
//! departure's bytes come from one of three sources: an answer of the request's own instance, the
//! requester's list of cameras, or footage. That footage opened under the request's own grant, and
//! each piece is checked for object and place before it leaves.

use crate::admission::{Admission, Identified, RawCredential, Refused};
use crate::entry::{Entered, Outcome};
use crate::grant::Grant;
use crate::ledger::{Handed, Seam};
use crate::live::{Follow, Following, Part};
use crate::rules::{MediaType, Status};
use crate::vault::{Located, Plain};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_seal::format::{CHUNK_BYTES, EXTENT_PLAIN_BYTES};
use eyesonly_seal::{FootageId, Kind};
use futures::stream::{self, BoxStream, StreamExt as _};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The error of a body that ends before the length that was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the footage that follows can't be proven, or may not be seen any more")]
pub struct Cut;

/// The source of footage, piece by piece. A source is NOT trusted. A piece leaves only if the vault
/// opened it from the located object, at the place that was asked for.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Returns the object.
    fn located(&self) -> &Located;
    /// Opens the next piece of the footage, from byte `at` on and not past byte `end`. The piece
    /// may end before `end`.
    ///
    /// # Errors
    /// [`Cut`] if the piece can't be proven, or may not be seen any more.
    async fn piece(&mut self, at: u64, end: u64) -> Result<Plain, Cut>;
}

/// The content of an answer.
pub enum Content {
    /// No content.
    Empty,
    /// Bytes from the handler's memory.
    Bytes(Bytes),
    /// Bytes of an object, `length` of them from `offset` on.
    Footage {
        /// The object, under the grant that opened it.
        source: Box<dyn Source>,
        /// The first byte, counted in the object's footage.
        offset: u64,
        /// The number of bytes; at least 1, and within the object.
        length: u64,
    },
    /// A segment of the live view, chunk by chunk as it is made.
    Live {
        /// The segment, under the grant that proved it.
        source: Box<dyn Follow>,
        /// The part of it that is sent.
        part: Part,
    },
}

/// The answer of an instance, with the grant of that instance.
pub struct Answer {
    pub(crate) grant: Arc<Grant>,
    pub(crate) status: Status,
    pub(crate) media_type: MediaType,
    pub(crate) content: Content,
}

impl Answer {
    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }
    /// Returns the media type of the content.
    #[must_use]
    pub fn media_type(&self) -> MediaType {
        self.media_type
    }
    /// Returns the content.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }
    /// Narrows footage to the part that the client asked for: `bytes` bytes from byte `from` of the
    /// object on. Returns false, and changes nothing, if that part does not lie within what was
    /// answered.
    #[must_use]
    pub fn narrow(&mut self, from: u64, bytes: u64) -> bool {
        let Content::Footage { offset, length, .. } = &mut self.content else {
            return false;
        };
        let end = offset.saturating_add(*length);
        let within = bytes > 0 && from >= *offset && from.saturating_add(bytes) <= end;
        if within {
            (*offset, *length) = (from, bytes);
        }
        within
    }
}

/// The facts of a departure that the ledger is told.
#[derive(Debug, Clone, Copy)]
pub struct Leaving {
    /// The thing that is handed out.
    pub handed: Handed,
    /// The event, where the question named one.
    pub event: Option<FootageId>,
    /// True if only the head leaves. Then there is no entry, and no body.
    pub is_head: bool,
}

/// A private body on its way out, whose bytes are given only by being polled.
pub struct Departure {
    /// The grant, which lives as long as its body. A list of cameras has none.
    _grant: Option<Arc<Grant>>,
    /// The entry in the ledger, unless an earlier one covers this body.
    entered: Option<Entered>,
    media_type: MediaType,
    length: Option<u64>,
    left: u64,
    body: BoxStream<'static, Result<Bytes, Cut>>,
}

impl Departure {
    /// Lets the answer of an instance leave. The answer's grant must be the very grant that this
    /// request holds, and `raw` the credential of the grant's requester. Three steps follow each
    /// other:
    ///
    /// 1. The length and the first piece of footage are proven. Of a live segment its statement is.
    /// 2. The ledger takes the entry.
    /// 3. Admission decides once more.
    ///
    /// # Errors
    /// [`Refused`] if one of the checks or steps fails. Then nothing leaves.
    pub async fn open(
        door: &Arc<Admission>,
        grant: &Arc<Grant>,
        raw: &RawCredential,
        answer: Answer,
        leaving: Leaving,
    ) -> Result<Self, Refused> {
        let Answer { grant: made, media_type, content, .. } = answer;
        if !Arc::ptr_eq(&made, grant) {
            return Err(door.crossed(Some(grant.camera())));
        }
        let (length, object, body) = match content {
            Content::Empty => (Some(0), None, stream::empty().boxed()),
            Content::Bytes(bytes) => {
                (Some(bytes.len() as u64), None, stream::once(async { Ok(bytes) }).boxed())
            }
            Content::Live { source, part } => {
                let (door, grant) = (Arc::clone(door), Arc::clone(grant));
                let segment = source.segment().statement().segment;
                let next = Ok(Some(u64::from(part == Part::Media)));
                let following = Following { door, grant, segment, source, part, next };
                let body = stream::unfold(following, Following::next).fuse().boxed();
                (None, Some((Kind::LiveChunk, segment.time_milliseconds())), body)
            }
            Content::Footage { source, offset, length } => {
                let asked = source.located().asked();
                let object = (asked.kind(), asked.id().time_milliseconds());
                let doors = (Arc::clone(door), Arc::clone(grant));
                let sending = Sending::start(doors, source, offset, length).await;
                let sending = sending.map_err(|Cut| Refused::unproven(Seam::Store))?;
                let body = stream::unfold(sending, Sending::next).fuse().boxed();
                (Some(length), Some(object), body)
            }
        };
        let body = if leaving.is_head { stream::empty().boxed() } else { body };
        let left = length.unwrap_or(0);
        let by = (Some(&**grant), grant.decided_at());
        let entered = door.let_out(grant.requester(), raw, leaving, by, left).await?;
        door.again(grant, object).await?;
        let _grant = Some(Arc::clone(grant));
        Ok(Self { _grant, entered, media_type, length, left, body }.begun())
    }

    /// Lets a viewer's list of cameras leave, as page or as data. The list was made of
    /// `identified`. If `is_head`, only the head leaves.
    ///
    /// # Errors
    /// [`Refused`] if `raw` is not the viewer's credential, the ledger does not take the entry, or
    /// the list has changed. Then nothing leaves.
    pub async fn of_list(
        door: &Arc<Admission>,
        identified: &Identified,
        raw: &RawCredential,
        list: Bytes,
        is_head: bool,
    ) -> Result<Self, Refused> {
        let requester = identified.rights().requester();
        let leaving = Leaving { handed: Handed::Cameras, event: None, is_head };
        let length = list.len() as u64;
        let by = (None, identified.decided_at());
        let entered = door.let_out(requester, raw, leaving, by, length).await?;
        door.again_list(identified).await?;
        let body = stream::iter((!is_head).then_some(Ok(list))).boxed();
        let (media_type, left) = (MediaType::Json, length);
        Ok(Self { _grant: None, entered, media_type, length: Some(length), left, body }.begun())
    }

    /// From now on the body may leave, and whoever drops it before its end has cut it.
    fn begun(mut self) -> Self {
        let outcome = self.so_far();
        self.note(outcome);
        self.entered.iter_mut().for_each(Entered::lets_out);
        self
    }

    /// Returns how it ends if nothing more leaves.
    fn so_far(&self) -> Outcome {
        if http_body::Body::is_end_stream(self) { Outcome::Whole } else { Outcome::Cut }
    }

    /// Notes for the ledger how it stands, and how many bytes have left.
    fn note(&mut self, outcome: Outcome) {
        if let Some(entered) = &mut self.entered
            && let Some(noted) = &mut entered.outcome
        {
            *noted = outcome;
            entered.left_bytes = self.length.map_or(0, |length| length.saturating_sub(self.left));
        }
    }

    /// Ends it before anything has left, since what it stands for did not happen.
    pub fn withhold(mut self) {
        self.note(Outcome::Withheld);
    }

    /// Returns the media type that the instance gave. A list of cameras has [`MediaType::Json`].
    #[must_use]
    pub fn media_type(&self) -> MediaType {
        self.media_type
    }
    /// Returns how many bytes leave, if none is cut off. Nobody knows it of a live segment.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

impl http_body::Body for Departure {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.body.poll_next_unpin(context).map(|piece| match piece {
            Some(Ok(bytes)) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                let outcome = self.so_far();
                self.note(outcome);
                Some(Ok(Frame::data(bytes)))
            }
            None if self.left == 0 => {
                self.note(Outcome::Whole);
                None
            }
            // A cut never looks like an end, however often the body is polled.
            None => Some(Err(Cut)),
            Some(Err(Cut)) => Some(Err(Cut)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.length.is_some() && self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, |_| SizeHint::with_exact(self.left))
    }
}

/// Footage that is being sent.
struct Sending {
    door: Arc<Admission>,
    /// The grant of the request, which the source is not asked for again.
    grant: Arc<Grant>,
    source: Box<dyn Source>,
    object: (Kind, u64),
    first: Option<Bytes>,
    at: u64,
    end: u64,
    /// The number of the extent that was decided on last.
    extent: u64,
}

const EXTENT: u64 = EXTENT_PLAIN_BYTES as u64;

impl Sending {
    async fn start(
        (door, grant): (Arc<Admission>, Arc<Grant>),
        source: Box<dyn Source>,
        offset: u64,
        length: u64,
    ) -> Result<Self, Cut> {
        let asked = source.located().asked();
        let object = (asked.kind(), asked.id().time_milliseconds());
        let total = source.located().plain_length();
        let end = offset.checked_add(length).filter(|end| *end <= total).ok_or(Cut)?;
        let extent = offset / EXTENT;
        let mut sending =
            Self { door, grant, source, object, first: None, at: offset, end, extent };
        // The last chunk proves the length that is about to be promised.
        let last = total.saturating_sub(total.rem_euclid(CHUNK_BYTES as u64));
        sending.piece(last, total).await?;
        sending.first = Some(sending.piece(offset, end).await?);
        Ok(sending)
    }

    /// Reads one piece, and checks that its object, its grant and its place are right.
    async fn piece(&mut self, at: u64, end: u64) -> Result<Bytes, Cut> {
        let piece = self.source.piece(at, end).await?;
        let located = self.source.located();
        let fits = Arc::ptr_eq(located.grant(), &self.grant)
            && piece.is_of(located)
            && piece.at() == at
            && piece.bytes().len() as u64 <= end.saturating_sub(at)
            && (at == end || !piece.bytes().is_empty());
        fits.then(|| piece.bytes().clone()).ok_or(Cut)
    }

    /// Returns the next piece. `None` means that all have left, or that the last one was cut.
    async fn next(mut self) -> Option<(Result<Bytes, Cut>, Self)> {
        if self.at >= self.end {
            return None;
        }
        let piece = match self.first.take() {
            Some(first) => Ok(first),
            None => self.further().await,
        };
        self.at = match &piece {
            Ok(bytes) => self.at.saturating_add(bytes.len() as u64),
            Err(Cut) => self.end,
        };
        Some((piece, self))
    }

    async fn further(&mut self) -> Result<Bytes, Cut> {
        let extent = self.at / EXTENT;
        if extent != self.extent {
            self.door.again(&self.grant, Some(self.object)).await.map_err(|_| Cut)?;
            self.extent = extent;
        }
        self.piece(self.at, self.end).await
    }
}
