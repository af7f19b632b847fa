//! A stream that comes as files, as ffmpeg's dash and hls muxers and Matter cameras send it: an
//! init and segments, a request for each, and manifests, which are dropped. FROM CLIENT: all of it.
//!
//! Which init a segment belongs to is said by its name and by the track in it, and never by the
//! order of arrival: hls sends the init after the first segment.

use super::fragments::{Fragment, Init, Part};
use super::publish::piece;
use super::reader::Reader;
use super::{Live, LiveError};
use crate::ingest::Taken;
use crate::sync::Mutex;
use bytes::Bytes;
use eyesonly_gate::IntakeGrant;
use eyesonly_gate::live::Stream as Of;
use eyesonly_seal::CameraId;
use futures::Stream;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The longest manifest, in bytes. It is dropped: the durations are in the segments.
pub const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;
/// The longest name of a session, a track or a file, in characters.
pub const NAME_CHARACTERS_MAX: usize = 64;
/// The longest pause within a file, in seconds. A session without a file for as long is forgotten.
const IDLE_SECONDS_MAX: u64 = 60;
/// The longest time that fragments wait for their init, in seconds.
const INIT_SECONDS_MAX: u64 = 10;
/// The most bytes of fragments that wait for their init.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most tracks of a session: two with a picture, and some of sound.
const TRACKS_MAX: usize = 8;
/// The most names of a session that are remembered, to know a file that comes again.
const NAMES_MAX: usize = 64;
/// The most sessions of one camera at once. The one that was idle longest goes.
const SESSIONS_MAX: usize = 4;

/// A session that several requests use.
type Shared = Arc<tokio::sync::Mutex<Session>>;

/// The sessions of all cameras.
#[derive(Default)]
pub struct Sessions {
    by: Mutex<ByCamera>,
}

/// The sessions of each camera, with the time of their last use. The one used last stands last.
#[derive(Default)]
struct ByCamera {
    all: HashMap<CameraId, Vec<(String, Instant, Shared)>>,
    swept_at: Option<Instant>,
}

impl ByCamera {
    /// Drops sessions that nobody has used for a while, with what waits in them.
    fn sweep(&mut self, now: Instant) {
        let is_due = |at: Instant| now.duration_since(at) >= Duration::from_secs(1);
        if !self.swept_at.is_none_or(is_due) {
            return;
        }
        self.swept_at = Some(now);
        let idle = Duration::from_secs(IDLE_SECONDS_MAX);
        self.all.retain(|_, sessions| {
            sessions.retain(|(_, used, _)| now.duration_since(*used) < idle);
            !sessions.is_empty()
        });
    }
}

impl Sessions {
    /// Returns a camera's session, and makes it if there is none.
    fn of(&self, camera: CameraId, name: &str) -> Shared {
        let Ok(mut by) = self.by.lock() else {
            return Arc::default();
        };
        let now = Instant::now();
        by.sweep(now);
        let sessions = by.all.entry(camera).or_default();
        let session = match sessions.iter().position(|(named, ..)| named == name) {
            Some(place) => sessions.remove(place).2,
            None => Arc::default(),
        };
        sessions.push((name.to_owned(), now, Arc::clone(&session)));
        if sessions.len() > SESSIONS_MAX {
            sessions.remove(0);
        }
        session
    }
}

/// One session of a camera.
#[derive(Default)]
struct Session {
    tracks: Vec<Track>,
    /// Files that came, each with the digests of its fragments.
    names: VecDeque<(String, Vec<u64>)>,
    waiting: Vec<(Vec<String>, Fragment, Instant)>,
    hasher: RandomState,
}

/// A track, or several in one file, as one init describes them.
struct Track {
    words: Vec<String>,
    init: Arc<Init>,
    /// The stream that it becomes, with the number of its publisher. Sound alone becomes none.
    stream: Option<(Of, u64)>,
    /// Set if a run must start with the next fragment.
    anew: bool,
}

/// Checks a name in an address.
fn check(name: &str) -> Result<&str, LiveError> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    let fits = (1..=NAME_CHARACTERS_MAX).contains(&name.len()) && name.bytes().all(allowed);
    if fits && !name.bytes().all(|c| c == b'.') { Ok(name) } else { Err(LiveError::Name) }
}

fn is_manifest(file: &str) -> bool {
    file.ends_with(".mpd") || file.ends_with(".m3u8")
}

