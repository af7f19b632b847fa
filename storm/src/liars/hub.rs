//! The lying hub of live view: it gives chunks of other addresses, spoils them, withholds them,
//! ends segments early, and gives an old segment as the head.

use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use crate::town::Town;
use crate::video::{GROUP, NUMBERS};
use crate::whose::Names;
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_gate::live::Statement;
use eyesonly_seal::{CameraId, FootageId, HouseholdId};
use eyesonly_service::live::{Channel, HubError, Listed, LiveHub};
use futures::FutureExt as _;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The most segments of a stream that are remembered.
const REMEMBERED_MAX: usize = 16;
/// The most segments that a liar makes up before it forgets them.
const MADE_MAX: usize = 256;

/// The address of a chunk: its stream, its segment and its number.
pub type Address = (Channel, FootageId, u64);

/// What is told in place of a chunk.
pub enum Told {
    /// The chunk at another address, if it is there.
    Instead(Address),
    /// The chunk itself, spoilt.
    Spoilt,
    /// That there is no such chunk.
    Nothing,
}

/// The mouth of a lying hub, of either server: it chooses the lie.
pub struct HubMouth {
    lies: Arc<Lies>,
    names: Arc<Names>,
    heard: Mutex<HashMap<Channel, VecDeque<FootageId>>>,
}

impl HubMouth {
    /// Makes a mouth that has heard nothing.
    pub fn new(lies: Arc<Lies>, names: Arc<Names>) -> Self {
        Self { lies, names, heard: Mutex::default() }
    }

    /// Remembers a segment that starts.
    pub fn hears(&self, channel: Channel, segment: FootageId) {
        let Ok(mut heard) = self.heard.lock() else { return };
        let segments = heard.entry(channel).or_default();
        if segments.len() >= REMEMBERED_MAX {
            segments.pop_front();
        }
        segments.push_back(segment);
    }

    /// Counts a lie that was told.
    pub fn told(&self, lie: Lie) {
        self.lies.was_told(Liar::LiveHub, lie);
    }

    /// Chooses the lie about the head of a stream.
    pub fn head(&self) -> Option<Lie> {
        let lie = self.lies.next(Liar::LiveHub)?;
        matches!(lie, Lie::FrozenHead | Lie::Yesterday).then_some(lie)
    }

    /// Chooses the lie about a chunk. The liar tells it by [`HubMouth::told`] if it can.
    pub fn chunk(&self, asked: Address) -> Option<(Lie, Told)> {
        let lie = self.lies.next(Liar::LiveHub)?;
        let (channel, segment, number) = asked;
        let is_picture = number > 0;
        let told = match lie {
            Lie::AnotherInit if !is_picture => {
                Told::Instead(self.another(channel, segment, 0, true)?)
            }
            Lie::AnotherCamera if is_picture => {
                Told::Instead(self.another(channel, segment, number, true)?)
            }
            Lie::AnotherHousehold if is_picture => {
                Told::Instead(self.another(channel, segment, number, false)?)
            }
            Lie::OldVersion if is_picture => {
                let heard = self.heard.lock().ok()?;
                let old = heard.get(&channel)?.iter().rev().find(|old| **old < segment)?;
                Told::Instead((channel, *old, number))
            }
            Lie::Withheld if is_picture => Told::Instead((channel, segment, number + 1)),
            Lie::EarlyEnd if number > 1 => Told::Nothing,
            Lie::Cut | Lie::FlippedBit | Lie::Empty if is_picture => Told::Spoilt,
            _ => return None,
        };
        Some((lie, told))
    }

