//! Administration of households, cameras and viewers. Every change is one commit of the records
//! that it touches, each sealed anew.
//!
//! A viewer's rights are one record, which is written when they change and never assembled when
//! they are read. Administration must never print a credential except once, when the credential is
//! made. Administration must never take a password from the command line, where other users of the
//! machine can read it.

mod act;
mod actor;
mod amend;
mod clocks;
mod error;
mod household;
mod invitations;
mod pace;
mod people;
mod sharing;
mod token;
mod transfer;
mod upgrade;
mod why;
mod writing;

pub use act::{Act, ActRecord, Deed, Given};
pub use actor::Signed;
pub use clocks::{Heard, SINCE_MILLISECONDS_MAX};
pub use error::AdminError;
pub use household::{Closed, HouseholdRecord, INSTALLER_SECONDS_MAX, Member, Share, Transfer};
pub use invitations::{
    Accepted, INVITATION_SECONDS_DEFAULT, INVITATION_SECONDS_MAX, INVITATION_TRIES,
    INVITATIONS_MAX, Invitation, Invited, Newcomer, Offer, Request, Shown,
};
pub use pace::{CHANGES_A_MINUTE, NEWCOMERS_A_DAY};
pub use people::SHARES_MAX;
pub use sharing::{Owned, Sharing};
pub use transfer::{CLOSED_MAX, Offered, TRANSFER_SECONDS};
pub use why::Why;

use crate::catalogue::Catalogue;
use crate::clock;
use crate::footage::is_plain_text;
use crate::identity::NAME_BYTES_MAX;
use crate::keys::Keyring;
use crate::listing;
use crate::sync::pause_for;
use eyesonly_gate::registry::{CHANGES_MAX, Expect};
use eyesonly_gate::{KeysError, Records};
use eyesonly_rights::{CameraRecord, CameraState, Mint, Record, ViewerRecord};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, MacKey};
use pace::Pace;
use std::sync::Arc;
use std::time::Duration;
use unicode_width::UnicodeWidthChar as _;
use writing::{Along, Writing};
use zeroize::Zeroizing;

/// The longest name of a household or camera, in characters.
pub const LABEL_CHARACTERS_MAX: usize = 100;
/// The most cameras, and the most viewers, of one household: its records change in one commit.
pub const MEMBERS_MAX: usize = 1000;
/// The quota of a household in bytes of sealed objects, unless another is given.
pub const QUOTA_BYTES_DEFAULT: u64 = 50 * 1024 * 1024 * 1024;
/// The most tries of a change, if somebody else writes meanwhile.
const TRIES_MAX: u32 = 10;
/// The longest pause before the second try. Before the third it is twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(20);

/// A camera that was enrolled.
pub struct NewCamera {
    /// The camera's id.
    pub camera: CameraId,
    /// The camera's credential, shown once.
    pub credential: Zeroizing<String>,
}

/// The service that changes and lists what the registry holds.
pub struct Admin {
    keys: Arc<dyn Keyring>,
    mint: Mint,
    accounts: MacKey,
    records: Arc<Records>,
    catalogue: Arc<Catalogue>,
    /// Says that a ledger takes the acts.
    acts: bool,
    /// The viewer's request for which it acts. `None`: the operator's.
    signed: Option<Signed>,
    /// Counts what viewers change.
    pace: Arc<Pace>,
}

impl Admin {
    /// Makes administration over these services.
    pub fn new(keys: Arc<dyn Keyring>, records: Arc<Records>, catalogue: Arc<Catalogue>) -> Self {
        let mint = Mint::new(keys.edge());
        let accounts = keys.edge().account_key();
        let pace = Arc::default();
        Self { keys, mint, accounts, records, catalogue, acts: false, signed: None, pace }
    }

    /// Keeps what is done as records, until the ledger's log has them.
    #[must_use]
    pub fn with_acts(self) -> Self {
        Self { acts: true, ..self }
    }

    /// Reads one record and proves it.
    ///
    /// # Errors
    /// [`AdminError::Absent`] with `what` if there is no such record; others if no answer is
    /// proven.
    pub async fn read<R: Record>(&self, key: &[u8], what: &'static str) -> Result<R, AdminError> {
        self.records.read::<R>(key).await?.ok_or(AdminError::Absent(what))
    }

    /// Makes a change in one commit. `change` reads what it decides by, and says what is written.
    /// The position is read before, and the commit holds only at that position: whatever `change`
    /// read is so when it is committed. If somebody else writes meanwhile, all is read and decided
    /// again, at most [`TRIES_MAX`] times.
    async fn settle<T>(
        &self,
        change: impl AsyncFn(&mut Writing<'_>) -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        for tries in 1..TRIES_MAX {
            match self.attempt(&change).await {
                Err(AdminError::Conflict) => {}
                settled => return settled,
            }
            // Those who write at one moment must not meet again at the next.
            let [spread] = clock::random();
            let pause = PAUSE * u32::from(spread) / 256 * tries;
            pause_for(pause).await;
        }
        self.attempt(&change).await
    }

