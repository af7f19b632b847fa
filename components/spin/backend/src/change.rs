//! What viewers change of their households and accounts. FROM CLIENT: every text and body.
//!
//! INVARIANT: an instance makes one change. Who may make it is decided by administration, inside
//! the commit, as in the native host.

use crate::admission::{answer, client};
use crate::state::Backend;
use eyesonly_gate::{Identified, RawCredential};
use eyesonly_service::admin::{Admin, Newcomer, Signed};
use eyesonly_web::change::{Ids, Told, change, signs};
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::{self, Name};
use eyesonly_web::sharing::{self, NewAccount, Password, Token};
use http::StatusCode;
use serde_json::Value;
use std::cell::Cell;
use std::sync::Arc;

/// A change that is asked for by a viewer who is signed in.
pub struct Asked {
    row: Name,
    ids: Ids,
    credential: RawCredential,
    identified: Identified,
    is_made: Cell<bool>,
}

fn made(status: StatusCode, value: Value) -> Told {
    Told::Made(status, value)
}

impl Backend {
    fn admin(&self) -> Admin {
        let (keys, records) = (Arc::clone(self.keys()) as _, Arc::clone(self.records()));
        Admin::new(keys, records, Arc::clone(self.catalogue())).with_acts()
    }

    /// Says who asks for a change, and for which.
    pub fn asks(&self, method: &str, path: &str, credential: &str) -> Result<Asked, Problem> {
        self.first_question()?;
        let (route, parameters) = routes::find(method, path)?;
        let (row, ids) = (route.name, Ids::from_iter(parameters));
        let raw = RawCredential::new(credential);
        let identified = answer(self.admission().rights(&raw, ids.text("tag")))?;
        Ok(Asked { row, ids, credential: raw, identified, is_made: Cell::new(false) })
    }

    /// Makes a change.
    pub fn make(&self, asked: &Asked, body: &[u8], address: &str) -> Result<Told, Problem> {
        if asked.is_made.replace(true) {
            return Err(Problem::Unavailable);
        }
        let requester = asked.identified.rights().requester();
        match asked.row {
            Name::EndSession => {
                answer(self.identity().end(requester, asked.ids.id("session")?))?;
                self.ledger().signed_out(requester.viewer());
                Ok(Told::Done)
            }
            Name::Password => {
                let Password { old, new } = sharing::read(body)?;
                let name = asked.identified.rights().viewer_name();
                let checked = answer(self.identity().check(name, old, client(address)))?;
                let password_hash = answer(self.identity().hash(new))?;
                answer(self.by(asked).change_password(&checked, password_hash))?;
                Ok(Told::Done)
            }
            row => answer(change(&self.by(asked), row, &asked.ids, body)),
        }
    }

    /// Returns the administration that acts for whoever asks.
    fn by(&self, asked: &Asked) -> Admin {
        let (door, raw) = (Arc::clone(self.admission()), asked.credential.text());
        let raw = RawCredential::new(raw);
        self.admin().by(Signed { door, raw, tag: asked.ids.text("tag").to_owned() })
    }

    /// Says what an invitation offers.
    pub fn look(&self, body: &[u8]) -> Result<Told, Problem> {
        self.first_question()?;
        let Token { token } = sharing::read(body)?;
        let shown = answer(self.admin().look(&token))?;
        Ok(made(StatusCode::OK, sharing::shown(&shown)))
    }

    /// Makes an account by an invitation. Without a token that may make one, no password is hashed.
    pub fn join(&self, body: &[u8], address: &str) -> Result<Told, Problem> {
        self.first_question()?;
        let NewAccount { token, name, password } = sharing::read(body)?;
        let (admin, address) = (self.admin(), client(address));
        answer(admin.may_join(&token, &name))?;
        let password_hash = answer(self.identity().newcomer(&name, password, address))?;
        let newcomer = Newcomer { name, password_hash };
        let accepted = answer(admin.accept(&token, Some(&newcomer)))?;
        self.identity().joined(&newcomer.name, address);
        Ok(made(StatusCode::CREATED, sharing::accepted(accepted)))
    }

    /// Returns what the viewer shares and has from others, as a page without any of it, or as data.
    pub fn sharing(&self, credential: &str, tag: &str, is_page: bool) -> Result<Vec<u8>, Problem> {
        let identified = self.list_cameras(credential, tag)?;
        if is_page {
            let page = eyesonly_web::viewer::sharing_page(identified.rights().viewer_name());
            return Ok(page.into());
        }
        let (door, raw) = (Arc::clone(self.admission()), RawCredential::new(credential));
        let admin = self.admin().by(Signed { door, raw, tag: tag.to_owned() });
        Ok(sharing::sharing(&answer(admin.sharing())?).to_string().into())
    }

    /// Says what stands beside the viewer's cameras. Nobody watches live here.
    pub fn watching(&self, credential: &str, tag: &str) -> Result<Value, Problem> {
        let identified = self.list_cameras(credential, tag)?;
        Ok(answer(signs(self.records(), identified))?.with_watching(&[]))
    }
}