    /// Finds another camera's segment from about the same time: of this household, or of another.
    fn another(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
        same_household: bool,
    ) -> Option<Address> {
        let household = self.names.household_of(channel.0)?;
        let heard = self.heard.lock().ok()?;
        let fits = |other: &CameraId| {
            let is_same = self.names.household_of(*other) == Some(household);
            *other != channel.0 && is_same == same_household
        };
        let mut others: Vec<_> = heard.iter().filter(|(other, _)| fits(&other.0)).collect();
        others.sort_by_key(|(other, _)| other.0);
        let choice = usize::try_from(self.lies.choice(Liar::LiveHub)).unwrap_or(0);
        let (other, segments) = others.get(choice.checked_rem(others.len())?)?;
        let twin = segments.iter().rev().find(|twin| **twin < segment).or(segments.back())?;
        Some((**other, *twin, number))
    }
}

/// Lists a head that was made up in place of the true one.
fn with_head(honest: &[Listed], made: &Listed) -> Vec<Listed> {
    let older = honest.iter().take(honest.len().saturating_sub(1));
    older.chain([made]).cloned().collect()
}

/// Spoils the bytes of a chunk.
pub fn spoilt(lie: Lie, chunk: &Bytes) -> Bytes {
    match lie {
        Lie::Cut => chunk.slice(..chunk.len() / 2),
        Lie::FlippedBit => {
            let mut bytes = chunk.to_vec();
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
            bytes.into()
        }
        _ => Bytes::new(),
    }
}

/// A hub that lies.
pub struct LyingHub {
    honest: Arc<dyn LiveHub>,
    mouth: HubMouth,
    forge: Arc<Forge>,
    town: Town,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    statements: HashMap<FootageId, Statement>,
    /// The segments that the liar has made up, or kept since yesterday.
    made: HashMap<FootageId, Vec<Bytes>>,
    /// The head that was made up last for a stream, and the true head that it came after.
    heads: HashMap<Channel, (Listed, FootageId)>,
}

impl LyingHub {
    /// Wraps an honest hub. The pictures of yesterday are the town's.
    pub fn new(honest: Arc<dyn LiveHub>, lies: Arc<Lies>, forge: Arc<Forge>, town: Town) -> Self {
        let mouth = HubMouth::new(lies, Arc::clone(forge.names()));
        Self { honest, mouth, forge, town, known: Mutex::default() }
    }

    fn statement(&self, segment: FootageId) -> Option<Statement> {
        self.known.lock().ok()?.statements.get(&segment).cloned()
    }

    /// Returns what is told in place of the newest segments.
    async fn head(&self, lie: Lie, channel: Channel, honest: &[Listed]) -> Option<Vec<Listed>> {
        let (old, chunks) = match lie {
            Lie::FrozenHead => {
                let [.., old, _] = honest else { return None };
                let mut chunks = Vec::new();
                for number in 0..old.chunks {
                    let asked = self.honest.chunk(channel, old.statement.segment, number);
                    chunks.push(asked.now_or_never()?.ok()??);
                }
                (old.statement.clone(), chunks)
            }
            _ => {
                let mut places = self.town.all_places();
                let place = places.find(|place| self.town.camera_id(*place) == channel.0)?;
                let picture = self.town.live_fragment(place, NUMBERS - GROUP);
                self.forge.yesterday(channel, (&self.town.live_init(place), &picture))?
            }
        };
        let listed =
            |statement, chunks: &[Bytes]| Listed { statement, chunks: chunks.len() as u64 };
        let Some(statement) = self.forge.statement(channel.0, channel.1) else {
            let told = match lie {
                Lie::FrozenHead => {
                    honest.iter().take(honest.len().saturating_sub(1)).cloned().collect()
                }
                _ => vec![listed(old.clone(), &chunks)],
            };
            self.keep(old.segment, chunks);
            return Some(told);
        };
        let sealed = chunks.iter().zip(0..).map(|(chunk, number)| {
            let from = (channel.0, &old, number);
            self.forge.chunk(lie, (from, chunk), (channel.0, &statement, number))
        });
        let chunks = sealed.collect::<Option<Vec<Bytes>>>()?;
        let listed = listed(statement.clone(), &chunks);
        let told = with_head(honest, &listed);
        let newest = honest.last()?.statement.segment;
        self.known.lock().ok()?.heads.insert(channel, (listed, newest));
        self.keep(statement.segment, chunks);
        Some(told)
    }

