//! Takes a JPEG apart into its segments, and puts it together otherwise.

use bytes::Bytes;

/// A JPEG in parts.
#[derive(Clone)]
pub struct Parts {
    /// The segments up to the header of the first scan, each with its marker.
    pub segments: Vec<Vec<u8>>,
    /// The data of the scan, without the end marker.
    pub scan: Vec<u8>,
}

impl Parts {
    /// Takes a sound file with one scan apart.
    pub fn of(jpeg: &[u8]) -> Self {
        let (mut at, mut segments) = (2, Vec::new());
        loop {
            let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            let segment = &jpeg[at..at + 2 + length];
            segments.push(segment.to_vec());
            at += segment.len();
            if segment[1] == 0xDA {
                break;
            }
        }
        assert_eq!(jpeg[jpeg.len() - 2..], [0xFF, 0xD9]);
        Self { segments, scan: jpeg[at..jpeg.len() - 2].to_vec() }
    }

    /// Puts the file together, with these bytes behind the end marker.
    pub fn with_tail(&self, tail: &[u8]) -> Bytes {
        let segments = self.segments.concat();
        [&[0xFF, 0xD8], &*segments, &self.scan, &[0xFF, 0xD9], tail].concat().into()
    }

    /// Puts the file together.
    pub fn file(&self) -> Bytes {
        self.with_tail(&[])
    }

    /// Puts the file together without its end marker.
    pub fn without_end(&self) -> Bytes {
        let file = self.file();
        file.slice(..file.len() - 2)
    }

    /// Adds bytes before the first segment with this marker.
    pub fn before(mut self, marker: u8, bytes: &[u8]) -> Self {
        let place = self.segments.iter().position(|segment| segment[1] == marker).unwrap();
        self.segments.insert(place, bytes.to_vec());
        self
    }

    /// Adds bytes before every segment.
    pub fn before_each(mut self, bytes: &[u8]) -> Self {
        self.segments = self.segments.iter().map(|segment| [bytes, segment].concat()).collect();
        self
    }

    /// Takes all segments with this marker out.
    pub fn without(mut self, marker: u8) -> Self {
        self.segments.retain(|segment| segment[1] != marker);
        self
    }

    /// Changes the data between the restart markers, each piece by its number.
    pub fn intervals(mut self, change: impl Fn(usize, &[u8]) -> Vec<u8>) -> Self {
        let mut scan = Vec::new();
        let mut rest = self.scan.as_slice();
        for number in 0.. {
            let marker = rest.windows(2).position(|pair| matches!(pair, [0xFF, 0xD0..=0xD7]));
            let (piece, more) = rest.split_at(marker.unwrap_or(rest.len()));
            scan.extend(change(number, piece));
            let Some((marker, more)) = more.split_at_checked(2) else { break };
            scan.extend(marker);
            rest = more;
        }
        self.scan = scan;
        self
    }

    /// Takes these intervals out, each with the restart marker behind it.
    pub fn without_intervals(mut self, lost: std::ops::Range<usize>) -> Self {
        let ends = self.scan.windows(2).enumerate();
        let ends = ends.filter(|(_, pair)| matches!(pair, [0xFF, 0xD0..=0xD7]));
        let ends: Vec<usize> = [0].into_iter().chain(ends.map(|(place, _)| place + 2)).collect();
        drop(self.scan.drain(ends[lost.start]..ends[lost.end]));
        self
    }
}

/// Makes a segment.
pub fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), body].concat()
}

/// Makes an EXIF segment with an orientation.
pub fn exif(orientation: u8) -> Vec<u8> {
    let tiff = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    segment(0xE1, &[b"Exif\0\0".as_slice(), tiff, &[orientation], &[0; 6]].concat())
}

/// Makes the segment by which Adobe's software tells its colours: 0 for RGB, 1 for `YCbCr`.
pub fn adobe(transform: u8) -> Vec<u8> {
    segment(0xEE, &[b"Adobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat())
}
