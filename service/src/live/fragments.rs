//! A walker of fragmented MP4 (CMAF) that a camera pushes over HTTP. FROM CLIENT: all of it.
//!
//! The walker takes a body in pieces of any size, and gives out its inits and its fragments. A
//! fragment may come without its init: only [`Fragment::timing`] needs one.
//!
//! INVARIANT: the walker keeps the last piece and one part that is not complete. It allocates by
//! what came, and never by what a header claims. After an error it gives out nothing more.

mod boxes;
mod codec;
mod error;
mod run;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use error::{FragmentError, Name};
pub use run::{Run, Timing, Trun};

use bytes::{Buf, Bytes, BytesMut};
use std::ops::Range;

/// The largest init, in bytes: its `ftyp` and `moov`. A usual one has about 1500.
pub const INIT_BYTES_MAX: usize = 256 * 1024;
/// The largest `moof`, in bytes, with the `prft` before it. [`SAMPLES_MAX`] samples fit.
pub const MOOF_BYTES_MAX: usize = 256 * 1024;
/// The largest fragment, in bytes, from its `prft` to its `mdat`: 8 seconds at 8 Mbit/s.
pub const FRAGMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The largest box, in bytes, that is dropped: `styp`, `sidx`, `emsg`, `uuid`, `free` or `skip`.
pub const DROPPED_BYTES_MAX: usize = 64 * 1024;
/// The largest index at the end of a file (`mfra`), in bytes. It is dropped as it comes, and has
/// about 20 bytes per fragment.
pub const INDEX_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most samples of one fragment, counted over its tracks.
pub const SAMPLES_MAX: u32 = 10_000;
/// The most boxes `trun` of one fragment, counted over its tracks.
pub const TRUNS_MAX: usize = 1024;
/// The most tracks of an init, and of a fragment.
pub const TRACKS_MAX: usize = 8;
/// The earliest time of a clock that was set, in milliseconds since 1970: 2020-01-01.
const EARLIEST_MILLISECONDS: u64 = 1_577_836_800_000;

/// The boxes at the top level of a body of fragments.
const TOP: [&[u8; 4]; 12] = [
    b"ftyp", b"styp", b"moov", b"sidx", b"prft", b"emsg", b"moof", b"mdat", b"free", b"skip",
    b"mfra", b"uuid",
];
/// The bytes that tell MPEG-TS: one packet, and the first byte of the next.
const TRANSPORT_BYTES: usize = 189;

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The description of the tracks.
    Init(Init),
    /// Some media of them.
    Fragment(Fragment),
}

/// The description of the tracks that the fragments after it have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// The `ftyp` and the `moov` as they came. Boxes between them are dropped.
    pub bytes: Bytes,
    /// The tracks: at least one, and at most [`TRACKS_MAX`].
    pub tracks: Vec<Track>,
}

/// The kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// It is video.
    Video {
        /// The width of the coded picture, in pixels, which is not 0.
        width: u32,
        /// The height of the coded picture, in pixels, which is not 0.
        height: u32,
    },
    /// It is audio.
    Audio,
    /// It is neither.
    Other,
}

/// A track of an init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its id, which is not 0 and is of this track alone.
    pub id: u32,
    /// The units of its times per second, which is not 0.
    pub timescale: u32,
    /// Its kind.
    pub media: Media,
    /// The name of its codec (RFC 6381), which has only letters, digits, dots and hyphens.
    pub codec: String,
    /// The duration of a sample that has none of its own, in units of the timescale.
    pub default_duration: u32,
    /// The size of a sample that has none of its own, in bytes.
    pub default_size: u32,
    /// The flags of a sample that has none of its own.
    pub default_flags: u32,
}

/// Some media of the tracks of an init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The `prft`, if any, the `moof` and the `mdat` as they came, with any `free` between the last
    /// two: offsets count it. A `styp`, `sidx`, `emsg` or `uuid` is dropped.
    pub bytes: Bytes,
    /// The number that its `mfhd` gives it.
    pub sequence: u32,
    /// The camera's clock at its first `prft`, in milliseconds since 1970. A time before 2020 or
    /// after January 2036 is none.
    pub wallclock_milliseconds: Option<u64>,
    /// What each `traf` says: at least one, and at most [`TRACKS_MAX`].
    pub runs: Vec<Run>,
    /// Where the media lie, in bytes from the start of the `moof`.
    media: Range<u64>,
}

impl Init {
    /// Joins the names of the codecs with commas, as a media type's `codecs` has them.
    #[must_use]
    pub fn codecs(&self) -> String {
        let names: Vec<&str> = self.tracks.iter().map(|track| track.codec.as_str()).collect();
        names.join(",")
    }

    /// Finds the first track of video.
    #[must_use]
    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| matches!(track.media, Media::Video { .. }))
    }
}

