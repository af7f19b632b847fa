//! Chooses the scale at which a source is decoded, so that it suffices and fits the instance's
//! memory. It must never choose a scale that the instance can't afford: running out of memory would
//! be a trap where a plain refusal is due.

use libjpeg_turbo_rs::FrameHeader;

/// The most bytes that decoding may take: the instance's 64 MiB less what the allocator loses to
/// gaps.
const DECODING_BYTES: u64 = 62 * 1024 * 1024;
/// The most bytes that resizing may take. It is less, because decoding leaves the free memory in
/// pieces.
const RESIZING_BYTES: u64 = 50 * 1024 * 1024;

/// The decoder's scales in eighths of the stored size.
const EIGHTHS: [u32; 4] = [1, 2, 4, 8];

/// The facts in a JPEG's frame header that say how much memory decoding takes (ITU-T T.81, B.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Stored width in pixels.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// True if the decoder holds all coefficients until the last scan.
    pub progressive: bool,
    /// The samples of all components for 64 pixels: 64 for gray, 96 for 4:2:0, 192 for 4:4:4.
    pub samples_per_64_pixels: u64,
    /// The length of the file in bytes.
    pub file_bytes: u64,
}

impl Frame {
    /// Takes the facts from a decoder's header.
    pub fn of(header: &FrameHeader, file_bytes: u64) -> Self {
        let areas = header.components.iter().map(|component| {
            u64::from(component.horizontal_sampling) * u64::from(component.vertical_sampling)
        });
        let largest = areas.clone().max().unwrap_or(1).max(1);
        Self {
            width: header.width.into(),
            height: header.height.into(),
            progressive: header.is_progressive,
            samples_per_64_pixels: areas.map(|area| 64 * area / largest).sum(),
            file_bytes,
        }
    }

    /// Returns a side of the picture, decoded at so many eighths.
    pub fn scaled(side: u32, eighths: u32) -> u32 {
        (side * eighths).div_ceil(8)
    }

    /// Returns the scale to decode at, in eighths: the smallest that gives at least the target's
    /// size. If the memory is too small for it, returns the largest that fits, and none if no scale
    /// fits.
    pub fn eighths(&self, target_width: u32, target_height: u32) -> Option<u32> {
        let suffices = |eighths: &u32| {
            Self::scaled(self.width, *eighths) >= target_width
                && Self::scaled(self.height, *eighths) >= target_height
        };
        let wanted = EIGHTHS.into_iter().find(suffices).unwrap_or(8);
        EIGHTHS
            .into_iter()
            .rev()
            .find(|eighths| *eighths <= wanted && self.fits(*eighths, target_width, target_height))
    }

    fn fits(&self, eighths: u32, target_width: u32, target_height: u32) -> bool {
        let scaled_height = u64::from(Self::scaled(self.height, eighths));
        let scaled_pixels = u64::from(Self::scaled(self.width, eighths)) * scaled_height;
        let target_width = u64::from(target_width);
        let samples = |pixels: u64| pixels * self.samples_per_64_pixels / 64;
        let coefficients = if self.progressive {
            2 * samples(u64::from(self.width) * u64::from(self.height))
        } else {
            0
        };
        // Decoding holds planes, then three bytes a pixel. The resizer goes across first, then
        // down.
        let decoding = self.file_bytes + coefficients + samples(scaled_pixels) + 3 * scaled_pixels;
        let resizing = 3 * scaled_pixels
            + 3 * target_width * scaled_height
            + 3 * target_width * u64::from(target_height);
        decoding <= DECODING_BYTES && resizing <= RESIZING_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, progressive: bool, samples_per_64_pixels: u64) -> Frame {
        Frame { width, height, progressive, samples_per_64_pixels, file_bytes: 2_000_000 }
    }

    #[test]
    fn the_smallest_scale_that_suffices_is_chosen() {
        let check = |frame: Frame, target_width, target_height, expected| {
            assert_eq!(
                frame.eighths(target_width, target_height),
                expected,
                "{frame:?} to {target_width}"
            );
        };
        let full_hd = frame(1920, 1080, false, 96);
        check(full_hd, 160, 90, Some(1));
        check(full_hd, 320, 180, Some(2));
        check(full_hd, 480, 270, Some(2));
        check(full_hd, 481, 271, Some(4));
        check(full_hd, 960, 540, Some(4));
        check(full_hd, 1280, 720, Some(8));
        check(full_hd, 1920, 1080, Some(8));
        // Both sides must suffice.
        check(frame(1921, 17, false, 96), 240, 4, Some(2));
    }

    #[test]
    fn a_scale_that_does_not_fit_gives_way_to_the_next_smaller_one() {
        let check =
            |frame: Frame, expected| assert_eq!(frame.eighths(1920, 1440), expected, "{frame:?}");
        check(frame(4000, 3000, false, 96), Some(4));
        check(frame(3264, 2448, true, 96), Some(8));
        // Half the size would be one pixel too narrow, and the full size does not fit.
        check(frame(3838, 2878, false, 96), Some(4));
        // 40 million pixels in three full planes of coefficients fit at no scale.
        check(frame(8000, 5000, true, 192), None);
        check(frame(8000, 5000, false, 192), Some(2));
    }
}
