//! The intake of one stream: fragments become sealed chunks of segments, in the order in which they
//! came.

use super::fragments::{Fragment, Init, Media, Timing};
use super::hub::Channel;
use super::notes::{Closing, Opening};
use super::pace::Pace;
use super::{Live, LiveError};
use crate::clock;
use eyesonly_gate::live::Statement;
use eyesonly_gate::{IntakeGrant, Refused};
use eyesonly_seal::FootageId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The shortest segment, in milliseconds. A key frame before that starts no new one, so that a
/// camera with many key frames does not cost its viewers a request for each.
pub const SEGMENT_MILLISECONDS_MIN: u64 = 1_500;
/// The longest segment, in milliseconds. It is closed even without a key frame.
pub const SEGMENT_MILLISECONDS_MAX: u64 = 10_000;
/// The most bytes of a segment's fragments.
pub const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The time without a fragment after which a stream is free for an older publisher.
const FREE_AFTER: Duration = Duration::from_secs(10);
/// The fall of the decode time, in milliseconds, that starts a new run.
const FALL_MILLISECONDS: u64 = 10_000;
/// The most times in a minute that a newer publisher takes a stream over.
const CHANGES_MAX: usize = 6;

/// The most fragments a second of one stream, over ten seconds. The times of fragments rise by a
/// millisecond each, so a stream must not have more of them than the time has milliseconds.
pub const FRAGMENTS_A_SECOND_MAX: u32 = 240;

/// The state of one stream's intake.
pub struct Intake {
    /// The newest publisher's number. Whoever has another one hands in no more.
    publisher: watch::Sender<u64>,
    /// When publishers came, within the last minute.
    changes: VecDeque<Instant>,
    arrived_at_milliseconds: u64,
    /// The fragments that came.
    fragments: Pace,
    numbers: Numbers,
    run: Option<Run>,
    open: Option<Open>,
    /// The segment that ended last, if the next one goes on where it ends.
    before: Option<FootageId>,
    /// The time between the last two key frames.
    group: Duration,
    key_at: Option<Instant>,
    /// When the last fragment came. `None` if its publisher has left.
    last: Option<Instant>,
}

/// The numbers of the last segment and of the last run.
struct Numbers {
    segment: u64,
    run: u64,
}

/// The part of a stream that one init describes.
struct Run {
    init: Arc<Init>,
    sequence: u32,
    decode_milliseconds: u64,
}

/// The segment that is being made.
struct Open {
    statement: Statement,
    /// The number of its next chunk.
    next: u64,
    started_at_milliseconds: u64,
    duration_microseconds: u64,
    bytes: u64,
}

impl Intake {
    /// Starts with numbers that no earlier process has given. A segment takes longer than a second,
    /// so seconds since 1970 rise faster than the numbers do.
    pub fn new() -> Self {
        let seconds = clock::now_seconds();
        Self {
            publisher: watch::Sender::new(0),
            changes: VecDeque::new(),
            arrived_at_milliseconds: 0,
            fragments: Pace::new(),
            numbers: Numbers { segment: seconds, run: seconds },
            run: None,
            open: None,
            before: None,
            group: Duration::ZERO,
            key_at: None,
            last: None,
        }
    }