impl Fragment {
    /// Computes the times of each track, in the order of the runs. Values that a fragment leaves
    /// out are the init's.
    pub fn timing(&self, init: &Init) -> Result<Vec<Timing>, FragmentError> {
        self.runs.iter().map(|run| run.timing(init, &self.media)).collect()
    }
}

/// The incremental walker of one body.
#[derive(Debug, Default)]
pub struct Walker {
    /// What was pushed and not looked at.
    input: BytesMut,
    /// The kept bytes of the part under way.
    part: Vec<u8>,
    /// What the part under way is.
    under_way: UnderWay,
    /// The box whose body is under way.
    open: Option<Open>,
    /// The time of the first `prft` of the part under way.
    wallclock: Option<u64>,
    /// Says whether the first box has a name that it may have.
    started: bool,
    /// Says whether a fragment was given out.
    fragments: bool,
    /// The error that ended the walk.
    failed: Option<FragmentError>,
}

/// The part under way.
#[derive(Debug, Default)]
enum UnderWay {
    /// None is.
    #[default]
    Nothing,
    /// An init after its `ftyp`.
    Init,
    /// A fragment after a `prft`.
    Lead,
    /// A fragment after its `moof`, which starts at `at` in the part.
    Moof { at: usize, sequence: u32, runs: Vec<Run> },
}

/// A box whose header was read.
#[derive(Debug)]
struct Open {
    name: Name,
    /// Where its header and its body start in the part, or nothing if it is dropped.
    kept: Option<(usize, usize)>,
    /// The bytes that are still to come.
    left: usize,
}

