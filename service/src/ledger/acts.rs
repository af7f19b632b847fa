//! Acts of administration as entries of the ledger.
//!
//! An act about a household or its cameras is sealed under the household's key; one about an
//! account alone under the edge's, as the viewer's own. What was done when a household's key was
//! destroyed already is the edge's.

use crate::admin::{Act, ActRecord, Deed, Given};
use eyesonly_gate::entry::{self, Owner, PLAIN_BYTES};
use eyesonly_rights::{Kinds, Role, ViewerRecord, Window};
use eyesonly_seal::{
    CameraId, Context, HouseholdId, LedgerKey, SealError, SealingKey, ViewerId, open_all, seal_all,
};

/// The form of an entry about an act. 1 and 2 are the gate's.
const FORM: u8 = 3;
const DEEDS: [Deed; 16] = [
    Deed::Household,
    Deed::HouseholdRemoved,
    Deed::Camera,
    Deed::CameraRemoved,
    Deed::Viewer,
    Deed::ViewerRemoved,
    Deed::Right,
    Deed::RightTaken,
    Deed::Stating,
    Deed::Stated,
    Deed::AllStated,
    Deed::SwitchedOff,
    Deed::SwitchedOn,
    Deed::HandedOver,
    Deed::SignedIn,
    Deed::SignedOut,
];
const ROLES: [Role; 4] = [Role::Owner, Role::Member, Role::Guest, Role::Installer];

/// An act with its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The number of the commit that it was part of.
    pub sequence: u64,
    /// When it was, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// Who did it. `None`: the operator.
    pub actor: Option<ViewerId>,
    /// What it was.
    pub act: Act,
}

impl Done {
    /// Lists the acts of a record.
    pub fn all(record: &ActRecord) -> impl Iterator<Item = Self> + '_ {
        let ActRecord { sequence, at_milliseconds, actor, .. } = *record;
        record.acts.iter().map(move |act| Self { sequence, at_milliseconds, actor, act: *act })
    }

    /// Lists the rights that stand in a viewer's record, as the ledger states them.
    pub fn stated(record: &ViewerRecord, at_milliseconds: u64) -> impl Iterator<Item = Self> + '_ {
        record.cameras.iter().map(move |right| {
            let (household, camera) = (Some(right.household), Some(right.camera));
            let act = Act::of(Deed::Stated, household, camera, Some(record.viewer));
            let act = Act { right: Some(Given::of(right)), ..act };
            Self { sequence: record.sequence, at_milliseconds, actor: None, act }
        })
    }

    /// Makes what the ledger says of a viewer's session. It is part of no commit of rights, so its
    /// number is 0.
    pub fn of_session(deed: Deed, viewer: ViewerId, at_milliseconds: u64) -> Self {
        let act = Act::of(deed, None, None, Some(viewer));
        Self { sequence: 0, at_milliseconds, actor: Some(viewer), act }
    }

    /// Returns whose entry it is, as long as the household's key is there.
    pub fn owner(&self) -> Owner {
        match (self.act.household, self.act.viewer) {
            // The household's key is destroyed with it.
            _ if self.act.deed == Deed::HouseholdRemoved => Owner::Edge,
            (Some(household), _) => Owner::Household(household),
            (None, Some(viewer)) => Owner::Viewer(viewer),
            (None, None) => Owner::Edge,
        }
    }

    /// Returns the UTC day under whose key it is sealed, counted from 1970.
    pub fn day(&self) -> u32 {
        entry::day(self.at_milliseconds)
    }

    /// Seals it for an owner. `salt` is 24 fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::Primitive`] if the cryptographic library fails.
    pub fn seal(
        &self,
        owner: Owner,
        key: &LedgerKey,
        salt: [u8; 24],
    ) -> Result<Vec<u8>, SealError> {
        let (kind, id) = owner.parts();
        let context = Context::entry(kind, id, self.day())?;
        seal_all(&key.day_key(self.day()), &context, salt, &self.plain())
    }

    /// Opens an owner's entry about an act by the key of its day. Returns `None` if it is about
    /// something else.
    ///
    /// # Errors
    /// As [`open_all`].
    pub fn open(
        owner: Owner,
        day: u32,
        key: &SealingKey,
        sealed: &[u8],
    ) -> Result<Option<Self>, SealError> {
        let (kind, id) = owner.parts();
        let bytes = open_all(key, &Context::entry(kind, id, day)?, sealed)?;
        // What a household's key could not seal is the edge's.
        let is_theirs = |done: &Self| owner == Owner::Edge || done.owner() == owner;
        Ok(Reader(&bytes).done().filter(is_theirs))
    }

    /// Writes it in plain. Numbers are big-endian, and what is not there is zeros. Each end of a
    /// right has a byte before it that says whether it is there.
    fn plain(&self) -> Vec<u8> {
        let Act { deed, household, camera, viewer, before, right } = self.act;
        let place = |at: Option<usize>| at.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
        let deed = place(DEEDS.iter().position(|known| *known == deed));
        let mut bytes = Vec::with_capacity(PLAIN_BYTES);
        let rights = [before, right].map(|right| u8::from(right.is_some()));
        bytes.extend_from_slice(&[FORM, deed]);
        bytes.extend_from_slice(&rights);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.at_milliseconds.to_be_bytes());
        bytes.extend_from_slice(&self.actor.map_or([0; 16], |id| *id.as_bytes()));
        bytes.extend_from_slice(&household.map_or([0; 16], |id| *id.as_bytes()));
        bytes.extend_from_slice(&camera.map_or([0; 16], |id| *id.as_bytes()));
        bytes.extend_from_slice(&viewer.map_or([0; 16], |id| *id.as_bytes()));
        for Given { role, kinds, window, expires_at_seconds } in
            [before, right].into_iter().flatten()
        {
            let role = place(ROLES.iter().position(|known| *known == role));
            let kinds = [kinds.live, kinds.events, kinds.clips].map(u8::from);
            bytes.push(role);
            bytes.extend_from_slice(&kinds);
            for end in [window.from_milliseconds, window.until_milliseconds, expires_at_seconds] {
                bytes.push(u8::from(end.is_some()));
                bytes.extend_from_slice(&end.unwrap_or(0).to_be_bytes());
            }
        }
        bytes.resize(PLAIN_BYTES, 0);
        bytes
    }
}

