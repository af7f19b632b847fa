//! Cameras that are switched off and on, and cameras that change hands.
//!
//! A transfer closes the enrolment. Its credential is worth nothing from then on. Its people keep
//! what was filmed before, and see nothing of after. The new household gets an enrolment of its
//! own, with a new id and a new credential, and never opens what was filmed before.

use super::household::{Closed, HouseholdRecord, Transfer};
use super::people::{end_invitations, input};
use super::token::TRANSFER;
use super::writing::{Along, Writing};
use super::{Admin, AdminError, Deed, NewCamera, label, room_for_a_camera};
use crate::clock;
use crate::ingest::DRIFT_MILLISECONDS_MAX;
use eyesonly_rights::{CameraRecord, CameraState};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId};
use zeroize::Zeroizing;

/// How long a transfer may be accepted, in seconds.
pub const TRANSFER_SECONDS: u64 = 72 * 3600;

/// The most cameras that a household has handed over and not removed.
pub const CLOSED_MAX: usize = 256;

/// A transfer that was just offered.
pub struct Offered {
    /// The token, shown once.
    pub token: Zeroizing<String>,
    /// When the offer ends, in seconds since 1970.
    pub until_seconds: u64,
}

/// The camera that changes hands.
#[derive(Clone, Copy)]
enum Which {
    /// One that the asker owns.
    Owned(CameraId),
    /// One of this household that was offered so.
    Offered(HouseholdId, CredentialId),
}

