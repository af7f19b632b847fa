//! The functions that a guest can call: the host's side of `eyesonly:edge`.
//!
//! Each instance has its own table, so a handle from the guest can only name an object that this
//! instance was given. Everything that comes from the guest is checked here before it is used.
//! Nothing here may widen what the grant covers, and no error tells a guest more than the four
//! codes of the contract.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use wasmtime::component::{Resource, ResourceTable};

use super::ferry::Ferry;
use super::limits::{Growth, Limits};
use eyesonly_gate::live::{Part, Stream};
use eyesonly_gate::rules::{self, Breach, Instance, MediaType, Origin, Status};
use eyesonly_gate::{Answer, Content, Grant};
use eyesonly_seal::FootageId;
use eyesonly_service::footage::{EventSummary, Footage, FootageError, Held, Making, Recalled};
use eyesonly_service::live::{Followed, Shown};
use eyesonly_service::turns::{Turn, Turns};

/// The bindings generated from `wit/`. Their types never leave this module.
#[allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code"
)]
pub(super) mod bindings {
    wasmtime::component::bindgen!({
        world: "footage-handler",
        path: "wit",
        imports: {
            // These functions return at once, because the instance holds what they need.
            "eyesonly:edge/footage.[method]grant.kinds": trappable,
            "eyesonly:edge/footage.[method]object.length": trappable,
            "eyesonly:edge/footage.[drop]grant": trappable,
            "eyesonly:edge/footage.[drop]object": trappable,
            default: async | trappable,
        },
        exports: { default: async },
        with: {
            "eyesonly:edge/footage.grant": super::GrantHandle,
            "eyesonly:edge/footage.object": super::Object,
        },
    });
}

use bindings::eyesonly::edge::events::{self, Event, Page};
use bindings::eyesonly::edge::footage;
use bindings::eyesonly::edge::live;
use bindings::eyesonly::edge::renditions;
use bindings::eyesonly::edge::types::{self, ErrorCode, Kinds, LivePart, LiveStream};

type Reply<T> = wasmtime::Result<Result<T, ErrorCode>>;

/// The host's object behind the guest's `grant`.
pub struct GrantHandle(Arc<Grant>);

/// The host's object behind the guest's `object`.
pub struct Object {
    held: Arc<Held>,
    origin: Origin,
}

/// The host's side of one instance. It is dropped with the instance.
pub(super) struct State {
    footage: Arc<Footage>,
    handler_sha256: [u8; 32],
    /// The turns to decode, and the deadline until which this instance may wait for one.
    decodes: (Arc<Turns>, Instant),
    /// Set while this instance waits for a turn to decode.
    waits: Arc<AtomicBool>,
    pub(super) ferry: Ferry,
    table: ResourceTable,
    /// The grant of this instance, and the rules for what it may do under the grant.
    instance: Instance,
    /// While this is set, other instances wait for the rendition that this one makes.
    making: Option<Making>,
    /// The turn to decode. The instance holds it from the moment it starts to make a rendition
    /// until it ends or recalls another one.
    decode: Option<Turn>,
    /// What the guest may grow to.
    pub(super) growth: Growth,
}

impl State {
    pub(super) fn new(
        footage: Arc<Footage>,
        grant: Arc<Grant>,
        handler_sha256: [u8; 32],
        limits: Arc<Limits>,
        decodes: (Arc<Turns>, Instant),
    ) -> Self {
        let mut table = ResourceTable::new();
        // One place more than the objects need: for the grant.
        table.set_max_capacity(usize::try_from(rules::OBJECTS_MAX).unwrap_or(0).saturating_add(1));
        Self {
            footage,
            handler_sha256,
            growth: Growth::new(limits),
            decodes,
            waits: Arc::default(),
            ferry: Ferry::default(),
            table,
            instance: Instance::new(grant),
            making: None,
            decode: None,
        }
    }

    /// Puts the one grant of this instance into its table and returns the handle.
    pub(super) fn give_grant(&mut self) -> wasmtime::Result<Resource<GrantHandle>> {
        let grant = Arc::clone(self.instance.grant());
        Ok(self.table.push(GrantHandle(grant))?)
    }

