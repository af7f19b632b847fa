//! The boxes `moov`, `moof` and `prft`, read as far as the walker needs. FROM CLIENT: all of it.
//!
//! INVARIANT: each level of boxes has a function of its own, so that no input sets the depth. What
//! is built is in proportion to what came.

use super::codec::codec;
use super::error::{FragmentError, Name};
use super::{EARLIEST_MILLISECONDS, Media, Run, SAMPLES_MAX, TRACKS_MAX, TRUNS_MAX, Track, Trun};

/// The bytes of a sample entry before its boxes: of video, and of audio.
const ENTRY_BYTES: (usize, usize) = (78, 28);
/// The seconds from 1900, where NTP begins, to 1970.
const NTP_SECONDS: u64 = 2_208_988_800;

/// A reader of numbers from the front of a box.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    /// Takes the next `N` bytes, if they are there.
    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    /// Takes the next four bytes as a number.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// Takes the next eight bytes as a number.
    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// Takes a version and 24 bits of flags.
    fn version(&mut self) -> Option<(u8, u32)> {
        let [version, high, middle, low] = self.bytes()?;
        Some((version, u32::from_be_bytes([0, high, middle, low])))
    }

    /// Goes past `count` bytes, if they are there.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }
}

/// The boxes in a box, by name and body. Fewer than eight bytes at the end are padding.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<(Name, &'a [u8]), FragmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader(self.0);
        let (size, name) = (reader.u32()?, Name(reader.bytes()?));
        let body = match size {
            0 => return self.fail(FragmentError::OpenEnded { name }),
            1 => reader.u64().and_then(|size| size.checked_sub(16)),
            size => u64::from(size).checked_sub(8),
        };
        let body = body.and_then(|size| usize::try_from(size).ok());
        let Some((body, rest)) = body.and_then(|size| reader.0.split_at_checked(size)) else {
            return self.fail(FragmentError::BoxSize { name });
        };
        self.0 = rest;
        Some(Ok((name, body)))
    }
}

impl<'a> Boxes<'a> {
    /// Gives out `error` and ends.
    fn fail(&mut self, error: FragmentError) -> Option<<Self as Iterator>::Item> {
        self.0 = &[];
        Some(Err(error))
    }
}

/// Finds the one box `name` in `body`, if there is one.
fn find(body: &[u8], name: Name) -> Result<Option<&[u8]>, FragmentError> {
    let mut found = None;
    for child in Boxes(body) {
        let (child, body) = child?;
        if child == name && found.replace(body).is_some() {
            return Err(FragmentError::Repeated { name });
        }
    }
    Ok(found)
}

/// Finds the one box `name` in `body`, which must be there.
pub(super) fn need(body: &[u8], name: Name) -> Result<&[u8], FragmentError> {
    find(body, name)?.ok_or(FragmentError::Missing { name })
}

/// Reads the tracks of the body of a `moov`.
pub(super) fn moov(body: &[u8]) -> Result<Vec<Track>, FragmentError> {
    const NAME: Name = Name(*b"moov");
    let Some(mvex) = find(body, Name(*b"mvex"))? else { return Err(FragmentError::NotFragmented) };
    let mut tracks: Vec<Track> = Vec::new();
    for child in Boxes(body) {
        let (Name(name), trak) = child?;
        if name != *b"trak" {
            continue;
        }
        if tracks.len() >= TRACKS_MAX {
            return Err(FragmentError::TooManyTracks { name: NAME });
        }
        let track = track(trak, mvex)?;
        if tracks.iter().any(|other| other.id == track.id) {
            return Err(FragmentError::DuplicateTrack { track: track.id });
        }
        tracks.push(track);
    }
    if tracks.is_empty() {
        return Err(FragmentError::NoTracks { name: NAME });
    }
    Ok(tracks)
}