/// Returns the words of a name that tell tracks apart: all but numbers and those for a file's part.
fn words(track: Option<&str>, file: &str) -> Vec<String> {
    let stem = track.unwrap_or(file.rsplit_once('.').map_or(file, |(stem, _)| stem));
    let is_common = |word: &str| {
        let common = ["init", "chunk", "segment", "seg", "header", "part", ""];
        common.contains(&word) || word.bytes().all(|c| c.is_ascii_digit())
    };
    let all = stem.split(['.', '_', '-']).filter(|word| !is_common(word));
    all.map(str::to_owned).collect()
}

/// Says whether a file with these words can belong to an init with those of `init`. A number may
/// follow a word in a file's name.
fn belongs(file: &[String], init: &[String]) -> bool {
    let numbered = |word: &String| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    init.iter().all(|word| file.iter().any(|of| of == word || numbered(of) == *word))
}

impl Live {
    /// Takes one file of a session. The file is taken on a task of its own: some publishers close
    /// the connection as soon as they have written it.
    ///
    /// # Errors
    /// [`LiveError`] if the file can't be taken. Fragments that came before the error are shown.
    pub async fn file<S, E>(
        self: &Arc<Self>,
        grant: IntakeGrant,
        (session, track, file): (String, Option<String>, String),
        body: S,
    ) -> Result<Taken, LiveError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Send + 'static,
    {
        let live = Arc::clone(self);
        let task = tokio::spawn(async move {
            live.taken_file(&grant, (&session, track.as_deref(), &file), body).await
        });
        task.await.unwrap_or(Err(LiveError::Unavailable("the intake")))
    }

    async fn taken_file<S, E>(
        &self,
        grant: &IntakeGrant,
        (session, track, file): (&str, Option<&str>, &str),
        body: S,
    ) -> Result<Taken, LiveError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let (name, file) = (check(session)?, check(file)?);
        let track = track.map(check).transpose()?;
        let _turn = self.turn(grant).await?;
        if is_manifest(file) {
            return dropped(body).await.map(|()| Taken::Same);
        }
        let session = self.sessions.of(grant.camera(), name);
        let path = track.map_or_else(|| file.to_owned(), |track| format!("{track}/{file}"));
        let of = File { live: self, grant, name, path, words: words(track, file) };
        of.take(&session, body).await
    }
}

/// Reads a manifest, and drops it.
async fn dropped<S, E>(mut body: S) -> Result<(), LiveError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    let mut bytes = 0_u64;
    while let Some(piece) = next(&mut body).await? {
        bytes = bytes.saturating_add(piece.len() as u64);
        if bytes > MANIFEST_BYTES_MAX {
            return Err(LiveError::Manifest(MANIFEST_BYTES_MAX));
        }
    }
    Ok(())
}

async fn next<S, E>(body: &mut S) -> Result<Option<Bytes>, LiveError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    piece(body, Instant::now(), Duration::from_secs(IDLE_SECONDS_MAX)).await
}

/// One file on its way in.
struct File<'a> {
    live: &'a Live,
    grant: &'a IntakeGrant,
    name: &'a str,
    path: String,
    words: Vec<String>,
}

