//! What viewers change: invitations, shares, members, switches and transfers. FROM CLIENT: every id
//! and body.
//!
//! Both editions make their changes here. Who may do it is decided by administration, inside each
//! commit, and never here.

use crate::problem::Problem;
use crate::routes::Name;
use crate::sharing::{self, Confirm, Invite, Member, Switch, Take, Token};
use eyesonly_gate::{Identified, Records};
use eyesonly_rights::{CameraRecord, CameraState};
use eyesonly_seal::CameraId;
use eyesonly_service::admin::{Admin, HouseholdRecord, Invitation, Share};
use eyesonly_service::clock;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::str::FromStr;

/// The parameters of an address, by their names.
#[derive(Debug, Default)]
pub struct Ids(Vec<(String, String)>);

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Ids {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(parameters: T) -> Self {
        Self(parameters.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Ids {
    /// Returns the text of a parameter. It is empty if the address has none of this name.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Reads the id that a parameter is.
    ///
    /// # Errors
    /// [`Problem::NotFound`] if it is none.
    pub fn id<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.text(name).parse().map_err(|_| Problem::NotFound)
    }
}

/// What became of a change.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// It is done, and there is nothing to say.
    Done,
    /// This camera is switched off.
    Off(CameraId),
    /// It is done, and this is private to whoever did it.
    Made(StatusCode, Value),
}

/// Says whether a change counts for the pace of its viewer. What only takes something away does
/// not: nobody who has changed too much, by a session that was stolen too, is kept from it.
pub fn is_counted(row: Name, body: &[u8]) -> bool {
    let is_off = |Switch { on }| !on;
    row.can_give() && !(row == Name::Switch && sharing::read(body).is_ok_and(is_off))
}

/// Makes the change of a row. `admin` acts for the viewer who asks, and `body` is empty if the row
/// has none.
///
/// # Errors
/// [`Problem`]: nothing was changed, unless it is [`Problem::Unavailable`].
pub async fn change(admin: &Admin, row: Name, ids: &Ids, body: &[u8]) -> Result<Told, Problem> {
    match row {
        Name::Ask => {
            let Token { token } = sharing::read(body)?;
            let accepted = admin.accept(&token, None).await?;
            return Ok(Told::Made(StatusCode::OK, sharing::accepted(accepted)));
        }
        Name::Invite => {
            let (offer, seconds) = sharing::read::<Invite>(body)?.offer();
            let invited = admin.invite(ids.id("household")?, offer, seconds).await?;
            let value = json!({
                "id": invited.invitation, "token": *invited.token,
                "until_seconds": invited.until_seconds,
            });
            return Ok(Told::Made(StatusCode::CREATED, value));
        }
        Name::OfferCamera => {
            let offered = admin.offer_camera(ids.id("camera")?).await?;
            let value = json!({
                "token": *offered.token, "until_seconds": offered.until_seconds,
            });
            return Ok(Told::Made(StatusCode::CREATED, value));
        }
        Name::TakeCamera => {
            let Take { token, name } = sharing::read(body)?;
            let new = admin.take_camera(&token, ids.id("household")?, &name).await?;
            let value = json!({ "camera": new.camera, "credential": *new.credential });
            return Ok(Told::Made(StatusCode::CREATED, value));
        }
        Name::Switch => {
            let Switch { on } = sharing::read(body)?;
            let camera = ids.id("camera")?;
            admin.switch(camera, on).await?;
            return Ok(if on { Told::Done } else { Told::Off(camera) });
        }
        Name::Withdraw => admin.withdraw(ids.id("household")?, ids.id("invitation")?).await?,
        Name::Confirm => {
            let Confirm { viewer } = sharing::read(body)?;
            admin.confirm(ids.id("household")?, ids.id("invitation")?, viewer).await?;
        }
        Name::PutShare => {
            let sharing::Change { kinds, window, expires_at_seconds } = sharing::read(body)?;
            let (camera, viewer) = (ids.id("camera")?, ids.id("viewer")?);
            let share = Share { camera, viewer, giver: None, kinds, window, expires_at_seconds };
            admin.share(share).await?;
        }
        Name::DeleteShare => admin.unshare(ids.id("camera")?, ids.id("viewer")?).await?,
        Name::PutMember => {
            let Member { role, hours } = sharing::read(body)?;
            let seconds = hours.map(|hours| hours.saturating_mul(3600));
            let (household, viewer) = (ids.id("household")?, ids.id("viewer")?);
            admin.set_member(household, viewer, role, seconds).await?;
        }
        Name::DeleteMember => {
            admin.remove_member(ids.id("household")?, ids.id("viewer")?).await?;
        }
        Name::KeepCamera => admin.keep_camera(ids.id("camera")?).await?,
        _ => return Err(Problem::NotFound),
    }
    Ok(Told::Done)
}

/// What stands beside a viewer's cameras, but for who watches them.
#[derive(Debug, Default)]
pub struct Signs {
    /// The cameras that are switched off.
    pub off: Vec<CameraId>,
    /// The cameras that were handed over.
    pub closed: Vec<CameraId>,
    /// How many people ask the viewer to confirm them.
    pub asks: usize,
    /// How many cameras the viewer sees.
    pub cameras: usize,
}

impl Signs {
    /// Returns it as JSON, with who watches: a camera and a name each.
    pub fn with_watching(&self, watching: &[Value]) -> Value {
        let Self { off, closed, asks, cameras } = self;
        json!({
            "watching": watching, "off": off, "closed": closed, "asks": asks, "cameras": cameras,
        })
    }
}

/// Reads what stands beside a viewer's cameras.
///
/// # Errors
/// [`Problem::Unavailable`] if no answer is proven.
pub async fn signs(records: &Records, identified: &Identified) -> Result<Signs, Problem> {
    let (mut signs, mut homes) = (Signs::default(), BTreeSet::new());
    for camera in identified.rights().cameras() {
        signs.cameras += 1;
        let record = records.read::<CameraRecord>(camera.camera.as_bytes()).await?;
        match record.map(|record| record.state) {
            Some(CameraState::Off) => signs.off.push(camera.camera),
            Some(CameraState::Closed) => signs.closed.push(camera.camera),
            _ => {}
        }
        if camera.may_delete {
            homes.insert(*camera.household.as_bytes());
        }
    }
    for home in homes {
        let home = records.read::<HouseholdRecord>(&home).await?;
        let home = home.map(|home| home.in_force(clock::now_seconds()));
        let asks = |one: &&Invitation| one.request.is_some_and(|request| !request.confirmed);
        signs.asks += home.map_or(0, |home| home.invitations.iter().filter(asks).count());
    }
    Ok(signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_or_nothing_is_found() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let ids: Ids = [("camera", id), ("viewer", "me")].into_iter().collect();
        assert_eq!(ids.id::<CameraId>("camera").ok(), id.parse().ok());
        assert_eq!(ids.id::<CameraId>("viewer"), Err(Problem::NotFound));
        assert_eq!(ids.id::<CameraId>("household"), Err(Problem::NotFound));
    }

    #[test]
    fn a_camera_is_switched_off_however_often_something_was_given() {
        assert!(!is_counted(Name::Switch, br#"{"on":false}"#));
        for body in [r#"{"on":true}"#, "", "{}", r#"{"on":false,"on":true}"#] {
            assert!(is_counted(Name::Switch, body.as_bytes()));
        }
        assert!(is_counted(Name::PutShare, br#"{"on":false}"#));
        assert!(!is_counted(Name::DeleteShare, b""));
    }
}