impl Walker {
    /// Makes a walker of a new body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the body. FROM CLIENT: `piece`. The parts before it must have been
    /// taken with [`Self::next_part`].
    pub fn push(&mut self, piece: &[u8]) -> Result<(), FragmentError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        // What `next_part` leaves is a header at most, or the start of a stream that is none.
        if self.input.len() >= TRANSPORT_BYTES {
            return Err(self.fail(FragmentError::Untaken));
        }
        self.input.extend_from_slice(piece);
        Ok(())
    }

    /// Returns the next part that is complete, in the order of arrival.
    pub fn next_part(&mut self) -> Result<Option<Part>, FragmentError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.walk().map_err(|error| self.fail(error))
    }

    /// Returns how many bytes are kept of what is not complete yet.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.part.len().saturating_add(self.input.len())
    }

    /// Ends the body: it must not end within a box, or before the rest of a part.
    pub fn end(mut self) -> Result<(), FragmentError> {
        if self.next_part()?.is_some() {
            return Err(FragmentError::Untaken);
        }
        if !self.started && !self.input.is_empty() {
            return Err(match foreign(&self.input) {
                FragmentError::NotMp4 => FragmentError::Ended,
                foreign => foreign,
            });
        }
        let between = self.open.is_none() && matches!(self.under_way, UnderWay::Nothing);
        if between && self.input.is_empty() { Ok(()) } else { Err(FragmentError::Ended) }
    }

    /// Notes the error and drops what was kept.
    fn fail(&mut self, error: FragmentError) -> FragmentError {
        *self = Self { failed: Some(error.clone()), ..Self::default() };
        error
    }

    /// Goes through the input up to the end of a part, or to the end of the input.
    fn walk(&mut self) -> Result<Option<Part>, FragmentError> {
        loop {
            let Some(open) = &mut self.open else {
                self.open = self.header()?;
                if self.open.is_none() {
                    return Ok(None);
                }
                continue;
            };
            let count = open.left.min(self.input.len());
            if open.kept.is_some() {
                self.part.extend_from_slice(self.input.get(..count).unwrap_or_default());
            }
            self.input.advance(count);
            open.left = open.left.saturating_sub(count);
            if open.left > 0 {
                return Ok(None);
            }
            let closed = self.open.take();
            if let Some(Open { name, kept: Some((at, body)), .. }) = closed
                && let Some(part) = self.close(name, at, body)?
            {
                return Ok(Some(part));
            }
        }
    }

    /// Reads the header of a box, if it is there, and refuses what the box may not be.
    fn header(&mut self) -> Result<Option<Open>, FragmentError> {
        let mut reader = boxes::Reader(&self.input);
        let (Some(size), Some(name)) = (reader.u32(), reader.bytes()) else { return Ok(None) };
        let name = Name(name);
        if !TOP.contains(&&name.0) {
            if self.started {
                return Err(FragmentError::UnknownBox { name });
            }
            let wait = self.input.first() == Some(&0x47) && self.input.len() < TRANSPORT_BYTES;
            return if wait { Ok(None) } else { Err(foreign(&self.input)) };
        }
        self.started = true;
        let (keep, max) = self.admit(name)?;
        let (size, header) = match size {
            0 => return Err(FragmentError::OpenEnded { name }),
            1 => match reader.bytes() {
                Some(size) => (u64::from_be_bytes(size), 16),
                None => return Ok(None),
            },
            size => (u64::from(size), 8),
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let left = size.checked_sub(header).ok_or(FragmentError::BoxSize { name })?;
        let at = if keep { self.part.len() } else { 0 };
        let bytes = at.saturating_add(size);
        if bytes > max {
            return Err(FragmentError::TooLarge { name, bytes, max });
        }
        if name.0 == *b"mdat" {
            let media = self.media(at.saturating_add(header), bytes);
            if let UnderWay::Moof { runs, .. } = &self.under_way {
                runs.iter().try_for_each(|run| run.check(run.default_size, &media))?;
            }
        }
        if keep {
            self.part.extend_from_slice(self.input.get(..header).unwrap_or_default());
        }
        self.input.advance(header);
        Ok(Some(Open { name, kept: keep.then_some((at, at.saturating_add(header))), left }))
    }

    /// Says whether a box is kept, and how many bytes its part, or it alone, may have.
    fn admit(&self, name: Name) -> Result<(bool, usize), FragmentError> {
        use UnderWay::{Init, Lead, Moof, Nothing};
        Ok(match (&name.0, &self.under_way) {
            (b"ftyp", Nothing) | (b"moov", Init) => (true, INIT_BYTES_MAX),
            (b"prft" | b"moof", Nothing | Lead) => (true, MOOF_BYTES_MAX),
            (b"mdat" | b"free" | b"skip", Moof { .. }) => (true, FRAGMENT_BYTES_MAX),
            (b"free" | b"skip" | b"uuid", Nothing | Init | Lead)
            | (b"styp" | b"sidx" | b"emsg", Nothing | Lead) => (false, DROPPED_BYTES_MAX),
            (b"mfra", Nothing) => (false, INDEX_BYTES_MAX),
            (b"mdat", Nothing | Init) if !self.fragments => {
                return Err(FragmentError::NotFragmented);
            }
            (_, under_way) => {
                let due = match under_way {
                    Nothing => "an init or a `moof`",
                    Init => "the `moov` after `ftyp`",
                    Lead => "the `moof` after `prft`",
                    Moof { .. } => "the `mdat` of the `moof`",
                };
                return Err(FragmentError::Misplaced { name, due });
            }
        })
    }

    /// Computes where the media lie, in bytes from the start of the `moof`.
    fn media(&self, start: usize, end: usize) -> Range<u64> {
        let from = if let UnderWay::Moof { at, .. } = &self.under_way { *at } else { 0 };
        let [start, end] =
            [start, end].map(|place| u64::try_from(place.saturating_sub(from)).unwrap_or(u64::MAX));
        start..end
    }

    /// Takes in a kept box that is complete, and returns the part that it ends.
    fn close(&mut self, name: Name, at: usize, body: usize) -> Result<Option<Part>, FragmentError> {
        let content = self.part.get(body..).unwrap_or_default();
        match &name.0 {
            b"ftyp" => self.under_way = UnderWay::Init,
            b"prft" => {
                let time = boxes::prft(content)?;
                self.wallclock = self.wallclock.or(time);
                self.under_way = UnderWay::Lead;
            }
            b"moof" => {
                let (sequence, runs) = boxes::moof(content)?;
                self.under_way = UnderWay::Moof { at, sequence, runs };
            }
            b"moov" => {
                let tracks = boxes::moov(content)?;
                self.under_way = UnderWay::Nothing;
                return Ok(Some(Part::Init(Init { bytes: self.bytes(), tracks })));
            }
            b"mdat" => {
                let media = self.media(body, self.part.len());
                if let UnderWay::Moof { sequence, runs, .. } = std::mem::take(&mut self.under_way) {
                    self.fragments = true;
                    let (bytes, wallclock_milliseconds) = (self.bytes(), self.wallclock.take());
                    let fragment =
                        Fragment { bytes, sequence, wallclock_milliseconds, runs, media };
                    return Ok(Some(Part::Fragment(fragment)));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Gives out the bytes of the part, with no room to spare behind them.
    fn bytes(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.part).into_boxed_slice())
    }
}

/// Says what a body is that begins with no box of MP4. FROM CLIENT: `head`.
fn foreign(head: &[u8]) -> FragmentError {
    match head {
        [0x47, ..] if head.get(188).is_none_or(|byte| *byte == 0x47) => {
            FragmentError::TransportStream
        }
        [0x1A, 0x45, 0xDF, 0xA3, ..] => FragmentError::Matroska,
        [b'F', b'L', b'V', ..] => FragmentError::FlashVideo,
        [0xFF, 0xD8, 0xFF, ..] => FragmentError::Jpeg,
        [0, 0, 0, 1, ..] | [0, 0, 1, ..] => FragmentError::RawVideo,
        _ => FragmentError::NotMp4,
    }
}