    /// Says whether nobody hands in here: the publisher has left, or nothing came for a while.
    pub fn is_free(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= FREE_AFTER)
    }

    /// Lets a new publisher in, and ends the older one. Returns its number, and what tells it that
    /// a newer one came.
    pub fn enter(&mut self) -> Result<(u64, watch::Receiver<u64>), LiveError> {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        while self.changes.front().is_some_and(|at| now.duration_since(*at) > minute) {
            self.changes.pop_front();
        }
        if self.changes.len() > CHANGES_MAX {
            return Err(LiveError::Flapping(CHANGES_MAX));
        }
        self.changes.push_back(now);
        self.publisher.send_modify(|number| *number = number.wrapping_add(1));
        let told = self.publisher.subscribe();
        let number = *told.borrow();
        Ok((number, told))
    }

    /// Says whether this is the newest publisher's number.
    pub fn is_publisher(&self, publisher: u64) -> bool {
        *self.publisher.borrow() == publisher
    }

    /// Returns the time between the last two key frames.
    pub fn group(&self) -> Duration {
        self.group
    }

    /// Starts a run: what comes next does not go on where the last segment ended.
    pub async fn start_run(
        &mut self,
        live: &Live,
        grant: &IntakeGrant,
        channel: Channel,
        publisher: u64,
        init: Arc<Init>,
    ) -> Result<(), LiveError> {
        if !self.is_publisher(publisher) {
            return Err(LiveError::Superseded);
        }
        self.close(live, grant, channel).await?;
        self.before = None;
        self.numbers.run = self.numbers.run.saturating_add(1);
        self.run = Some(Run { init, sequence: 0, decode_milliseconds: 0 });
        Ok(())
    }

    /// Seals one fragment and gives it to the hub. `publisher` is the number of whoever brings it.
    pub async fn take(
        &mut self,
        live: &Live,
        grant: &IntakeGrant,
        channel: Channel,
        publisher: u64,
        fragment: &Fragment,
    ) -> Result<(), LiveError> {
        if !self.is_publisher(publisher) {
            return Err(LiveError::Superseded);
        }
        if !self.fragments.count(1, FRAGMENTS_A_SECOND_MAX.into()) {
            return Err(LiveError::TooMany(FRAGMENTS_A_SECOND_MAX));
        }
        let init = Arc::clone(&self.run.as_ref().ok_or(LiveError::NoInit)?.init);
        let timings = fragment.timing(&init)?;
        let lead = lead(&init, &timings)?;
        if let Err(refused) = live.admission.again_intake(grant).await {
            return Err(self.refused(live, channel, refused).await);
        }
        if !self.run.as_ref().is_some_and(|run| run.goes_on(fragment.sequence, &lead)) {
            self.start_run(live, grant, channel, publisher, Arc::clone(&init)).await?;
        }
        if let Some(run) = &mut self.run {
            run.sequence = fragment.sequence;
            run.decode_milliseconds = lead.decode_milliseconds;
        }
        if lead.key {
            let now = Instant::now();
            let earlier = self.key_at.replace(now);
            self.group = earlier.map_or(Duration::ZERO, |at| now.duration_since(at));
        }
        self.last = Some(Instant::now());
        let bytes = fragment.bytes.len() as u64;
        let now = live.clock.now_milliseconds();
        let arrived = now.max(self.arrived_at_milliseconds.saturating_add(1));
        self.arrived_at_milliseconds = arrived;
        if self.open.as_ref().is_none_or(|open| open.is_over(arrived, bytes, lead.key)) {
            self.close(live, grant, channel).await?;
            self.open(live, grant, channel, &init, (arrived, lead.key)).await?;
        }
        let open = self.open.as_mut().ok_or(LiveError::NoInit)?;
        open.bytes = open.bytes.saturating_add(bytes);
        open.duration_microseconds =
            open.duration_microseconds.saturating_add(lead.duration_microseconds);
        open.append(live, grant, channel, (false, arrived), (&[], &fragment.bytes)).await
    }

    async fn open(
        &mut self,
        live: &Live,
        grant: &IntakeGrant,
        channel: Channel,
        init: &Init,
        (arrived, key): (u64, bool),
    ) -> Result<(), LiveError> {
        let segment = FootageId::from_time(arrived, clock::random());
        let segment = segment.map_err(|_| LiveError::Unavailable("the clock"))?;
        let statement = grant.state(Statement {
            stream: channel.1,
            segment,
            half: clock::random(),
            before: self.before,
            proof: [0; 32],
        });
        live.hub.start(grant.household(), channel, statement.clone()).await?;
        self.numbers.segment = self.numbers.segment.saturating_add(1);
        let (width, height) = match init.video().map(|track| &track.media) {
            Some(Media::Video { width, height }) => (*width, *height),
            _ => (0, 0),
        };
        let notes = serde_json::to_vec(&Opening {
            number: self.numbers.segment,
            run: self.numbers.run,
            key,
            codecs: init.codecs(),
            width,
            height,
        });
        let notes = notes.map_err(|_| LiveError::Unavailable("the notes"))?;
        let mut open = Open {
            statement,
            next: 0,
            started_at_milliseconds: arrived,
            duration_microseconds: 0,
            bytes: 0,
        };
        let chunk: (&[u8], &[u8]) = (&notes, &init.bytes);
        open.append(live, grant, channel, (false, arrived), chunk).await?;
        live.saw(channel, segment);
        self.open = Some(open);
        Ok(())
    }

    /// Ends the segment that is being made, if there is one.
    pub async fn close(
        &mut self,
        live: &Live,
        grant: &IntakeGrant,
        channel: Channel,
    ) -> Result<(), LiveError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let notes = serde_json::to_vec(&Closing {
            duration_milliseconds: open.duration_microseconds / 1000,
            bytes: open.bytes,
        });
        let notes = notes.map_err(|_| LiveError::Unavailable("the notes"))?;
        self.before = Some(open.statement.segment);
        let last = (true, self.arrived_at_milliseconds);
        open.append(live, grant, channel, last, (&notes, &[])).await
    }

    /// Ends the stream of this publisher, unless a newer one has taken it over.
    pub async fn leave(
        &mut self,
        live: &Live,
        grant: &IntakeGrant,
        channel: Channel,
        publisher: u64,
    ) -> Result<(), LiveError> {
        if self.is_publisher(publisher) {
            self.last = None;
            self.close(live, grant, channel).await?;
            self.before = None;
        }
        Ok(())
    }

    /// Drops all that the hub has of a camera that may not hand in any more.
    async fn refused(&mut self, live: &Live, channel: Channel, refused: Refused) -> LiveError {
        let error = LiveError::from(refused);
        if matches!(error, LiveError::Revoked | LiveError::Off) {
            self.open = None;
            live.drop_camera(channel.0).await;
        }
        error
    }
}