    /// Takes an object out of the table, for an answer that outlives the instance.
    ///
    /// FROM GUEST: the handle. The table has only this instance's objects.
    pub(super) fn take(&mut self, object: Resource<Object>) -> Option<Held> {
        let object = self.table.delete(object).ok()?;
        Arc::into_inner(object.held)
    }

    /// Returns the instance's answer, together with the grant that the instance was made for.
    pub(super) fn answers(
        &self,
        status: Status,
        media_type: MediaType,
        content: Content,
    ) -> Result<Answer, &'static str> {
        self.instance.answers(status, media_type, content)
    }

    /// Returns what opens a live segment under the instance's own grant. FROM GUEST: its name.
    pub(super) fn follows(
        &self,
        of: LiveStream,
        segment: &str,
    ) -> Result<impl Future<Output = Result<Followed, FootageError>> + use<>, Breach> {
        let id = rules::check_id(segment)?;
        let (footage, grant) = (Arc::clone(&self.footage), Arc::clone(self.instance.grant()));
        Ok(async move { footage.live_segment(&grant, of.into(), id).await })
    }

    /// Says whether the instance waits for its turn to decode.
    pub(super) fn waits_for_decode(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    fn grant(&self, handle: &Resource<GrantHandle>) -> wasmtime::Result<Arc<Grant>> {
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }

    fn hold(&mut self, held: Held, origin: Origin) -> Reply<Resource<Object>> {
        if let Err(breach) = self.instance.holds(origin) {
            return Ok(Err(breach.into()));
        }
        let object = Object { held: Arc::new(held), origin };
        Ok(Ok(self.table.push(object)?))
    }

    /// Adds an object that was opened through the grant to the instance's objects.
    fn opened(&mut self, result: Result<Held, FootageError>) -> Reply<Resource<Object>> {
        match result {
            Ok(held) => self.hold(held, Origin::Opened),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// Opens an object that belongs to an event.
    ///
    /// FROM GUEST: the event's id.
    async fn of_event<F>(
        &mut self,
        handle: &Resource<GrantHandle>,
        event: &str,
        open: impl FnOnce(Arc<Footage>, Arc<Grant>, FootageId) -> F,
    ) -> Reply<Resource<Object>>
    where
        F: Future<Output = Result<Held, FootageError>> + Send + 'static,
    {
        let grant = self.grant(handle)?;
        let event =
            match rules::check_id(event).and_then(|id| self.instance.may_hold().map(|()| id)) {
                Ok(event) => event,
                Err(breach) => return Ok(Err(breach.into())),
            };
        let work = open(Arc::clone(&self.footage), grant, event);
        let result = self.ferry.carry(work).await;
        self.opened(result)
    }
}

impl From<Breach> for ErrorCode {
    fn from(breach: Breach) -> Self {
        match breach {
            Breach::Invalid => Self::Invalid,
            Breach::Limit => Self::Limit,
        }
    }
}

impl From<FootageError> for ErrorCode {
    fn from(error: FootageError) -> Self {
        match error {
            FootageError::NotFound => Self::NotFound,
            FootageError::Invalid => Self::Invalid,
            FootageError::Limit => Self::Limit,
            FootageError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<EventSummary> for Event {
    fn from(event: EventSummary) -> Self {
        Self {
            id: event.id,
            time_milliseconds: event.time_milliseconds,
            kind: event.kind,
            label: event.label,
            duration_milliseconds: event.duration_milliseconds,
            has_still: event.has_still,
            has_clip: event.has_clip,
        }
    }
}

impl types::Host for State {}

impl footage::Host for State {}

impl footage::HostGrant for State {
    fn kinds(&mut self, handle: Resource<GrantHandle>) -> wasmtime::Result<Kinds> {
        let granted = self.grant(&handle)?.kinds();
        let mut kinds = Kinds::empty();
        let flags = [
            (granted.live, Kinds::LIVE),
            (granted.events, Kinds::EVENTS),
            (granted.clips, Kinds::CLIPS),
        ];
        for (_, kind) in flags.into_iter().filter(|(allowed, _)| *allowed) {
            kinds |= kind;
        }
        Ok(kinds)
    }

    async fn newest_still(&mut self, handle: Resource<GrantHandle>) -> Reply<Resource<Object>> {
        let grant = self.grant(&handle)?;
        if let Err(breach) = self.instance.may_hold() {
            return Ok(Err(breach.into()));
        }
        let footage = Arc::clone(&self.footage);
        let result = self.ferry.carry(async move { footage.newest_still(&grant).await }).await;
        self.opened(result)
    }

    async fn event_still(
        &mut self,
        handle: Resource<GrantHandle>,
        event: String,
    ) -> Reply<Resource<Object>> {
        self.of_event(&handle, &event, |footage, grant, event| async move {
            footage.event_still(&grant, event).await
        })
        .await
    }

    async fn event_clip(
        &mut self,
        handle: Resource<GrantHandle>,
        event: String,
    ) -> Reply<Resource<Object>> {
        self.of_event(&handle, &event, |footage, grant, event| async move {
            footage.event_clip(&grant, event).await
        })
        .await
    }

    fn drop(&mut self, handle: Resource<GrantHandle>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl footage::HostObject for State {
    fn length(&mut self, object: Resource<Object>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&object)?.held.length())
    }

    async fn read(&mut self, object: Resource<Object>, offset: u64, length: u32) -> Reply<Vec<u8>> {
        let held = Arc::clone(&self.table.get(&object)?.held);
        // FROM GUEST: offset and length.
        let length = match rules::check_read(held.length(), offset, length) {
            Ok(length) => length,
            Err(breach) => return Ok(Err(breach.into())),
        };
        let result = self.ferry.carry(async move { held.read(offset, length).await }).await;
        Ok(result.map_err(ErrorCode::from))
    }

    fn drop(&mut self, object: Resource<Object>) -> wasmtime::Result<()> {
        self.table.delete(object)?;
        self.instance.dropped();
        Ok(())
    }
}

impl events::Host for State {
    async fn list_events(
        &mut self,
        handle: Resource<GrantHandle>,
        before: Option<String>,
        limit: u32,
    ) -> Reply<Page> {
        let grant = self.grant(&handle)?;
        // FROM GUEST: the cursor and the limit.
        let before = match rules::check_page(before.as_deref(), limit) {
            Ok(before) => before,
            Err(breach) => return Ok(Err(breach.into())),
        };
        let footage = Arc::clone(&self.footage);
        let work = async move { footage.events(&grant, before, limit).await };
        Ok(match self.ferry.carry(work).await {
            Ok(page) => Ok(Page {
                events: page.events.into_iter().map(Event::from).collect(),
                next: page.next,
            }),
            Err(error) => Err(error.into()),
        })
    }

    async fn get_event(&mut self, handle: Resource<GrantHandle>, id: String) -> Reply<Event> {
        let grant = self.grant(&handle)?;
        // FROM GUEST: the event's id.
        let id = match rules::check_id(&id) {
            Ok(id) => id,
            Err(breach) => return Ok(Err(breach.into())),
        };
        let footage = Arc::clone(&self.footage);
        let result = self.ferry.carry(async move { footage.event(&grant, id).await }).await;
        Ok(result.map(Event::from).map_err(ErrorCode::from))
    }
}

impl live::Host for State {
    async fn list_segments(
        &mut self,
        handle: Resource<GrantHandle>,
        of: LiveStream,
        limit: u32,
    ) -> Reply<Vec<live::Segment>> {
        let grant = self.grant(&handle)?;
        // FROM GUEST: the limit.
        if let Err(breach) = rules::check_page(None, limit) {
            return Ok(Err(breach.into()));
        }
        let footage = Arc::clone(&self.footage);
        let work = async move { footage.live_segments(&grant, of.into(), limit).await };
        Ok(match self.ferry.carry(work).await {
            Ok(segments) => Ok(segments.into_iter().map(live::Segment::from).collect()),
            Err(error) => Err(error.into()),
        })
    }
}

impl From<Shown> for live::Segment {
    fn from(shown: Shown) -> Self {
        let Shown { segment, before, opening, closing, newest_at_milliseconds } = shown;
        Self {
            id: segment.to_string(),
            before: before.as_ref().map(FootageId::to_string),
            number: opening.number,
            run: opening.run,
            key: opening.key,
            codecs: opening.codecs,
            width: opening.width,
            height: opening.height,
            time_milliseconds: segment.time_milliseconds(),
            newest_milliseconds: newest_at_milliseconds,
            duration_milliseconds: closing.map(|closing| closing.duration_milliseconds),
        }
    }
}

impl From<LiveStream> for Stream {
    fn from(stream: LiveStream) -> Self {
        match stream {
            LiveStream::Main => Self::Main,
            LiveStream::Sub => Self::Sub,
        }
    }
}

impl From<LivePart> for Part {
    fn from(part: LivePart) -> Self {
        match part {
            LivePart::Whole => Self::Whole,
            LivePart::Init => Self::Init,
            LivePart::Media => Self::Media,
        }
    }
}

impl renditions::Host for State {
    async fn recall(
        &mut self,
        source: Resource<Object>,
        name: String,
    ) -> Reply<Option<Resource<Object>>> {
        // FROM GUEST: the handle of the source, and the name. An instance makes one rendition at a
        // time. It gives up its turn to decode before it waits for another instance's rendition.
        // Otherwise two that wait for each other would deadlock until the deadline.
        let Object { held, origin } = self.table.get(&source)?;
        let (held, may) = (Arc::clone(held), self.instance.may_recall(*origin, &name));
        if let Err(breach) = may {
            return Ok(Err(breach.into()));
        }
        self.decode = None;
        let (footage, handler_sha256) = (Arc::clone(&self.footage), self.handler_sha256);
        let (asked, (decodes, deadline), waits) =
            (name.clone(), self.decodes.clone(), Arc::clone(&self.waits));
        let (household, asker) =
            (held.grant().household(), *held.grant().requester().viewer().as_bytes());
        let work = async move {
            let recalled = footage.recall(&held, &handler_sha256, &asked).await;
            match recalled {
                Ok(Recalled::AtHand(rendition)) => Ok(Found::AtHand(rendition)),
                // Decoding starts here: one turn, and one core, for one rendition.
                Ok(Recalled::Make(making)) => {
                    waits.store(true, Ordering::Relaxed);
                    let turn = decodes.wait(household, asker, deadline).await;
                    waits.store(false, Ordering::Relaxed);
                    turn.map(|turn| Found::Make(making, turn)).ok_or(FootageError::Unavailable)
                }
                Err(error) => Err(error),
            }
        };
        match self.ferry.carry(work).await {
            Ok(Found::AtHand(rendition)) => Ok(self.hold(rendition, Origin::Rendition)?.map(Some)),
            Ok(Found::Make(making, permit)) => {
                self.instance.makes(&name);
                self.making = Some(making);
                self.decode = Some(permit);
                Ok(Ok(None))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn remember(
        &mut self,
        source: Resource<Object>,
        name: String,
        bytes: Vec<u8>,
    ) -> Reply<Resource<Object>> {
        // FROM GUEST: the source, the name and the bytes.
        let Object { held, origin } = self.table.get(&source)?;
        let may = self.instance.may_remember(*origin, &name, bytes.len());
        let held = Arc::clone(held);
        if let Err(breach) = may {
            return Ok(Err(breach.into()));
        }
        let (footage, handler_sha256) = (Arc::clone(&self.footage), self.handler_sha256);
        let asked = name.clone();
        let work = async move { footage.remember(&held, &handler_sha256, &asked, bytes).await };
        match self.ferry.carry(work).await {
            Ok(rendition) => {
                // The instances that wait for this rendition can go on now.
                if self.instance.made(&name) {
                    self.making = None;
                }
                self.hold(rendition, Origin::Rendition)
            }
            Err(error) => Ok(Err(error.into())),
        }
    }
}

/// The result of `recall`. If the rendition must be made, it has the turn to decode.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once; a box would allocate on every hit"
)]
enum Found {
    AtHand(Held),
    Make(Making, Turn),
}
