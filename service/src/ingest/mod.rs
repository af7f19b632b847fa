//! Ingest: a camera hands in its own footage. Ingest seals bytes as they arrive, and what it
//! acknowledges is durable.
//!
//! INVARIANT: the camera's credential alone decides whose footage it is. Plaintext lives only in
//! bounded buffers of the task that owns the request. Each step waits for the one before: object
//! flushed, folder flushed, index committed, then the answer.
//!
//! Ingest must never show anything of an upload that did not end, and never replace what is there.

mod body;
mod digest;
mod error;
mod form;
mod sink;
mod still;

pub use digest::{ContentDigest, DigestError};
pub use error::IngestError;
pub use form::{FormError, Mp4Form};
pub use still::StillCheck;
#[cfg(any(test, feature = "conformance"))]
pub use still::TakesAll;

use crate::admin::has_ended;
use crate::catalogue::Catalogue;
use crate::chain::Chain;
use crate::clock;
use crate::footage::{EVENT_KINDS, EventDetails, LABEL_CHARACTERS_MAX, is_plain_text};
use crate::index::{Committed, INLINE_BYTES_MAX, NewObject};
use crate::tiers::Ladder;
use crate::turns::Turns;
use body::Received;
use bytes::Bytes;
use eyesonly_gate::vault::{Finished, ObjectRow, State};
use eyesonly_gate::{Admission, IntakeGrant, Offered, Refused, Seam};
use eyesonly_rights::{CameraRecord, Fault};
use eyesonly_seal::{CameraId, FootageId, Kind, ObjectName, ObjectVersion, format};
use form::Form;
use futures::Stream;
use sink::Sink;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The largest still, in bytes. A 4K JPEG at high quality has about half of that.
pub const STILL_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The largest clip, in bytes, which is more than an hour at 4 Mbit/s.
pub const CLIP_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// The largest event description, in bytes. A label of 200 characters fits, even with every one
/// escaped.
pub const EVENT_BYTES_MAX: u64 = 4 * 1024;
/// The longest time that an id may lie ahead, or before its camera's enrolment, in milliseconds:
/// the drift of a camera's clock.
pub const DRIFT_MILLISECONDS_MAX: u64 = 5 * 60 * 1000;
/// The earliest time of an id, in milliseconds since 1970: 2020-01-01. An earlier one is of a clock
/// that was never set.
pub const EARLIEST_MILLISECONDS: u64 = 1_577_836_800_000;

/// The most uploads at once. An upload holds up to two parts of the store (2 MiB), and a still
/// itself ([`STILL_BYTES_MAX`]), and only once so much has come.
pub const UPLOADS_MAX: usize = 256;
/// The most uploads at once of one household. A household's cameras come back together after an
/// outage, and this many are served at a time.
pub const UPLOADS_OF_HOUSEHOLD_MAX: usize = 16;
/// The most waiting uploads of one household: the cameras of a large one, all at once.
pub const UPLOADS_WAITING_MAX: usize = 256;
/// The longest wait of an upload for its turn, in seconds, before the camera is told to come back.
const WAIT_SECONDS_MAX: u64 = 5;
/// The time, in milliseconds, by which a new still's id must be later before an older still goes.
/// The time is for a viewer who is looking at the older one.
pub const SUPERSEDED_MILLISECONDS: u64 = 10 * 60 * 1000;

/// The outcome of an upload that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is written now.
    Created,
    /// The very same body was there already.
    Same,
}

/// The statements of a request's head about its body.
#[derive(Debug, Default)]
pub struct Declared {
    /// `Content-Length`, if given.
    pub length: Option<u64>,
    /// `Content-Digest`, if given.
    pub digest: Option<ContentDigest>,
}

/// Takes uploads.
pub struct Ingest {
    catalogue: Arc<Catalogue>,
    ladder: Arc<Ladder>,
    admission: Arc<Admission>,
    stills: Arc<dyn StillCheck>,
    turns: Arc<Turns>,
    slow: Arc<Turns>,
}

impl Ingest {
    /// Makes an ingest over these services.
    pub fn new(
        catalogue: Arc<Catalogue>,
        ladder: Arc<Ladder>,
        admission: Arc<Admission>,
        stills: Arc<dyn StillCheck>,
    ) -> Self {
        Self {
            catalogue,
            ladder,
            admission,
            stills,
            turns: Turns::new(UPLOADS_MAX, UPLOADS_OF_HOUSEHOLD_MAX, UPLOADS_WAITING_MAX),
            slow: Turns::new(UPLOADS_MAX / 4, UPLOADS_OF_HOUSEHOLD_MAX / 4, 0),
        }
    }

