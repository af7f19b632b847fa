//! A stream that comes in one endless body, as `ffmpeg -f mp4` sends it. FROM CLIENT: all of it.

use super::fragments::{Init, Part};
use super::hub::Channel;
use super::intake::Intake;
use super::reader::Reader;
use super::{Live, LiveError};
use crate::sync::timeout_at;
use crate::turns::Turn;
use bytes::Bytes;
use eyesonly_gate::IntakeGrant;
use eyesonly_gate::live::Stream as Of;
use futures::future::{Either, select};
use futures::{Stream, StreamExt as _};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest time without a whole fragment, in seconds, unless key frames are further apart.
const SILENT_SECONDS_MAX: u64 = 10;
/// The most intakes that are kept before those where nobody hands in are dropped.
const INTAKES_KEPT: usize = 1024;

impl Live {
    /// Takes one stream of a camera until its body ends. The stream is taken on a task of its own,
    /// so that its last segment ends properly even if the connection breaks.
    ///
    /// # Errors
    /// [`LiveError`] as soon as something is wrong. The caller then closes the connection, since
    /// publishers notice nothing else.
    pub async fn stream<S, E>(
        self: &Arc<Self>,
        grant: IntakeGrant,
        stream: Of,
        body: S,
    ) -> Result<(), LiveError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Send + 'static,
    {
        let live = Arc::clone(self);
        let task = tokio::spawn(async move { live.taken(&grant, stream, body).await });
        task.await.unwrap_or(Err(LiveError::Unavailable("the intake")))
    }

    async fn taken<S, E>(
        self: Arc<Self>,
        grant: &IntakeGrant,
        stream: Of,
        body: S,
    ) -> Result<(), LiveError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let channel = (grant.camera(), stream);
        let _turn = self.turn(grant).await?;
        let intake = self.intake(channel);
        let mut way = Way { live: &self, grant, channel, intake: &intake, init: None, place: None };
        let taken = way.body(body).await;
        let Some((publisher, _)) = way.place else { return taken };
        let left = intake.lock().await.leave(&self, grant, channel, publisher).await;
        taken.and(left)
    }

    /// Takes a place among the bodies that are under way. Nobody waits for one.
    pub(super) async fn turn(&self, grant: &IntakeGrant) -> Result<Turn, LiveError> {
        let (household, asker) = (grant.household(), *grant.camera().as_bytes());
        let turn = self.streams.wait(household, asker, Instant::now()).await;
        turn.ok_or(LiveError::Busy)
    }

    /// Returns the intake of a stream.
    pub(super) fn intake(&self, channel: Channel) -> Arc<tokio::sync::Mutex<Intake>> {
        let fresh = || Arc::new(tokio::sync::Mutex::new(Intake::new()));
        let Ok(mut intakes) = self.intakes.lock() else {
            return fresh();
        };
        if intakes.len() >= INTAKES_KEPT && !intakes.contains_key(&channel) {
            intakes.retain(|_, intake| is_used(intake));
        }
        Arc::clone(intakes.entry(channel).or_insert_with(fresh))
    }
}

/// Says whether a stream is being handed in: whoever does so holds the intake, or has brought a
/// file of it just now.
pub(super) fn is_used(intake: &Arc<tokio::sync::Mutex<Intake>>) -> bool {
    Arc::strong_count(intake) > 1 || !intake.try_lock().is_ok_and(|intake| intake.is_free())
}

/// The way of one body into the intake of its stream.
struct Way<'a> {
    live: &'a Live,
    grant: &'a IntakeGrant,
    channel: Channel,
    intake: &'a tokio::sync::Mutex<Intake>,
    init: Option<Arc<Init>>,
    /// The publisher's number, and what tells it that a newer one came. A body becomes the
    /// publisher with its first fragment: one that has none ends nobody's stream.
    place: Option<(u64, watch::Receiver<u64>)>,
}

impl Way<'_> {
    async fn body<S, E>(&mut self, mut body: S) -> Result<(), LiveError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let mut reader = Reader::new(self.live, self.grant.household());
        let (mut last, mut silent) = (Instant::now(), Duration::from_secs(SILENT_SECONDS_MAX));
        loop {
            let piece = {
                let superseded = pin!(superseded(&mut self.place));
                let piece = pin!(piece(&mut body, last, silent));
                match select(superseded, piece).await {
                    Either::Left(_) => return Err(LiveError::Superseded),
                    Either::Right((piece, _)) => piece?,
                }
            };
            let Some(piece) = piece else { break };
            reader.push(&piece)?;
            while let Some(part) = reader.next_part()? {
                silent = self.part(part).await?.max(Duration::from_secs(SILENT_SECONDS_MAX));
                last = Instant::now();
            }
        }
        reader.end()
    }

    /// Takes one part, and returns how long the next one may take.
    async fn part(&mut self, part: Part) -> Result<Duration, LiveError> {
        let Self { live, grant, channel, intake, .. } = *self;
        let mut intake = intake.lock().await;
        match part {
            Part::Init(init) => {
                let init = Arc::new(init);
                self.init = Some(Arc::clone(&init));
                if let Some((publisher, _)) = self.place {
                    intake.start_run(live, grant, channel, publisher, init).await?;
                }
            }
            Part::Fragment(fragment) => {
                let init = self.init.as_ref().ok_or(LiveError::NoInit)?;
                let publisher = match &self.place {
                    Some((publisher, _)) => *publisher,
                    None => {
                        fragment.timing(init)?;
                        let place = intake.enter()?;
                        let publisher = self.place.insert(place).0;
                        let init = Arc::clone(init);
                        intake.start_run(live, grant, channel, publisher, init).await?;
                        publisher
                    }
                };
                intake.take(live, grant, channel, publisher, &fragment).await?;
            }
        }
        Ok(intake.group() * 2)
    }
}

/// Returns the next piece of a body, and `None` at its end. `since` is when the silence began, and
/// `silent` how long it may be.
pub(super) async fn piece<S, E>(
    body: &mut S,
    since: Instant,
    silent: Duration,
) -> Result<Option<Bytes>, LiveError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    match timeout_at(since + silent, body.next()).await {
        Err(_) => Err(LiveError::Silent(silent.as_secs())),
        Ok(None) => Ok(None),
        Ok(Some(Err(_))) => Err(LiveError::Incomplete),
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
    }
}

/// Waits until a newer publisher comes. It never does before this one has its place.
async fn superseded(place: &mut Option<(u64, watch::Receiver<u64>)>) {
    match place {
        Some((_, told)) => drop(told.changed().await),
        None => std::future::pending().await,
    }
}
