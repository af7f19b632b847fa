//! Footage on its way out, piece by piece. Its first piece has opened before anything is answered, so it is known to be what it should be.
//!
//! INVARIANT: what leaves is held under the very grant that this instance admitted, which lives until the departure is dropped. After a piece that
//! could not be proven there is none: it must never look like an end.

use crate::admission::answer;
use crate::contract::Object;
use crate::state::Vault;
use bytes::Bytes;
use eyesonly_service::footage::{FootageError, Held, Pieces};
use eyesonly_service::ledger::{Fault, Handed, Seam};
use eyesonly_web::problem::Problem;
use std::cell::RefCell;
use std::sync::Arc;

/// Footage on its way out.
pub struct Departure(RefCell<Leaving>);

struct Leaving {
    source: Held,
    first: Option<Bytes>,
    rest: Pieces,
    is_cut: bool,
}

impl Vault {
    /// The way out for `length` bytes of `source` from `offset`.
    ///
    /// # Errors
    /// [`Problem`]: nothing leaves.
    pub fn depart(
        &self,
        credential: &str,
        handed: Handed,
        event: Option<&str>,
        source: Object,
        (offset, length): (u64, u64),
    ) -> Result<Departure, Problem> {
        let source = source.into_held();
        if !self.granted().is_some_and(|grant| Arc::ptr_eq(grant, source.grant())) {
            let camera = self.granted().map(|grant| grant.scope().camera());
            self.admission().refuse(Seam::WayOut, Fault::WrongAnswer, camera);
            return Err(Problem::Unavailable);
        }
        answer(source.prove_length())?;
        let mut rest = Pieces::new(&source, offset, length)?;
        let first = answer(rest.next(&source))?.ok_or(FootageError::Unavailable)?;
        self.pass(credential, handed, event, length)?;
        Ok(Departure(RefCell::new(Leaving {
            source,
            first: Some(first),
            rest,
            is_cut: false,
        })))
    }
}

impl Departure {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// [`Problem`]: what was sent must be cut off there.
    pub fn next_piece(&self) -> Result<Option<Vec<u8>>, Problem> {
        let mut leaving = self.0.try_borrow_mut().map_err(|_| Problem::Unavailable)?;
        let Leaving {
            source,
            first,
            rest,
            is_cut,
        } = &mut *leaving;
        if *is_cut {
            return Err(Problem::Unavailable);
        }
        if let Some(first) = first.take() {
            return Ok(Some(first.into()));
        }
        let piece = answer(rest.next(source));
        *is_cut = piece.is_err();
        Ok(piece?.map(Vec::from))
    }
}