    /// Takes a still, an event's still, or a clip. FROM CLIENT: `id`, `declared`, `body`.
    pub async fn footage<S, E>(
        &self,
        grant: &IntakeGrant,
        kind: Kind,
        id: &str,
        declared: Declared,
        body: S,
    ) -> Result<Taken, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let (form, bytes_max) = match kind {
            Kind::Clip => (Form::Mp4(Mp4Form::default()), CLIP_BYTES_MAX),
            _ => (Form::Jpeg(Zeroizing::default()), STILL_BYTES_MAX),
        };
        let received = Received::new(body, declared, bytes_max, form)?;
        let taken = self.take(grant, kind, footage_id(id, grant.camera())?, received).await;
        taken.inspect_err(|error| self.crossed(grant, error))
    }

    /// Takes any bytes as footage, for tests of the code that reads footage.
    #[cfg(any(test, feature = "conformance"))]
    pub async fn anything(
        &self,
        grant: &IntakeGrant,
        kind: Kind,
        id: FootageId,
        bytes: &[u8],
    ) -> Result<Taken, IngestError> {
        let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(bytes))]);
        self.take(
            grant,
            kind,
            id,
            Received::new(body, Declared::default(), STILL_BYTES_MAX, Form::Any)?,
        )
        .await
    }

    async fn take<S, E>(
        &self,
        grant: &IntakeGrant,
        kind: Kind,
        id: FootageId,
        mut received: Received<S>,
    ) -> Result<Taken, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let offered = grant.offer(kind, id);
        let deadline = Instant::now() + Duration::from_secs(WAIT_SECONDS_MAX);
        let turn = self.turns.wait(grant.household(), *grant.camera().as_bytes(), deadline).await;
        let _turn = turn.ok_or(IngestError::Busy)?;
        if let Some(row) = self.row(&offered).await? {
            return self.compare(&offered, &row, received).await;
        }
        // A repeated upload needs no room, so it was told apart before.
        self.check_room(grant, received.declared_length()).await?;
        let event = grant.offer(Kind::Event, id);
        if kind != Kind::Still {
            match self.row(&event).await?.map(|row| row.state) {
                Some(State::Live) => {}
                Some(State::Deleted) => return Err(IngestError::Deleted),
                None => return Err(IngestError::NoEvent),
            }
        }

        let version = self.version(grant);
        let mut sink = Sink::new(&**self.ladder.store(), offered.seal(version, clock::random())?);
        let mut slow = None;
        while let Some(piece) = received.next().await? {
            if slow.is_none() && received.is_slow() {
                // Slow uploads take at most a quarter of the places, a household's and all.
                let asker = *grant.camera().as_bytes();
                let turn = self.slow.wait(grant.household(), asker, Instant::now()).await;
                slow = Some(turn.ok_or(IngestError::Slow)?);
            }
            sink.push(&piece).await?;
        }
        if let Some(still) = received.still() {
            self.stills.check(grant.household(), grant.camera(), &still).await?;
        }
        // INVARIANT: only a body that is complete, has its form and matches its digest becomes
        // durable.
        let Finished { row, pointer, .. } = sink.finish().await?;
        let requires = match kind {
            Kind::Still => None,
            _ => Some(event.slot()?),
        };
        let new = NewObject {
            row,
            inline: None,
            household: grant.household(),
            quota_bytes: grant.quota_bytes(),
            requires,
            supersedes: pointer.as_ref().and_then(|pointer| superseded_by(pointer.id)),
            pointer,
        };
        self.commit(grant, &offered, new).await
    }

    /// Takes an event's description. FROM CLIENT: `id`, `declared`, `body`.
    pub async fn event<S, E>(
        &self,
        grant: &IntakeGrant,
        id: &str,
        declared: Declared,
        body: S,
    ) -> Result<Taken, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let offered = grant.offer(Kind::Event, footage_id(id, grant.camera())?);
        let mut received = Received::new(body, declared, EVENT_BYTES_MAX, Form::Any)?;
        let mut text = Zeroizing::new(Vec::new());
        while let Some(piece) =
            received.next().await.inspect_err(|error| self.crossed(grant, error))?
        {
            text.extend_from_slice(&piece);
        }
        let details = describe(&text)?;
        let plain = Zeroizing::new(
            serde_json::to_vec(&details).map_err(|e| IngestError::Description(e.to_string()))?,
        );
        if let Some(row) = self.row(&offered).await? {
            let mut digest = offered.digest();
            digest.update(&plain);
            return self.same(&row, &digest.finish());
        }
        self.check_room(grant, Some(plain.len() as u64)).await?;

        let version = ObjectVersion::from_bytes(clock::fresh_id());
        let mut sealing = offered.seal(version, clock::random())?;
        sealing.push(&plain)?;
        let Finished { row, rest, .. } = sealing.finish()?;
        if rest.bytes().len() > INLINE_BYTES_MAX {
            return Err(IngestError::TooLarge(EVENT_BYTES_MAX));
        }
        let new = NewObject {
            row,
            inline: Some(rest),
            household: grant.household(),
            quota_bytes: grant.quota_bytes(),
            requires: None,
            supersedes: None,
            pointer: None,
        };
        self.commit(grant, &offered, new).await
    }

    /// Makes the version of a new object. It is later than that of the camera's newest still, even
    /// if this machine's clock was set back: versions tell what came last.
    fn version(&self, grant: &IntakeGrant) -> ObjectVersion {
        let newest = self.catalogue.acknowledged().newest(grant.camera());
        let newest = newest.as_ref().map(ObjectVersion::as_bytes);
        ObjectVersion::from_bytes(clock::fresh_id_after(newest))
    }

    /// Returns the proven row under the offered slot, live or deleted.
    async fn row(&self, offered: &Offered<'_>) -> Result<Option<ObjectRow>, IngestError> {
        let proven = |row: Option<&ObjectRow>| {
            row.map(|row| offered.prove(row).map(|_| row.clone())).transpose()
        };
        Ok(self.catalogue.row(offered.camera(), offered.slot()?, proven).await?)
    }

    /// Compares a body with the one that is there, without storing a byte of it.
    async fn compare<S, E>(
        &self,
        offered: &Offered<'_>,
        row: &ObjectRow,
        mut received: Received<S>,
    ) -> Result<Taken, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        if row.state == State::Deleted {
            return Err(IngestError::Deleted);
        }
        let mut digest = offered.digest();
        while let Some(piece) = received.next().await? {
            digest.update(&piece);
        }
        self.same(row, &digest.finish())
    }

    /// Tells a repeated upload from a different one by the keyed digest of its body. A repeated one
    /// is acknowledged once more.
    fn same(&self, row: &ObjectRow, body_digest: &[u8; 32]) -> Result<Taken, IngestError> {
        match row.state {
            State::Deleted => return Err(IngestError::Deleted),
            State::Live if row.body_digest != *body_digest => return Err(IngestError::Conflict),
            State::Live => {}
        }
        if row.inline.is_none() {
            self.catalogue.acknowledged().add_name(row.name);
        }
        Ok(Taken::Same)
    }

    async fn commit(
        &self,
        grant: &IntakeGrant,
        offered: &Offered<'_>,
        new: NewObject,
    ) -> Result<Taken, IngestError> {
        self.again_intake(grant).await?;
        let kept = new.kept_row();
        let (name, body_digest, inline) = (kept.name, kept.body_digest, kept.inline.is_some());
        let outcome = match self.catalogue.index().commit(new).await {
            Ok(Committed::Written(superseded)) => {
                self.still_enrolled(grant, name, inline).await?;
                self.catalogue.acknowledge(&kept);
                for name in superseded {
                    self.catalogue.acknowledged().forget_name(name);
                    self.ladder.forget(name).await;
                }
                return Ok(Taken::Created);
            }
            Ok(Committed::Taken(row)) => match offered.prove(&row) {
                Ok(_) => self.same(&row, &body_digest),
                Err(_) => Err(IngestError::Unavailable("the index")),
            },
            // The event's row was live when the upload started. If the row says deleted now, a
            // viewer deleted the event meanwhile.
            Ok(Committed::NoEvent) => {
                Err(match self.row(&grant.offer(Kind::Event, offered.id())).await? {
                    Some(row) if row.state == State::Deleted => IngestError::Deleted,
                    _ => IngestError::NoEvent,
                })
            }
            Ok(Committed::OverQuota) => Err(IngestError::OverQuota),
            // The commit may have happened all the same. So the object stays, and collection
            // decides by the index.
            Err(error) => return Err(error.into()),
        };
        if !inline && let Err(error) = self.ladder.store().delete(name).await {
            tracing::warn!(
                error = %Chain(&error),
                "an object that nobody refers to is left for collection"
            );
        }
        outcome
    }

    async fn again_intake(&self, grant: &IntakeGrant) -> Result<(), IngestError> {
        let taken = self.admission.again_intake(grant).await;
        taken.map_err(|refused| match refused {
            Refused::Unavailable(seam, _) => IngestError::Unavailable(seam.name()),
            Refused::Off => IngestError::Off,
            _ => IngestError::Revoked,
        })
    }

    /// Decides once more, after the commit, whether the camera may hand in. A removal first ends
    /// the enrolment and then deletes the camera's rows. The removal deletes a row that was
    /// committed in between; this function deletes a row that was committed after. An enrolment
    /// that goes on under another credential, or that was closed, loses nothing.
    async fn still_enrolled(
        &self,
        grant: &IntakeGrant,
        name: ObjectName,
        inline: bool,
    ) -> Result<(), IngestError> {
        let taken = self.again_intake(grant).await;
        if !matches!(taken, Err(IngestError::Revoked)) {
            return taken;
        }
        let (records, camera) = (self.admission.records(), grant.camera());
        let record = records.read::<CameraRecord>(camera.as_bytes()).await;
        let record = record.map_err(|_| IngestError::Unavailable("the registry"))?;
        if record.is_some_and(|record| !has_ended(&record)) {
            return taken;
        }
        self.catalogue.forget_camera(grant.household(), grant.camera()).await?;
        if !inline {
            self.ladder.forget(name).await;
        }
        taken
    }

    /// Counts an upload whose body does not match its declared digest: the body may be somebody
    /// else's.
    fn crossed(&self, grant: &IntakeGrant, error: &IngestError) {
        if matches!(error, IngestError::Digest(DigestError::Mismatch)) {
            self.admission.records().reject(Seam::Ingest, Fault::WrongAnswer, Some(grant.camera()));
        }
    }

    /// Refuses what can't fit, before its body is read.
    async fn check_room(
        &self,
        grant: &IntakeGrant,
        length: Option<u64>,
    ) -> Result<(), IngestError> {
        let used = self.catalogue.index().household_bytes(grant.household()).await?;
        let needed = format::sealed_length(length.unwrap_or(0))
            .ok_or(IngestError::TooLarge(CLIP_BYTES_MAX))?;
        if used.saturating_add(needed) > grant.quota_bytes() {
            Err(IngestError::OverQuota)
        } else {
            Ok(())
        }
    }
}

