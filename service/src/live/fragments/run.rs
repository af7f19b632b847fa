//! The samples of one track in a fragment, and their times. FROM CLIENT: all values.

use super::{FragmentError, Init};
use std::ops::Range;

/// The samples of one track in a fragment (a `traf`), as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The id of the track.
    pub track: u32,
    /// The decode time of the first sample, in units of the track's timescale.
    pub decode_time: u64,
    /// The duration of a sample that has none of its own, before the init's.
    pub default_duration: Option<u32>,
    /// The size of a sample that has none of its own, before the init's.
    pub default_size: Option<u32>,
    /// The flags of a sample that has none of its own, before the init's.
    pub default_flags: Option<u32>,
    /// The sums of each `trun`.
    pub truns: Vec<Trun>,
}

/// The sums over samples that follow each other (a `trun`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trun {
    /// The number of samples.
    pub samples: u32,
    /// The durations of all samples together, if they have their own.
    pub duration: Option<u64>,
    /// The sizes of all samples together, in bytes, if they have their own.
    pub bytes: Option<u64>,
    /// Where the first sample is, in bytes from the start of the `moof`.
    pub data_offset: Option<i32>,
    /// The flags of the first sample, if it has its own.
    pub first_flags: Option<u32>,
}

/// The times of one track in a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The id of the track.
    pub track: u32,
    /// The decode time of the first sample, in units of the track's timescale.
    pub decode_time: u64,
    /// The duration of all samples, in units of the track's timescale. Their sum is in range.
    pub duration: u64,
    /// The number of samples.
    pub samples: u32,
    /// Says whether the first sample can be decoded without those before it.
    pub starts_with_key: bool,
}

impl Run {
    /// Computes the times, and checks that the samples are within `media`.
    pub(super) fn timing(&self, init: &Init, media: &Range<u64>) -> Result<Timing, FragmentError> {
        let track = init.tracks.iter().find(|track| track.id == self.track);
        let track = track.ok_or(FragmentError::UnknownTrack { track: self.track })?;
        self.check(Some(self.default_size.unwrap_or(track.default_size)), media)?;
        let default = u64::from(self.default_duration.unwrap_or(track.default_duration));
        let (mut duration, mut samples) = (0_u64, 0_u32);
        for trun in &self.truns {
            let all = || default.saturating_mul(u64::from(trun.samples));
            duration = duration.saturating_add(trun.duration.unwrap_or_else(all));
            samples = samples.saturating_add(trun.samples);
        }
        if self.decode_time.checked_add(duration).is_none() {
            return Err(FragmentError::Times { track: self.track });
        }
        let first = self
            .truns
            .iter()
            .find(|trun| trun.samples > 0)
            .map(|trun| trun.first_flags.or(self.default_flags).unwrap_or(track.default_flags));
        // Neither is it marked as no sync sample, nor does it depend on others.
        let key = |flags: u32| flags & 0x1_0000 == 0 && flags & 0x0300_0000 != 0x0100_0000;
        let starts_with_key = first.is_some_and(key);
        let (track, decode_time) = (self.track, self.decode_time);
        Ok(Timing { track, decode_time, duration, samples, starts_with_key })
    }

    /// Checks that the samples are within `media`, as far as their sizes are known.
    pub(super) fn check(
        &self,
        default_size: Option<u32>,
        media: &Range<u64>,
    ) -> Result<(), FragmentError> {
        let outside = || FragmentError::OutsideMedia { track: self.track };
        let mut follows = None;
        for trun in &self.truns {
            let start = match trun.data_offset {
                Some(offset) => Some(u64::try_from(offset).map_err(|_| outside())?),
                None => follows,
            };
            let sum = |size| u64::from(size).saturating_mul(u64::from(trun.samples));
            let Some(bytes) = trun.bytes.or_else(|| default_size.map(sum)) else { return Ok(()) };
            follows = start.map(|start| start.saturating_add(bytes));
            // Samples that begin nowhere begin at the `moof`, which is outside too.
            let within = start.is_some_and(|start| start >= media.start)
                && follows.is_some_and(|end| end <= media.end);
            if bytes > 0 && !within {
                return Err(outside());
            }
        }
        Ok(())
    }
}