impl Admin {
    /// Switches a camera off or on. A camera that is off hands in nothing: what is under way is
    /// refused.
    ///
    /// # Errors
    /// [`AdminError::Ended`] if the camera has no credential any more. [`AdminError::Absent`] if
    /// there is no such camera, or if the asker does not own it.
    pub async fn switch(&self, camera: CameraId, on: bool) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let (mut record, _) = writing.owned_camera(camera).await?;
            if record.credential.is_none() {
                return Err(AdminError::Ended);
            }
            let (state, deed) = match on {
                true => (CameraState::On, Deed::SwitchedOn),
                false => (CameraState::Off, Deed::SwitchedOff),
            };
            if record.state == state {
                return Ok(());
            }
            record.state = state;
            writing.act(deed, Some(record.household), Some(camera), None);
            let expect = writing.renumber(&mut record.sequence);
            writing.put(&record, expect)
        })
        .await
    }

    /// Offers a camera to another household. Whoever owns one and has the token may take it, once.
    /// An earlier offer of the camera ends.
    ///
    /// # Errors
    /// As [`Admin::switch`].
    pub async fn offer_camera(&self, camera: CameraId) -> Result<Offered, AdminError> {
        let transfer = CredentialId::from_bytes(clock::fresh_id());
        let until_seconds = clock::now_seconds().saturating_add(TRANSFER_SECONDS);
        let household = self.settle(async |writing| {
            let (record, home) = writing.owned_camera(camera).await?;
            if record.credential.is_none() {
                return Err(AdminError::Ended);
            }
            let giver = writing.actor;
            let made = Transfer { transfer, camera, giver, until_seconds };
            let change = |home: &mut HouseholdRecord| {
                end_transfers(home, camera);
                home.transfers.push(made);
            };
            writing.household(home, Along::default(), change).await?;
            Ok(record.household)
        });
        let household = household.await?;
        Ok(Offered { token: self.token(TRANSFER, household, transfer), until_seconds })
    }

    /// Takes the offer of a camera back.
    ///
    /// # Errors
    /// [`AdminError::Absent`] if there is none, or if the asker does not own the camera.
    pub async fn keep_camera(&self, camera: CameraId) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let (_, home) = writing.owned_camera(camera).await?;
            if !home.transfers.iter().any(|transfer| transfer.camera == camera) {
                return Err(AdminError::Absent("transfer"));
            }
            let without = |home: &mut HouseholdRecord| end_transfers(home, camera);
            writing.household(home, Along::default(), without).await
        })
        .await
    }

    /// Takes a camera that was offered, into a household of the asker's, under a new name. The old
    /// enrolment is closed in the same commit. FROM CLIENT: the token and the name.
    ///
    /// # Errors
    /// [`AdminError::NoInvitation`] if the token is not one of an offer that holds.
    /// [`AdminError::Input`] if it is the same household, or if the name can't be used.
    pub async fn take_camera(
        &self,
        token: &str,
        household: HouseholdId,
        name: &str,
    ) -> Result<NewCamera, AdminError> {
        let (from, transfer) = self.opened(TRANSFER, token)?;
        self.move_camera(Which::Offered(from, transfer), household, name).await
    }

    /// Hands a camera over to another household, under this name, as if it had been offered and
    /// taken. The asker owns one in both.
    ///
    /// # Errors
    /// As [`Admin::switch`], and [`AdminError::Input`] as of [`Admin::take_camera`].
    pub async fn hand_over(
        &self,
        camera: CameraId,
        household: HouseholdId,
        name: &str,
    ) -> Result<NewCamera, AdminError> {
        self.move_camera(Which::Owned(camera), household, name).await
    }

    async fn move_camera(
        &self,
        which: Which,
        household: HouseholdId,
        name: &str,
    ) -> Result<NewCamera, AdminError> {
        let name = label(name)?;
        let credential = CredentialId::from_bytes(clock::fresh_id());
        self.settle(async |writing| {
            let to: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            writing.allow_owner(&to)?;
            room_for_a_camera(&to)?;
            let (old, home) = self.moved(writing, which).await?;
            if home.household == household {
                return Err(input("the camera is this household's already"));
            }
            if home.closed.len() >= CLOSED_MAX {
                return Err(input(
                    "this household has handed over as many cameras as it may; whoever runs the \
                     edge removes some first",
                ));
            }
            let camera = CameraId::from_bytes(clock::fresh_id_of(self.after(old.camera).await?));
            self.catalogue.index().begin(household, camera).await?;
            let old = close(writing, old, home).await?;
            writing.enrol(to, (camera, credential), name.clone(), old.serial).await?;
            Ok(self.new_camera(household, camera, credential))
        })
        .await
    }

    /// Returns the time in the id of a camera's next enrolment, in milliseconds since 1970. What
    /// was filmed before is not taken then, whether the camera's clock is behind or ahead.
    async fn after(&self, camera: CameraId) -> Result<u64, AdminError> {
        let heard = self.heard(camera).await?;
        let ahead = heard.map_or(0, |heard| heard.offset_milliseconds.max(0).cast_unsigned());
        let now = clock::now_milliseconds().saturating_add(ahead);
        Ok(now.saturating_add(DRIFT_MILLISECONDS_MAX))
    }

    /// Reads the camera that changes hands, with its household.
    async fn moved(
        &self,
        writing: &mut Writing<'_>,
        which: Which,
    ) -> Result<(CameraRecord, HouseholdRecord), AdminError> {
        let (from, transfer) = match which {
            Which::Owned(camera) => {
                let (record, home) = writing.owned_camera(camera).await?;
                return match record.credential {
                    Some(_) => Ok((record, home)),
                    None => Err(AdminError::Ended),
                };
            }
            Which::Offered(from, transfer) => (from, transfer),
        };
        let home = self.records.read::<HouseholdRecord>(from.as_bytes()).await?;
        let home = home.ok_or(AdminError::NoInvitation)?;
        let now = clock::now_seconds();
        let holds = |one: &&Transfer| one.transfer == transfer && now < one.until_seconds;
        let camera = home.transfers.iter().find(holds).ok_or(AdminError::NoInvitation)?.camera;
        let record: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
        if record.credential.is_none() {
            return Err(AdminError::NoInvitation);
        }
        Ok((record, home))
    }
}

/// Closes the enrolment of a camera.
async fn close(
    writing: &mut Writing<'_>,
    mut record: CameraRecord,
    home: HouseholdRecord,
) -> Result<CameraRecord, AdminError> {
    let camera = record.camera;
    (record.credential, record.state) = (None, CameraState::Closed);
    writing.act(Deed::HandedOver, Some(home.household), Some(camera), None);
    let expect = writing.renumber(&mut record.sequence);
    writing.put(&record, expect)?;
    let at_milliseconds = clock::now_milliseconds().saturating_add(DRIFT_MILLISECONDS_MAX);
    let closed = Closed { camera, at_milliseconds };
    let change = |home: &mut HouseholdRecord| {
        end_transfers(home, camera);
        end_invitations(home, camera);
        home.closed.push(closed);
    };
    writing.household(home, Along::default(), change).await?;
    Ok(record)
}

fn end_transfers(home: &mut HouseholdRecord, camera: CameraId) {
    home.transfers.retain(|other| other.camera != camera);
}