/// Returns the id below which the still of this id supersedes older stills.
fn superseded_by(id: FootageId) -> Option<FootageId> {
    let before = id.time_milliseconds().checked_sub(SUPERSEDED_MILLISECONDS)?;
    FootageId::from_time(before, [0; 10]).ok()
}

/// Reads the id of an upload of `camera`. FROM CLIENT: `text`.
fn footage_id(text: &str, camera: CameraId) -> Result<FootageId, IngestError> {
    let id = FootageId::parse(text)
        .map_err(|_| IngestError::Id("the id must be a UUIDv7 in lower-case hyphenated form"))?;
    check_time(id.time_milliseconds(), camera, clock::now_milliseconds())?;
    Ok(id)
}

/// Checks that footage of this time is plausible: the camera was enrolled, and it is not to come.
fn check_time(time: u64, camera: CameraId, now: u64) -> Result<(), IngestError> {
    if time > now.saturating_add(DRIFT_MILLISECONDS_MAX) {
        return Err(IngestError::Id(
            "the id's time is more than 5 minutes ahead of the edge's clock, which Eyesonly-Time \
             of this answer shows; set the camera's clock",
        ));
    }
    if time < EARLIEST_MILLISECONDS {
        return Err(IngestError::Id(
            "the id's time is before 2020, so the camera's clock is not set; Eyesonly-Time of \
             this answer shows the edge's",
        ));
    }
    let enrolled = clock::time_of(camera.as_bytes()).unwrap_or(0);
    if time < enrolled.saturating_sub(DRIFT_MILLISECONDS_MAX) {
        return Err(IngestError::Id(
            "the id's time is before this camera's enrolment; set the camera's clock \
             (Eyesonly-Time of this answer shows the edge's), or enrol the camera with \
             `camera add --since`",
        ));
    }
    Ok(())
}

/// Reads a camera's description of an event. FROM CLIENT.
///
/// # Errors
/// [`IngestError::Description`]: it is no such description, or one that goes beyond a limit.
pub fn describe(text: &[u8]) -> Result<EventDetails, IngestError> {
    // serde takes a list for a structure as well.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(IngestError::Description(
            "not an event description: it must be a JSON object".to_owned(),
        ));
    }
    let details: EventDetails = serde_json::from_slice(text)
        .map_err(|e| IngestError::Description(format!("not an event description: {e}")))?;
    if !EVENT_KINDS.contains(&details.kind.as_str()) {
        return Err(IngestError::Description(format!(
            "`kind` must be one of {}",
            EVENT_KINDS.join(", ")
        )));
    }
    if details.label.chars().count() > LABEL_CHARACTERS_MAX || !is_plain_text(&details.label) {
        return Err(IngestError::Description(format!(
            "`label` must have at most {LABEL_CHARACTERS_MAX} characters, none of them a control \
             character or one that ends a line or turns the direction of writing"
        )));
    }
    Ok(details)
}