    async fn attempt<T>(
        &self,
        change: &impl AsyncFn(&mut Writing<'_>) -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        let mut writing = Writing::begin(self).await?;
        writing.decide_actor().await?;
        let made = change(&mut writing).await?;
        writing.commit().await?;
        Ok(made)
    }

    /// Adds a household with a key of its own.
    pub async fn add_household(
        &self,
        name: &str,
        quota_bytes: u64,
    ) -> Result<HouseholdId, AdminError> {
        let name = label(name)?;
        quota(quota_bytes)?;
        let household = HouseholdId::from_bytes(clock::fresh_id());
        self.keys.add_household(household)?;
        self.settle(async |writing| {
            let sequence = writing.sequence;
            let record = HouseholdRecord {
                household,
                name: name.clone(),
                cameras: vec![],
                members: vec![],
                shares: vec![],
                invitations: vec![],
                closed: vec![],
                transfers: vec![],
                quota_bytes,
                sequence,
            };
            writing.act(Deed::Household, Some(household), None, None);
            writing.put(&record, Expect::Absent)
        })
        .await?;
        Ok(household)
    }

    /// Removes a household, its cameras with their footage, and destroys its key. Of its owners and
    /// members, those who have nothing elsewhere are removed. A removal that fails half-way can be
    /// tried again.
    pub async fn remove_household(&self, household: HouseholdId) -> Result<(), AdminError> {
        for _ in 0..TRIES_MAX {
            if self.try_to_remove_household(household).await? {
                return Ok(());
            }
        }
        Err(AdminError::Conflict)
    }

    /// Returns false if somebody has added to the household meanwhile.
    async fn try_to_remove_household(&self, household: HouseholdId) -> Result<bool, AdminError> {
        let record: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
        for camera in record.cameras {
            match self.remove_camera(camera).await {
                Ok(()) | Err(AdminError::Ended) => {}
                Err(error) => return Err(error),
            }
        }
        for member in record.members {
            self.depart(household, member.viewer).await?;
        }
        match self.keys.destroy_household(household) {
            Ok(()) | Err(KeysError::NoKey) => {}
            Err(error) => return Err(error.into()),
        }
        // What is left are the records of all cameras that it ever had, and its own, which goes
        // last.
        let cameras = self.list::<CameraRecord>("camera").await?;
        let of_household = cameras.iter().filter(|camera| camera.household == household);
        let keys: Vec<_> = of_household.map(Record::key).collect();
        for keys in keys.chunks(CHANGES_MAX) {
            self.settle(async |writing| {
                for key in keys {
                    writing.remove(CameraRecord::KIND, key.clone());
                }
                Ok(())
            })
            .await?;
        }
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            let is_empty = home.cameras.is_empty() && home.people().is_empty();
            if is_empty {
                writing.act(Deed::HouseholdRemoved, Some(household), None, None);
                writing.remove(HouseholdRecord::KIND, household.as_bytes().to_vec());
            }
            Ok(is_empty)
        })
        .await
    }

    /// Enrols a camera in a household. The household's owners see the camera from now on. The
    /// camera hands in footage of `since_milliseconds` (since 1970) and later, or of now and later.
    /// That time is the one in the camera's id.
    ///
    /// # Errors
    /// [`AdminError::Input`] if the name can't be used, or if `since_milliseconds` lies ahead or
    /// more than [`SINCE_MILLISECONDS_MAX`] ago.
    pub async fn add_camera(
        &self,
        household: HouseholdId,
        name: &str,
        serial: &str,
        since_milliseconds: Option<u64>,
    ) -> Result<NewCamera, AdminError> {
        let (name, serial) =
            (label(name)?, serial.chars().take(LABEL_CHARACTERS_MAX).collect::<String>());
        let since = clocks::since(since_milliseconds, clock::now_milliseconds())?;
        let camera = CameraId::from_bytes(clock::fresh_id_of(since));
        let credential = CredentialId::from_bytes(clock::fresh_id());
        self.catalogue.index().begin(household, camera).await?;
        self.settle(async |writing| {
            let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            room_for_a_camera(&home)?;
            let ids = (camera, credential);
            writing.enrol(home, ids, name.clone(), serial.clone()).await
        })
        .await?;
        Ok(self.new_camera(household, camera, credential))
    }

    fn new_camera(
        &self,
        household: HouseholdId,
        camera: CameraId,
        credential: CredentialId,
    ) -> NewCamera {
        let credential = Zeroizing::new(self.mint.camera(household, camera, credential));
        NewCamera { camera, credential }
    }

    /// Reads a camera, and the household that it belongs to.
    async fn camera_at_home(
        &self,
        camera: CameraId,
    ) -> Result<(CameraRecord, HouseholdRecord), AdminError> {
        let record: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
        let home: HouseholdRecord = self.read(record.household.as_bytes(), "household").await?;
        Ok((record, home))
    }

    /// Ends a camera's enrolment. The camera's credential is worth nothing, and no viewer has a
    /// right to the camera any more. The camera's footage goes from the index at once, and from the
    /// store when the server next collects.
    ///
    /// # Errors
    /// [`AdminError::Ended`] if the enrolment had ended already; all that was left of its footage
    /// is gone then too.
    pub async fn remove_camera(&self, camera: CameraId) -> Result<(), AdminError> {
        let record: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
        let has_ended = has_ended(&record);
        if !has_ended {
            self.end_enrolment(camera).await?;
        }
        self.catalogue.forget_camera(record.household, camera).await?;
        if has_ended { Err(AdminError::Ended) } else { Ok(()) }
    }

    async fn end_enrolment(&self, camera: CameraId) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let (mut record, home) = self.camera_at_home(camera).await?;
            record.credential = None;
            record.state = CameraState::On;
            writing.act(Deed::CameraRemoved, Some(record.household), Some(camera), None);
            let expect = writing.renumber(&mut record.sequence);
            writing.put(&record, expect)?;
            let without = |home: &mut HouseholdRecord| {
                home.cameras.retain(|other| *other != camera);
                home.shares.retain(|share| share.camera != camera);
                home.closed.retain(|closed| closed.camera != camera);
            };
            writing.household(home, Along::default(), without).await
        })
        .await
    }

    /// Returns how many bytes of its quota a household uses.
    pub async fn used_bytes(&self, household: HouseholdId) -> Result<u64, AdminError> {
        Ok(self.catalogue.index().household_bytes(household).await?)
    }

    /// Lists the viewers' records and the acts that no ledger has entered yet. `open` is called
    /// after them. Nobody writes between the three.
    ///
    /// # Errors
    /// [`AdminError::Conflict`] if somebody else writes again and again; others if no answer is
    /// proven.
    pub async fn rights_with<T>(
        &self,
        open: impl Fn() -> T,
    ) -> Result<(Vec<ViewerRecord>, Vec<ActRecord>, T), AdminError> {
        for _ in 0..TRIES_MAX {
            let number = self.records.position().await?.rights.number;
            let (viewers, acts) = (self.list("viewer").await?, self.list("act").await?);
            let opened = open();
            if self.records.position().await?.rights.number == number {
                return Ok((viewers, acts, opened));
            }
        }
        Err(AdminError::Conflict)
    }

    /// Returns all records of one kind, each proven under its own key.
    pub async fn list<R: Record>(&self, what: &'static str) -> Result<Vec<R>, AdminError> {
        let mut records = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let keys = listing::keys_after(&self.records, R::KIND, after.as_deref()).await?.keys;
            let Some(last) = keys.last() else { return Ok(records) };
            after = Some(last.clone());
            for key in &keys {
                match self.read::<R>(key, what).await {
                    Ok(record) => records.push(record),
                    // The record was removed after it was listed.
                    Err(AdminError::Absent(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Says whether a camera's enrolment has ended. One that was handed over has not: its people keep
/// what was filmed before.
pub(crate) fn has_ended(camera: &CameraRecord) -> bool {
    camera.credential.is_none() && camera.state != CameraState::Closed
}

/// Refuses one more camera than [`MEMBERS_MAX`].
fn room_for_a_camera(home: &HouseholdRecord) -> Result<(), AdminError> {
    if home.cameras.len() < MEMBERS_MAX {
        return Ok(());
    }
    Err(AdminError::Input(format!("a household has at most {MEMBERS_MAX} cameras")))
}

/// Refuses a quota of 0 bytes. A household with that quota takes no upload, which is more likely a
/// mistake than a wish.
fn quota(bytes: u64) -> Result<(), AdminError> {
    if bytes > 0 {
        return Ok(());
    }
    Err(AdminError::Input(
        "a quota of 0 bytes would refuse every upload; give at least 1 byte".into(),
    ))
}

fn label(name: &str) -> Result<String, AdminError> {
    let name = name.trim();
    let length = name.chars().count();
    // Letters, digits, ASCII's signs, and what is as wide as a picture. The fillers are letters.
    let is_filler = |c| matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    let is_seen = |c: char| {
        let is_sign = c.is_alphanumeric() || c.is_ascii_graphic() || c.width() == Some(2);
        is_sign && c.width() != Some(0) && !c.is_whitespace() && !is_filler(c)
    };
    let is_blank = !name.chars().any(is_seen);
    if is_blank || length > LABEL_CHARACTERS_MAX || !is_plain_text(name) {
        return Err(AdminError::Input(format!(
            "a name must have 1 to {LABEL_CHARACTERS_MAX} characters, one of which is a letter, \
             a digit or a sign, and none of which is a control character, or one that ends a line \
             or turns the direction of writing"
        )));
    }
    Ok(name.to_owned())
}

fn login_name(name: &str) -> Result<(), AdminError> {
    let fits = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.@+".contains(&c));
    if fits {
        return Ok(());
    }
    Err(AdminError::Input(format!(
        "a login name must have 1 to {NAME_BYTES_MAX} characters of a-z, 0-9 and - _ . @ +"
    )))
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]
mod tests;
