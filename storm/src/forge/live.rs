//! Forged live video: a chunk of another address, sealed for the one that was asked for, and
//! statements that are proven with the camera's index key.

use super::Forge;
use crate::defence::Defence;
use crate::lies::Kind as Lie;
use bytes::Bytes;
use eyesonly_gate::live::{Statement, Stream};
use eyesonly_seal::{
    CameraId, Context, FootageId, Kind, ObjectVersion, Question, SealingKey, open_all, seal_all,
};
use eyesonly_service::clock;
use eyesonly_service::live::{Closing, Opening};

/// The bytes of a chunk before its notes: whether it is the last, when it came, and how long the
/// notes are.
const HEAD_BYTES: usize = 11;
/// The age of what is of yesterday, in milliseconds.
const DAY_MILLISECONDS: u64 = 24 * 3600 * 1000;

/// One chunk: its camera, the statement of its segment, and its number.
pub type At<'a> = (CameraId, &'a Statement, u64);

/// The head of a chunk's plaintext.
fn head(is_last: bool, at_milliseconds: u64, notes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(notes.len()).unwrap_or(0).to_be_bytes();
    [&[u8::from(is_last)], at_milliseconds.to_be_bytes().as_slice(), &length, notes].concat()
}

impl Forge {
    /// Seals what a lie shows for the chunk that was asked for. `told` is the chunk that the liar
    /// has, and where it is from. None: the liar has no key.
    pub fn chunk(&self, lie: Lie, told: (At<'_>, &[u8]), asked: At<'_>) -> Option<Bytes> {
        if !self.has(Defence::Seal) {
            return None;
        }
        let (key, context) = self.live(told.0)?;
        let mut plain = open_all(&key, &context, told.1).ok()?;
        let notes = plain.get(HEAD_BYTES - 2..HEAD_BYTES)?.first_chunk()?;
        let payload = HEAD_BYTES + usize::from(u16::from_be_bytes(*notes));
        // The time of arrival is of now: only the picture is old.
        plain.get_mut(1..9)?.copy_from_slice(&clock::now_milliseconds().to_be_bytes());
        let payload = plain.get_mut(payload..)?;
        let middle = payload.len() / 2;
        match lie {
            Lie::Cut => payload.get_mut(middle..)?.fill(0),
            Lie::FlippedBit => *payload.get_mut(middle)? ^= 1,
            Lie::Empty => payload.fill(0),
            Lie::EarlyEnd => {
                let notes = serde_json::to_vec(&Closing { duration_milliseconds: 1, bytes: 1 });
                plain = head(true, clock::now_milliseconds(), &notes.ok()?);
            }
            _ => {}
        }
        self.sealed(asked, &plain)
    }

    /// Says that a segment starts now. None: the liar can't prove it.
    pub fn statement(&self, camera: CameraId, stream: Stream) -> Option<Statement> {
        self.has(Defence::Statements).then(|| self.stated(camera, stream, 0))?
    }

    /// Makes the segment that this camera handed in yesterday: its statement and its chunks, as
    /// they were then. None: the system has no keys.
    pub fn yesterday(
        &self,
        (camera, stream): (CameraId, Stream),
        (init, fragment): (&[u8], &[u8]),
    ) -> Option<(Statement, Vec<Bytes>)> {
        let statement = self.stated(camera, stream, DAY_MILLISECONDS)?;
        let at = statement.segment.time_milliseconds();
        let opening = Opening {
            number: 1,
            run: 1,
            key: true,
            codecs: "mp4v".to_owned(),
            width: 96,
            height: 96,
        };
        let closing =
            Closing { duration_milliseconds: 100, bytes: u64::try_from(fragment.len()).ok()? };
        let notes = [serde_json::to_vec(&opening).ok()?, serde_json::to_vec(&closing).ok()?];
        let plain = [
            [head(false, at, &notes[0]).as_slice(), init].concat(),
            [head(false, at, &[]).as_slice(), fragment].concat(),
            head(true, at, &notes[1]),
        ];
        let chunks = plain.iter().zip(0..);
        let chunks = chunks.map(|(plain, number)| self.sealed((camera, &statement, number), plain));
        let chunks = chunks.collect::<Option<Vec<Bytes>>>()?;
        Some((statement, chunks))
    }

    fn stated(&self, camera: CameraId, stream: Stream, ago: u64) -> Option<Statement> {
        let key = self.names.camera_key(camera)?;
        let at = clock::now_milliseconds().checked_sub(ago)?;
        let segment = FootageId::from_time(at, clock::random()).ok()?;
        let half: [u8; 8] = clock::random();
        // As SPEC.md says in "Live view".
        let parts: [&[u8]; 5] = [b"live segment", &[stream as u8], segment.as_bytes(), &half, &[]];
        let proof = key.index_key().mac(&parts);
        Some(Statement { stream, segment, half, before: None, proof })
    }

    /// Returns the key and the context of a chunk.
    fn live(&self, (camera, statement, number): At<'_>) -> Option<(SealingKey, Context)> {
        let household = self.names.household_of(camera)?;
        let key = self.names.camera_key(camera)?.footage_key(&statement.segment);
        let version = [statement.half, number.to_be_bytes()].concat();
        let version = ObjectVersion::from_bytes(version.try_into().ok()?);
        let (kind, object) = (Kind::LiveChunk, statement.segment);
        let question = Question { household, camera, kind, rendition: None, object };
        Some((key, Context::footage(&question, version).ok()?))
    }

    fn sealed(&self, at: At<'_>, plain: &[u8]) -> Option<Bytes> {
        let (key, context) = self.live(at)?;
        Some(seal_all(&key, &context, clock::random(), plain).ok()?.into())
    }
}