    /// Keeps the chunks of a segment that was made up.
    fn keep(&self, segment: FootageId, chunks: Vec<Bytes>) {
        let Ok(mut known) = self.known.lock() else { return };
        if known.made.len() >= MADE_MAX {
            known.made.clear();
        }
        known.made.insert(segment, chunks);
    }

    /// Returns what is told in place of a chunk. None: nothing but the truth.
    async fn instead(&self, lie: Lie, told: Told, asked: Address) -> Option<Option<Bytes>> {
        let (channel, segment, number) = asked;
        let from = match told {
            Told::Instead(from) => from,
            Told::Spoilt | Told::Nothing => asked,
        };
        let chunk = match lie {
            // What comes in its place may not be there yet.
            Lie::Withheld | Lie::Cut | Lie::FlippedBit | Lie::Empty | Lie::EarlyEnd => {
                self.honest.chunk(from.0, from.1, from.2).await.ok()??
            }
            _ => self.honest.chunk(from.0, from.1, from.2).now_or_never()?.ok()??,
        };
        let forged = || {
            let (source, target) = (self.statement(from.1)?, self.statement(segment)?);
            let (source, target) = ((from.0.0, &source, from.2), (channel.0, &target, number));
            self.forge.chunk(lie, (source, &chunk), target)
        };
        Some(match (forged(), told) {
            (Some(forged), _) => Some(forged),
            (None, Told::Instead(_)) => Some(chunk),
            (None, Told::Spoilt) => Some(spoilt(lie, &chunk)),
            (None, Told::Nothing) => None,
        })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LiveHub for LyingHub {
    async fn start(
        &self,
        household: HouseholdId,
        channel: Channel,
        statement: Statement,
    ) -> Result<(), HubError> {
        self.mouth.hears(channel, statement.segment);
        if let Ok(mut known) = self.known.lock() {
            known.statements.insert(statement.segment, statement.clone());
        }
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
        let honest = self.honest.segments(channel).await?;
        // A head that was made up stays until the next true one: who was told of it asks for it.
        let made = self.known.lock().ok().and_then(|known| known.heads.get(&channel).cloned());
        let newest = honest.last().map(|listed| listed.statement.segment);
        if let Some((made, _)) = made.filter(|(_, after)| Some(*after) == newest) {
            return Ok(with_head(&honest, &made));
        }
        let Some(lie) = self.mouth.head() else { return Ok(honest) };
        let Some(told) = self.head(lie, channel, &honest).await else { return Ok(honest) };
        self.mouth.told(lie);
        Ok(told)
    }

    async fn chunk(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
    ) -> Result<Option<Bytes>, HubError> {
        let made = self.known.lock().ok().and_then(|known| known.made.get(&segment).cloned());
        if let Some(chunks) = made {
            return Ok(usize::try_from(number).ok().and_then(|number| chunks.get(number).cloned()));
        }
        let asked = (channel, segment, number);
        if let Some((lie, told)) = self.mouth.chunk(asked)
            && let Some(told) = self.instead(lie, told, asked).await
        {
            self.mouth.told(lie);
            return Ok(told);
        }
        self.honest.chunk(channel, segment, number).await
    }

    async fn started(&self, channel: Channel, newest: Option<FootageId>) -> Result<(), HubError> {
        self.honest.started(channel, newest).await
    }

    async fn forget(&self, camera: CameraId) -> Result<(), HubError> {
        self.honest.forget(camera).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::live::{MemoryHub, hub_conformance};

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let (lies, town) = (Arc::new(Lies::new(1, &[])), Town::new(1, 0, 0, 0, 0));
        let honest = Arc::new(MemoryHub::new(64 << 20));
        hub_conformance::check(&LyingHub::new(honest, lies, Forge::nothing(), town)).await;
    }
}
