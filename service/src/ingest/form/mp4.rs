//! The check of an MP4, as it arrives, by the boxes at its top. It must keep nothing of the video.

use super::FormError;

/// The most boxes at the top of an MP4. A fragmented hour has two for each second.
const BOXES_MAX: u32 = 100_000;
/// The most bytes after the last box. Some cameras add a trailer of their own; players ignore it.
const TAIL_BYTES_MAX: u64 = 64 * 1024;
/// The boxes that a QuickTime file without `ftyp` starts with.
const QUICKTIME: [&[u8; 4]; 6] = [b"skip", b"free", b"wide", b"mdat", b"moov", b"pnot"];

/// Walks the boxes at the top of an MP4 (ISO/IEC 14496-12, 4.2).
#[derive(Default)]
pub struct Mp4Form {
    header: Vec<u8>,
    /// The bytes that are left of the box that is skipped.
    skip: u64,
    /// The last box says that it goes on to the end of the file.
    to_the_end: bool,
    /// The bytes that have come after the last box, if they are no box.
    tail: Option<u64>,
    boxes: u32,
    has_moov: bool,
    has_data: bool,
}

impl Mp4Form {
    /// Checks the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        let mut bytes = bytes;
        while !bytes.is_empty() && !self.to_the_end {
            if let Some(tail) = &mut self.tail {
                *tail = tail.saturating_add(bytes.len() as u64);
                let fits = *tail <= TAIL_BYTES_MAX;
                return if fits { Ok(()) } else { Err(FormError::Mp4Broken) };
            }
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip = self.skip.saturating_sub(skipped as u64);
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let Some((byte, rest)) = bytes.split_first() else { break };
            self.header.push(*byte);
            bytes = rest;
            self.read_header()?;
        }
        Ok(())
    }

    /// Reads a box's header: 32-bit size, then type. A size of 1 means that a 64-bit one follows; 0
    /// means that the box goes on to the end. A 64-bit size has no such meanings.
    fn read_header(&mut self) -> Result<(), FormError> {
        let Some((head, more)) = self.header.split_first_chunk::<8>() else {
            return Ok(());
        };
        let [a, b, c, d, kind @ ..] = *head;
        let short = u32::from_be_bytes([a, b, c, d]);
        let (size, header_bytes) = match (short, more.first_chunk::<8>()) {
            (1, None) => return Ok(()),
            (1, Some(long)) => (u64::from_be_bytes(*long), 16),
            (short, _) => (u64::from(short), 8),
        };
        if self.boxes == 0 && &kind != b"ftyp" {
            let is_quicktime = QUICKTIME.contains(&&kind);
            return Err(if is_quicktime { FormError::QuickTime } else { FormError::NotMp4 });
        }
        // The types of boxes are printable characters, or start with a copyright sign (0xA9).
        let is_box = kind.iter().all(|byte| matches!(byte, 0x20..=0x7E | 0xA9))
            && (short == 0 || size >= header_bytes);
        if !is_box && self.is_complete() {
            self.tail = Some(self.header.len() as u64);
            self.header.clear();
            return Ok(());
        }
        self.boxes = self.boxes.saturating_add(1);
        self.has_moov |= &kind == b"moov";
        self.has_data |= matches!(&kind, b"mdat" | b"moof");
        let broken = if self.boxes == 1 { FormError::NotMp4 } else { FormError::Mp4Broken };
        if self.boxes > BOXES_MAX {
            return Err(FormError::Mp4Broken);
        }
        if short == 0 {
            self.to_the_end = true;
        } else {
            self.skip = size.checked_sub(header_bytes).ok_or(broken)?;
        }
        self.header.clear();
        Ok(())
    }

    /// Checks that the whole was an MP4.
    pub fn end(&self) -> Result<(), FormError> {
        if self.boxes == 0 {
            return Err(FormError::NotMp4);
        }
        // Less than a header is a tail.
        let whole = self.skip == 0 && self.header.len() < 8;
        if whole && self.is_complete() { Ok(()) } else { Err(FormError::Mp4Broken) }
    }

    /// Says whether everything has come that a player needs.
    fn is_complete(&self) -> bool {
        self.has_moov && self.has_data
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Form, testing};
    use super::*;
    use testing::media;

    fn mp4(bytes: &[u8], expected: Result<(), FormError>) {
        testing::check(|| Form::Mp4(Mp4Form::default()), bytes, expected);
    }

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn an_mp4_is_its_boxes() {
        let whole =
            [boxed(b"ftyp", b"isom0000"), boxed(b"moov", &[1; 50]), boxed(b"mdat", &[2; 500])]
                .concat();
        mp4(&whole, Ok(()));
        mp4(&whole[..whole.len() - 1], Err(FormError::Mp4Broken));
        let with_tail = |tail: &[u8]| [whole.as_slice(), tail].concat();
        mp4(&with_tail(&[0; 2]), Ok(()));
        mp4(&with_tail(&[0; 4]), Ok(()));
        mp4(&with_tail(&[0; 4000]), Ok(()));
        mp4(&with_tail(b"dhavY\x19\x01\0"), Ok(()));
        mp4(&with_tail(&[0xFF; 70_000]), Err(FormError::Mp4Broken));
        // This is a box that was cut off, and no tail.
        mp4(&with_tail(b"\0\0\x01\0moof"), Err(FormError::Mp4Broken));
        mp4(&[boxed(b"ftyp", b"isom0000"), vec![0; 40]].concat(), Err(FormError::Mp4Broken));
        mp4(&boxed(b"skip", b"isom0000"), Err(FormError::QuickTime));
        mp4(
            &[boxed(b"ftyp", b"isom0000"), boxed(b"mdat", &[2; 50])].concat(),
            Err(FormError::Mp4Broken),
        );
        mp4(
            &[
                boxed(b"ftyp", b"isom"),
                boxed(b"moov", &[1; 5]),
                b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x14abcd".to_vec(),
            ]
            .concat(),
            Ok(()),
        );
        mp4(
            &[boxed(b"ftyp", b"isom"), boxed(b"moov", &[1; 5]), b"\0\0\0\0mdat and so on".to_vec()]
                .concat(),
            Ok(()),
        );
        mp4(
            &[boxed(b"ftyp", b"isom"), b"\0\0\0\x03moov".to_vec()].concat(),
            Err(FormError::Mp4Broken),
        );
        // A 64-bit size of 0 is no box to the end (found by the fuzz target `mp4`).
        let long = [
            boxed(b"ftyp", b"isom"),
            boxed(b"moov", &[1; 5]),
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\0and so on".to_vec(),
        ];
        mp4(&long.concat(), Err(FormError::Mp4Broken));
        mp4(&media("special/text-named.mp4"), Err(FormError::NotMp4));
        mp4(b"", Err(FormError::NotMp4));
    }
}
