//! A hub that lies. With nothing to tell it passes the suite of the seam.

use crate::live::{Channel, HubError, Listed, LiveHub, MemoryHub};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_gate::live::{Statement, Stream};
use eyesonly_seal::{CameraId, FootageId, HouseholdId};
use std::collections::HashMap;
use std::sync::Mutex;

/// The lies of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// It tells the truth.
    Not,
    /// The chunks are another camera's.
    AnotherCamera,
    /// The chunks are the other stream's.
    AnotherStream,
    /// Each chunk is the one after it.
    AnotherChunk,
    /// The chunks lack their end.
    Cut,
    /// A bit of each chunk's body is flipped.
    Flipped,
    /// The chunks are empty.
    Empty,
    /// The statements are another camera's.
    CamerasStatements,
    /// The statements are the other stream's.
    StreamsStatements,
    /// The newest segment comes first.
    Reordered,
    /// The newest segment is withheld.
    HeadGoesBack,
    /// A segment is gone after ten chunks.
    EndsEarly,
    /// The newest segment is gone after ten chunks.
    HeadEndsEarly,
}

pub struct LyingHub {
    honest: MemoryHub,
    lie: Mutex<Lie>,
    /// The segments of each channel, in the order in which they started.
    heard: Mutex<HashMap<Channel, Vec<FootageId>>>,
}

impl LyingHub {
    pub fn new(lie: Lie) -> Self {
        let honest = MemoryHub::new(64 << 20);
        Self { honest, lie: Mutex::new(lie), heard: Mutex::default() }
    }
    pub fn tell(&self, lie: Lie) {
        *self.lie.lock().unwrap() = lie;
    }
    fn lie(&self) -> Lie {
        *self.lie.lock().unwrap()
    }
    /// Returns the segments of a camera's main stream.
    pub fn honest_ids(&self, camera: CameraId) -> Vec<FootageId> {
        self.heard.lock().unwrap().get(&(camera, Stream::Main)).cloned().unwrap_or_default()
    }
    fn another_camera(&self, channel: Channel) -> Channel {
        let heard = self.heard.lock().unwrap();
        let other = heard.keys().find(|other| other.0 != channel.0 && other.1 == channel.1);
        other.copied().unwrap_or(channel)
    }
    /// Returns the segment of another channel that stands at the same place as this one.
    fn twin(&self, channel: Channel, of: Channel, segment: FootageId) -> FootageId {
        let heard = self.heard.lock().unwrap();
        let place = heard.get(&channel).and_then(|all| all.iter().position(|id| *id == segment));
        let twins = heard.get(&of).map(Vec::as_slice).unwrap_or_default();
        place.and_then(|place| twins.get(place)).copied().unwrap_or(segment)
    }
}

#[async_trait]
impl LiveHub for LyingHub {
    async fn start(
        &self,
        household: HouseholdId,
        channel: Channel,
        statement: Statement,
    ) -> Result<(), HubError> {
        self.heard.lock().unwrap().entry(channel).or_default().push(statement.segment);
        self.honest.start(household, channel, statement).await
    }

    async fn append(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
        chunk: SealedPart,
    ) -> Result<(), HubError> {
        self.honest.append(channel, segment, number, chunk).await
    }

    async fn segments(&self, channel: Channel) -> Result<Vec<Listed>, HubError> {
        let asked = match self.lie() {
            Lie::CamerasStatements => self.another_camera(channel),
            Lie::StreamsStatements => (channel.0, Stream::Sub),
            _ => channel,
        };
        let mut listed = self.honest.segments(asked).await?;
        match self.lie() {
            Lie::Reordered => listed.reverse(),
            Lie::HeadGoesBack => drop(listed.pop()),
            _ => {}
        }
        Ok(listed)
    }

    async fn chunk(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
    ) -> Result<Option<Bytes>, HubError> {
        let lie = self.lie();
        let of = match lie {
            Lie::AnotherCamera => self.another_camera(channel),
            Lie::AnotherStream => (channel.0, Stream::Sub),
            _ => channel,
        };
        let number = if lie == Lie::AnotherChunk { (number + 1).min(30) } else { number };
        let is_head = self.heard.lock().unwrap().get(&channel).and_then(|all| all.last().copied())
            == Some(segment);
        let ends_early = lie == Lie::EndsEarly || (lie == Lie::HeadEndsEarly && is_head);
        if ends_early && number > 9 {
            return Ok(None);
        }
        let twin = self.twin(channel, of, segment);
        let Some(chunk) = self.honest.chunk(of, twin, number).await? else { return Ok(None) };
        let mut bytes = chunk.to_vec();
        match lie {
            Lie::Cut => bytes.truncate(40),
            Lie::Empty => bytes.clear(),
            Lie::Flipped => {
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= 1;
                }
            }
            _ => {}
        }
        Ok(Some(bytes.into()))
    }

    async fn started(&self, channel: Channel, newest: Option<FootageId>) -> Result<(), HubError> {
        self.honest.started(channel, newest).await
    }

    async fn forget(&self, camera: CameraId) -> Result<(), HubError> {
        self.honest.forget(camera).await
    }
}