impl Run {
    /// Says whether a fragment goes on where the one before ended.
    fn goes_on(&self, sequence: u32, lead: &Lead) -> bool {
        // A number that falls is of a stream that starts anew.
        let falls = sequence < self.sequence;
        let earliest = self.decode_milliseconds.saturating_sub(FALL_MILLISECONDS);
        !falls && lead.decode_milliseconds >= earliest
    }
}

impl Open {
    /// Says whether a fragment belongs to the next segment.
    fn is_over(&self, arrived: u64, bytes: u64, key: bool) -> bool {
        let age = arrived.saturating_sub(self.started_at_milliseconds);
        // A stream that is handed in faster than it plays is cut by what it plays.
        let age = age.max(self.duration_microseconds / 1000);
        (key && age >= SEGMENT_MILLISECONDS_MIN)
            || age >= SEGMENT_MILLISECONDS_MAX
            || self.bytes.saturating_add(bytes) > SEGMENT_BYTES_MAX
    }

    async fn append(
        &mut self,
        live: &Live,
        grant: &IntakeGrant,
        channel: Channel,
        mark: (bool, u64),
        chunk: (&[u8], &[u8]),
    ) -> Result<(), LiveError> {
        let number = self.next;
        let of = (&self.statement, number);
        let sealed = grant.seal_chunk(of, mark, chunk, clock::random())?;
        self.next = number.saturating_add(1);
        Ok(live.hub.append(channel, self.statement.segment, number, sealed).await?)
    }
}

/// The track of a fragment by which segments are cut: the picture's, or else the first.
struct Lead {
    key: bool,
    decode_milliseconds: u64,
    duration_microseconds: u64,
}

fn lead(init: &Init, timings: &[Timing]) -> Result<Lead, LiveError> {
    let video = init.video().map(|track| track.id);
    let of_video = timings.iter().find(|timing| Some(timing.track) == video);
    // A fragment of sound alone is no place to start if the stream has a picture.
    let timing = of_video.or(timings.first()).ok_or(LiveError::NoInit)?;
    let track = init.tracks.iter().find(|track| track.id == timing.track);
    let timescale = u64::from(track.map_or(1, |track| track.timescale)).max(1);
    let of_a_second = |ticks: u64, parts: u64| {
        let (whole, rest) = (ticks / timescale, ticks % timescale);
        whole.saturating_mul(parts).saturating_add(rest.saturating_mul(parts) / timescale)
    };
    let is_lead = of_video.is_some() || video.is_none();
    Ok(Lead {
        key: is_lead && timing.starts_with_key,
        decode_milliseconds: of_a_second(timing.decode_time, 1_000),
        duration_microseconds: of_a_second(if is_lead { timing.duration } else { 0 }, 1_000_000),
    })
}