/// Reads a `trak`, with its defaults from the `mvex`.
fn track(trak: &[u8], mvex: &[u8]) -> Result<Track, FragmentError> {
    let id = read(trak, *b"tkhd", |reader| {
        let (version, _) = reader.version()?;
        reader.skip(if version == 0 { 8 } else { 16 })?;
        reader.u32().filter(|id| *id != 0)
    })?;
    let mdia = need(trak, Name(*b"mdia"))?;
    let timescale = read(mdia, *b"mdhd", |reader| {
        let (version, _) = reader.version()?;
        reader.skip(if version == 0 { 8 } else { 16 })?;
        reader.u32()
    })?;
    if timescale == 0 {
        return Err(FragmentError::NoTimescale { track: id });
    }
    let handler = read(mdia, *b"hdlr", |reader| {
        reader.skip(8)?;
        reader.bytes::<4>()
    })?;
    let stbl = need(need(mdia, Name(*b"minf"))?, Name(*b"stbl"))?;
    for (name, past) in [(*b"stsz", 8), (*b"stz2", 8), (*b"stts", 4)] {
        let counted = find(stbl, Name(name))?.map(|body| {
            let mut reader = Reader(body);
            reader.skip(past)?;
            reader.u32()
        });
        match counted {
            None | Some(Some(0)) => {}
            Some(Some(_)) => return Err(FragmentError::SamplesInInit),
            Some(None) => return Err(FragmentError::Malformed { name: Name(name) }),
        }
    }
    let (media, codec) = entry(need(stbl, Name(*b"stsd"))?, &handler)?;
    let [default_duration, default_size, default_flags] = defaults(mvex, id)?;
    Ok(Track { id, timescale, media, codec, default_duration, default_size, default_flags })
}