/// What is left of an entry in plain.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn id(&mut self) -> Option<Option<[u8; 16]>> {
        self.take().map(|id| Some(id).filter(|id| *id != [0; 16]))
    }

    fn end(&mut self) -> Option<Option<u64>> {
        let [is_there] = self.take()?;
        let end = u64::from_be_bytes(self.take()?);
        Some((is_there == 1).then_some(end))
    }

    fn right(&mut self) -> Option<Given> {
        let [role, live, events, clips] = self.take()?;
        let kinds = Kinds { live: live == 1, events: events == 1, clips: clips == 1 };
        let (from_milliseconds, until_milliseconds) = (self.end()?, self.end()?);
        let window = Window { from_milliseconds, until_milliseconds };
        let role = *ROLES.get(usize::from(role))?;
        Some(Given { role, kinds, window, expires_at_seconds: self.end()? })
    }

    fn done(mut self) -> Option<Done> {
        let [FORM, deed, had, has] = self.take()? else { return None };
        let deed = *DEEDS.get(usize::from(deed))?;
        let sequence = u64::from_be_bytes(self.take()?);
        let at_milliseconds = u64::from_be_bytes(self.take()?);
        let actor = self.id()?.map(ViewerId::from_bytes);
        let household = self.id()?.map(HouseholdId::from_bytes);
        let camera = self.id()?.map(CameraId::from_bytes);
        let viewer = self.id()?.map(ViewerId::from_bytes);
        let before = if had == 1 { Some(self.right()?) } else { None };
        let right = if has == 1 { Some(self.right()?) } else { None };
        let act = Act { deed, household, camera, viewer, before, right };
        Some(Done { sequence, at_milliseconds, actor, act })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;
    use eyesonly_seal::HouseholdKey;

    fn key() -> LedgerKey {
        HouseholdKey::from_bytes([9; 32]).ledger_key(&HouseholdId::from_bytes([4; 16]))
    }

    #[test]
    fn an_entry_says_what_was_done() {
        let (household, camera) = (HouseholdId::from_bytes([4; 16]), CameraId::from_bytes([5; 16]));
        let viewer = ViewerId::from_bytes([6; 16]);
        let window = Window { from_milliseconds: Some(0), until_milliseconds: None };
        let kinds = Kinds { live: true, events: false, clips: true };
        for deed in DEEDS {
            for role in ROLES {
                let right = Given { role, kinds, window, expires_at_seconds: Some(u64::MAX) };
                for (before, right) in [(None, None), (None, Some(right)), (Some(right), None)] {
                    for (household, camera, viewer) in [
                        (Some(household), Some(camera), Some(viewer)),
                        (None, None, Some(viewer)),
                        (None, None, None),
                    ] {
                        let act = Act { deed, household, camera, viewer, before, right };
                        let done = Done {
                            sequence: 7,
                            at_milliseconds: 3 * 86_400_000 + 5,
                            actor: viewer,
                            act,
                        };
                        let sealed = done.seal(done.owner(), &key(), [7; 24]).unwrap();
                        assert_eq!(sealed.len(), PLAIN_BYTES + 72);
                        let read = Done::open(done.owner(), 3, &key().day_key(3), &sealed).unwrap();
                        assert_eq!(read, Some(done));
                        // Nobody else's key tells it as theirs.
                        let other = Owner::Viewer(ViewerId::from_bytes([8; 16]));
                        let sealed = done.seal(other, &key(), [7; 24]).unwrap();
                        let read = Done::open(other, 3, &key().day_key(3), &sealed).unwrap();
                        assert_eq!(read, None);
                    }
                }
            }
        }
    }
}
