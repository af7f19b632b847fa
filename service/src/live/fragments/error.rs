//! What can be wrong with a pushed body, in words for the person who set up the camera.

use super::{FRAGMENT_BYTES_MAX, SAMPLES_MAX, TRACKS_MAX, TRUNS_MAX};
use std::fmt;

/// The four characters that name a box. FROM CLIENT: only its display is fit to be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name(pub [u8; 4]);

impl fmt::Display for Name {
    /// Writes letters, digits, hyphens and spaces as they are, and a `?` for any other byte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| {
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b' ');
            write!(f, "{}", if plain { char::from(*byte) } else { '?' })
        })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// The options of ffmpeg that give what the walker takes.
const OPTIONS: &str = "`-f mp4 -movflags frag_keyframe+empty_moov+default_base_moof`";

/// The reason why a body, or a fragment of it, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// The body is MPEG-TS.
    #[error("This is MPEG-TS. Send fragmented MP4; with ffmpeg: {OPTIONS}.")]
    TransportStream,
    /// The body is Matroska or WebM.
    #[error("This is Matroska or WebM. Send fragmented MP4; with ffmpeg: {OPTIONS}.")]
    Matroska,
    /// The body is Flash video.
    #[error("This is FLV. Send fragmented MP4; with ffmpeg: {OPTIONS}.")]
    FlashVideo,
    /// The body is a JPEG picture.
    #[error("This is a JPEG picture. Send fragmented MP4; with ffmpeg: {OPTIONS}.")]
    Jpeg,
    /// The body is H.264, H.265 or MPEG with start codes, outside a container.
    #[error(
        "This is raw video with start codes. \
         Send fragmented MP4; with ffmpeg: `-c copy` and {OPTIONS}."
    )]
    RawVideo,
    /// The body begins with no box that an MP4 may begin with.
    #[error("This is no MP4. Send fragmented MP4; with ffmpeg: {OPTIONS}.")]
    NotMp4,
    /// The body is an MP4 that has all its samples in one `moov`.
    #[error("This MP4 is not fragmented. With ffmpeg, add {OPTIONS}.")]
    NotFragmented,

    /// The `moov` has samples of its own beside those of the fragments.
    #[error("The `moov` has samples itself. With ffmpeg, add `empty_moov` to `-movflags`.")]
    SamplesInInit,
    /// A box is none of those that a stream of fragments may have at its top level.
    #[error("The box `{name}` is unknown here. Check that the body is fragmented MP4 throughout.")]
    UnknownBox {
        /// Its name.
        name: Name,
    },
    /// A box came where another one is due.
    #[error("The box `{name}` came where {due} is due. Send whole fragments, in their order.")]
    Misplaced {
        /// The name of the box that came.
        name: Name,
        /// The words for what may come.
        due: &'static str,
    },
    /// The size of a box is less than its header, or more than what holds it.
    #[error(
        "The size of a box `{name}` cannot be. The file or the program that made it is broken."
    )]
    BoxSize {
        /// Its name.
        name: Name,
    },
    /// A box goes on to the end of the file, so its size is not known.
    #[error("The box `{name}` has no size, and goes on to the end. Write each box with its size.")]
    OpenEnded {
        /// Its name.
        name: Name,
    },
    /// A box, with what belongs to it, is larger than the walker takes.
    #[error(
        "The box `{name}` makes {bytes} bytes, and {max} is the most. \
         A fragment has at most {FRAGMENT_BYTES_MAX} bytes: shorten it, or lower the bit rate."
    )]
    TooLarge {
        /// Its name.
        name: Name,
        /// The bytes that its header claims, with those of the part so far.
        bytes: usize,
        /// The most, in bytes.
        max: usize,
    },
    /// A box ends early, or has a value that cannot be.
    #[error("The box `{name}` is broken. Check the program that made it.")]
    Malformed {
        /// Its name.
        name: Name,
    },
    /// A box is not there.
    #[error("The box `{name}` is missing. Check the program that made the file.")]
    Missing {
        /// Its name.
        name: Name,
    },
    /// A box came twice where one may be.
    #[error("The box `{name}` is there twice. Check the program that made the file.")]
    Repeated {
        /// Its name.
        name: Name,
    },
    /// A fragment of a track has no `tfdt`.
    #[error("A fragment has no decode time (`tfdt`). Write CMAF, or MP4 of a newer muxer.")]
    NoDecodeTime,
    /// A fragment counts its offsets from the start of a file, or of another track's data.
    #[error(
        "A fragment counts offsets from the start of the file. \
         With ffmpeg, add `default_base_moof` to `-movflags`."
    )]
    FileOffsets,
    /// A `moov` or `moof` has no track.
    #[error("The box `{name}` has no track. Send at least one track of video.")]
    NoTracks {
        /// The name of the box.
        name: Name,
    },
    /// A `moov` or `moof` has more tracks than the walker takes.
    #[error("The box `{name}` has too many tracks: {TRACKS_MAX} is the most.")]
    TooManyTracks {
        /// The name of the box.
        name: Name,
    },
    /// A track has the timescale 0.
    #[error("The track {track} has the timescale 0. Check the program that made the file.")]
    NoTimescale {
        /// Its id.
        track: u32,
    },
    /// A track is there twice.
    #[error("The track {track} is there twice. Write one run of each track per fragment.")]
    DuplicateTrack {
        /// Its id.
        track: u32,
    },
    /// A fragment has a track that its init does not have.
    #[error("A fragment has the track {track}, and the init does not. Send the init that fits.")]
    UnknownTrack {
        /// Its id.
        track: u32,
    },
    /// A fragment has more samples than the walker takes.
    #[error("A fragment has {samples} samples, and {SAMPLES_MAX} is the most. Shorten it.")]
    TooManySamples {
        /// The samples that it claims so far.
        samples: u32,
    },
    /// A fragment has more boxes `trun` than the walker takes.
    #[error("A fragment has more than {TRUNS_MAX} boxes `trun`. Shorten it.")]
    TooManyTruns,
    /// A sample lies outside its fragment's `mdat`.
    #[error("A sample of the track {track} is not within its `mdat`. The fragment is broken.")]
    OutsideMedia {
        /// The id of the track.
        track: u32,
    },
    /// The decode times of a fragment are beyond what 64 bits hold.
    #[error("The times of the track {track} are too large. Check the program that made the file.")]
    Times {
        /// The id of the track.
        track: u32,
    },
    /// A track is encrypted.
    #[error("The track is encrypted (`{name}`). Send it in the clear: it is sealed on arrival.")]
    Encrypted {
        /// The name of the sample entry.
        name: Name,
    },
    /// A track has a codec that has no name fit to be passed on.
    #[error("The codec `{name}` is unknown. Send H.264, H.265, AV1 or VP9, with AAC or Opus.")]
    UnknownCodec {
        /// The name of the sample entry.
        name: Name,
    },
    /// The body ended before its last part did.
    #[error("The body ended within a fragment or an init. Send it whole.")]
    Ended,
    /// The parts that came were not taken before the next piece.
    #[error("The parts of the body were not taken as they came. This is a fault of the service.")]
    Untaken,
}

impl FragmentError {
    /// Says whether the body is no fragmented MP4 at all, rather than a broken one.
    #[must_use]
    pub fn is_media_type(&self) -> bool {
        matches!(
            self,
            Self::TransportStream
                | Self::Matroska
                | Self::FlashVideo
                | Self::Jpeg
                | Self::RawVideo
                | Self::NotMp4
                | Self::NotFragmented
        )
    }
}