impl File<'_> {
    async fn take<S, E>(
        &self,
        session: &tokio::sync::Mutex<Session>,
        mut body: S,
    ) -> Result<Taken, LiveError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let (mut number, mut taken) = (0, Taken::Same);
        let mut reader = Reader::new(self.live, self.grant.household());
        while let Some(piece) = next(&mut body).await? {
            reader.push(&piece)?;
            while let Some(part) = reader.next_part()? {
                let mut session = session.lock().await;
                match part {
                    Part::Init(init) => self.init(&mut session, init).await?,
                    Part::Fragment(fragment) => {
                        let is_known = session.knows(&self.path, number, &fragment);
                        number += 1;
                        if !is_known {
                            taken = Taken::Created;
                            self.fragment(&mut session, &self.words, fragment).await?;
                        }
                    }
                }
            }
        }
        reader.end()?;
        Ok(taken)
    }

    /// Takes an init: of a track that is new, or that starts anew if the init is another one.
    async fn init(&self, session: &mut Session, init: Init) -> Result<(), LiveError> {
        let words = &self.words;
        match session.tracks.iter_mut().find(|track| track.words == *words) {
            Some(track) if track.init.bytes == init.bytes => {}
            Some(track) => {
                track.anew = true;
                track.init = Arc::new(init);
            }
            None => {
                let stream = match init.video() {
                    Some(_) => Some(self.enter(session).await?),
                    None => None,
                };
                if session.tracks.len() >= TRACKS_MAX {
                    return Err(LiveError::Tracks);
                }
                let init = Arc::new(init);
                session.tracks.push(Track { words: words.clone(), init, stream, anew: true });
            }
        }
        for (words, fragment, came) in std::mem::take(&mut session.waiting) {
            if came.elapsed() < Duration::from_secs(INIT_SECONDS_MAX) {
                self.fragment(session, &words, fragment).await?;
            }
        }
        Ok(())
    }

    /// Becomes the publisher of the next stream that the session has not.
    async fn enter(&self, session: &Session) -> Result<(Of, u64), LiveError> {
        let has = |of| session.tracks.iter().any(|track| track.stream.is_some_and(|s| s.0 == of));
        let of = match (self.name, has(Of::Main), has(Of::Sub)) {
            ("sub", _, false) => Of::Sub,
            ("sub", _, true) => return Err(LiveError::Tracks),
            (_, false, _) => Of::Main,
            (_, true, false) => Of::Sub,
            (_, true, true) => return Err(LiveError::Tracks),
        };
        let intake = self.live.intake((self.grant.camera(), of));
        let (publisher, _) = intake.lock().await.enter()?;
        Ok((of, publisher))
    }

    async fn fragment(
        &self,
        session: &mut Session,
        words: &[String],
        fragment: Fragment,
    ) -> Result<(), LiveError> {
        let of = session
            .tracks
            .iter_mut()
            .filter(|track| belongs(words, &track.words) && fragment.timing(&track.init).is_ok());
        // The init whose name says most.
        let Some(track) = of.max_by_key(|track| track.words.len()) else {
            return session.wait(words, fragment);
        };
        let Some((of, publisher)) = track.stream else {
            return Ok(());
        };
        let channel = (self.grant.camera(), of);
        let intake = self.live.intake(channel);
        let mut intake = intake.lock().await;
        // Another publisher took the stream over, and has left.
        let publisher = if intake.is_publisher(publisher) || !intake.is_free() {
            publisher
        } else {
            let (again, _) = intake.enter()?;
            (track.stream, track.anew) = (Some((of, again)), true);
            again
        };
        if track.anew {
            let init = Arc::clone(&track.init);
            intake.start_run(self.live, self.grant, channel, publisher, init).await?;
            track.anew = false;
        }
        intake.take(self.live, self.grant, channel, publisher, &fragment).await
    }
}

impl Session {
    /// Says whether this fragment of this file came before. If another one came there, the file's
    /// camera has started anew.
    fn knows(&mut self, path: &str, number: usize, fragment: &Fragment) -> bool {
        let digest = self.hasher.hash_one(&fragment.bytes);
        let known = self.names.iter_mut().find(|(name, _)| name == path);
        let Some((_, digests)) = known else {
            if self.names.len() >= NAMES_MAX {
                self.names.pop_front();
            }
            self.names.push_back((path.to_owned(), vec![digest]));
            return false;
        };
        match digests.get(number) {
            Some(known) if *known == digest => return true,
            Some(_) => {
                digests.truncate(number);
                for track in &mut self.tracks {
                    track.anew = true;
                }
            }
            None => {}
        }
        digests.push(digest);
        false
    }

    /// Keeps a fragment until its init comes.
    fn wait(&mut self, words: &[String], fragment: Fragment) -> Result<(), LiveError> {
        self.waiting.retain(|(_, _, came)| came.elapsed().as_secs() < INIT_SECONDS_MAX);
        let bytes: usize = self.waiting.iter().map(|(_, kept, _)| kept.bytes.len()).sum();
        if bytes.saturating_add(fragment.bytes.len()) > WAITING_BYTES_MAX {
            return Err(LiveError::NoInit);
        }
        self.waiting.push((words.to_vec(), fragment, Instant::now()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(init: (Option<&str>, &str), file: (Option<&str>, &str), expected: bool) {
        let (init_words, file_words) = (words(init.0, init.1), words(file.0, file.1));
        assert_eq!(belongs(&file_words, &init_words), expected, "{init:?} {file:?}");
    }

    #[test]
    fn names_tell_tracks_apart() {
        fits((None, "init-stream0.m4s"), (None, "chunk-stream0-00001.m4s"), true);
        fits((None, "init-stream1.m4s"), (None, "chunk-stream0-00001.m4s"), false);
        fits((None, "init.mp4"), (None, "out12.m4s"), true);
        fits((None, "front_init.mp4"), (None, "front12.m4s"), true);
        fits((Some("video"), "video.init"), (Some("video"), "segment_1001.m4s"), true);
        fits((Some("audio"), "audio.init"), (Some("video"), "segment_1001.m4s"), false);
    }

    #[test]
    fn names_are_short_and_plain() {
        for bad in ["", "a/b", "a b", "..", ".", &"a".repeat(65), "ä"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for good in ["main", "session_1", "chunk-stream0-00001.m4s", &"a".repeat(64)] {
            assert!(check(good).is_ok(), "{good:?}");
        }
    }
}