/// Reads the one box `name` in `body` with `values`.
fn read<T>(
    body: &[u8],
    name: [u8; 4],
    values: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<T, FragmentError> {
    let name = Name(name);
    values(&mut Reader(need(body, name)?)).ok_or(FragmentError::Malformed { name })
}

/// Reads the first sample entry of a `stsd`, and refuses encryption in any.
fn entry(stsd: &[u8], handler: &[u8; 4]) -> Result<(Media, String), FragmentError> {
    const BROKEN: FragmentError = FragmentError::Malformed { name: Name(*b"stsd") };
    let entries = stsd.get(8..).ok_or(BROKEN)?;
    let mut first = None;
    for child in Boxes(entries) {
        let (name, body) = child?;
        if matches!(&name.0, b"encv" | b"enca" | b"enct" | b"encs") {
            return Err(FragmentError::Encrypted { name });
        }
        first = first.or(Some((name, body)));
    }
    let (name, body) = first.ok_or(BROKEN)?;
    let broken = FragmentError::Malformed { name };
    match handler {
        b"vide" => {
            let mut reader = Reader(body);
            let size = reader.skip(24).and_then(|()| Some((reader.bytes()?, reader.bytes()?)));
            let (width, height) = size.ok_or(broken.clone())?;
            let width = u32::from(u16::from_be_bytes(width));
            let height = u32::from(u16::from_be_bytes(height));
            if width == 0 || height == 0 {
                return Err(broken);
            }
            let boxes = body.get(ENTRY_BYTES.0..).ok_or(broken)?;
            Ok((Media::Video { width, height }, codec(name, boxes)?))
        }
        b"soun" => Ok((Media::Audio, codec(name, body.get(ENTRY_BYTES.1..).ok_or(broken)?)?)),
        _ => Ok((Media::Other, codec(name, &[])?)),
    }
}

/// Reads the duration, size and flags that the `trex` of a track sets for its samples.
fn defaults(mvex: &[u8], track: u32) -> Result<[u32; 3], FragmentError> {
    const NAME: Name = Name(*b"trex");
    let mut found = None;
    for child in Boxes(mvex) {
        let (name, body) = child?;
        if name != NAME {
            continue;
        }
        let mut reader = Reader(body);
        let values = reader.skip(4).and_then(|()| {
            let [id, _] = [reader.u32()?, reader.u32()?];
            Some((id, [reader.u32()?, reader.u32()?, reader.u32()?]))
        });
        let (id, values) = values.ok_or(FragmentError::Malformed { name })?;
        if id == track && found.replace(values).is_some() {
            return Err(FragmentError::Repeated { name });
        }
    }
    found.ok_or(FragmentError::Missing { name: NAME })
}

/// Reads the sequence number and the runs of the body of a `moof`.
pub(super) fn moof(body: &[u8]) -> Result<(u32, Vec<Run>), FragmentError> {
    const NAME: Name = Name(*b"moof");
    let sequence = read(body, *b"mfhd", |reader| {
        reader.skip(4)?;
        reader.u32()
    })?;
    let (mut runs, mut samples): (Vec<Run>, u32) = (Vec::new(), 0);
    for child in Boxes(body) {
        let (Name(name), traf) = child?;
        if name != *b"traf" {
            continue;
        }
        if runs.len() >= TRACKS_MAX {
            return Err(FragmentError::TooManyTracks { name: NAME });
        }
        let truns: usize = runs.iter().map(|run| run.truns.len()).sum();
        let run = run(traf, &mut samples, TRUNS_MAX.saturating_sub(truns))?;
        if runs.iter().any(|other| other.track == run.track) {
            return Err(FragmentError::DuplicateTrack { track: run.track });
        }
        runs.push(run);
    }
    if runs.is_empty() {
        return Err(FragmentError::NoTracks { name: NAME });
    }
    Ok((sequence, runs))
}

/// Reads a `traf` of at most `room` truns, and adds its samples to those of the fragment.
fn run(traf: &[u8], samples: &mut u32, room: usize) -> Result<Run, FragmentError> {
    let (flags, track, values) = read(traf, *b"tfhd", |reader| {
        let (_, flags) = reader.version()?;
        let track = reader.u32()?;
        reader.skip(if flags & 0x1 == 0 { 0 } else { 8 })?;
        reader.skip(if flags & 0x2 == 0 { 0 } else { 4 })?;
        let mut values = [None; 3];
        for (value, flag) in values.iter_mut().zip([0x8, 0x10, 0x20]) {
            if flags & flag != 0 {
                *value = Some(reader.u32()?);
            }
        }
        Some((flags, track, values))
    })?;
    if flags & 0x1 != 0 || flags & 0x2_0000 == 0 {
        return Err(FragmentError::FileOffsets);
    }
    if find(traf, Name(*b"tfdt"))?.is_none() {
        return Err(FragmentError::NoDecodeTime);
    }
    let decode_time = read(traf, *b"tfdt", |reader| match reader.version()? {
        (0, _) => reader.u32().map(u64::from),
        _ => reader.u64(),
    })?;
    let mut truns = Vec::new();
    for child in Boxes(traf) {
        let (Name(name), body) = child?;
        if name == *b"trun" {
            let trun = trun(body)?;
            *samples = samples.saturating_add(trun.samples);
            if *samples > SAMPLES_MAX {
                return Err(FragmentError::TooManySamples { samples: *samples });
            }
            if truns.len() >= room {
                return Err(FragmentError::TooManyTruns);
            }
            truns.push(trun);
        }
    }
    let [default_duration, default_size, default_flags] = values;
    Ok(Run { track, decode_time, default_duration, default_size, default_flags, truns })
}

/// Reads a `trun`, and sums up what it says of its samples.
fn trun(body: &[u8]) -> Result<Trun, FragmentError> {
    let mut reader = Reader(body);
    let broken = FragmentError::Malformed { name: Name(*b"trun") };
    let head = reader.version().and_then(|(_, flags)| Some((flags, reader.u32()?)));
    let (flags, samples) = head.ok_or(broken.clone())?;
    if samples > SAMPLES_MAX {
        return Err(FragmentError::TooManySamples { samples });
    }
    let has = |flag: u32| flags & flag != 0;
    let mut sums = || {
        let data_offset = if has(0x1) { Some(i32::from_be_bytes(reader.bytes()?)) } else { None };
        let mut first_flags = if has(0x4) { Some(reader.u32()?) } else { None };
        let (mut duration, mut bytes) = (has(0x100).then_some(0_u64), has(0x200).then_some(0_u64));
        for _ in 0..samples {
            for sum in [&mut duration, &mut bytes].into_iter().flatten() {
                *sum = sum.saturating_add(u64::from(reader.u32()?));
            }
            if has(0x400) {
                let flags = reader.u32()?;
                first_flags = first_flags.or(Some(flags));
            }
            reader.skip(if has(0x800) { 4 } else { 0 })?;
        }
        Some(Trun { samples, duration, bytes, data_offset, first_flags })
    };
    sums().ok_or(broken)
}

/// Reads the time of the body of a `prft`, in milliseconds since 1970. A clock that was never set
/// has none, and neither has one after NTP's first era, which ends in February 2036.
pub(super) fn prft(body: &[u8]) -> Result<Option<u64>, FragmentError> {
    const BROKEN: FragmentError = FragmentError::Malformed { name: Name(*b"prft") };
    let mut reader = Reader(body);
    let time = reader.skip(8).and_then(|()| Some((reader.u32()?, reader.u32()?)));
    let (seconds, fraction) = time.ok_or(BROKEN)?;
    let milliseconds = (u64::from(fraction).saturating_mul(1000)) >> 32;
    let since = u64::from(seconds)
        .checked_sub(NTP_SECONDS)
        .map(|seconds| seconds.saturating_mul(1000).saturating_add(milliseconds));
    Ok(since.filter(|time| *time >= EARLIEST_MILLISECONDS))
}
