//! The bytes of one body, read part by part under the bounds of a stream. FROM CLIENT: all of it.

use super::fragments::{Part, Walker};
use super::pace::Pace;
use super::room::Held;
use super::{Live, LiveError};
use eyesonly_seal::HouseholdId;

/// The most megabits a second of one stream, over ten seconds.
pub const MEGABITS_MAX: u64 = 25;

/// The reader of one body.
pub struct Reader {
    walker: Walker,
    pace: Pace,
    held: Held,
}

impl Reader {
    /// Starts to read a body of this household.
    pub fn new(live: &Live, household: HouseholdId) -> Self {
        Self { walker: Walker::new(), pace: Pace::new(), held: live.room.hold(household) }
    }

    /// Takes the next piece. The parts before it must have been taken.
    ///
    /// # Errors
    /// [`LiveError::TooFast`] if more came within ten seconds than a stream may have. Others as
    /// [`Walker::push`].
    pub fn push(&mut self, piece: &[u8]) -> Result<(), LiveError> {
        if !self.pace.count(piece.len() as u64, MEGABITS_MAX * 1_000_000 / 8) {
            return Err(LiveError::TooFast(MEGABITS_MAX));
        }
        Ok(self.walker.push(piece)?)
    }

    /// Returns the next part that is complete. `None`: the next piece is needed.
    ///
    /// # Errors
    /// [`LiveError::Busy`] if there is no room for what is not complete. Others as
    /// [`Walker::next_part`].
    pub fn next_part(&mut self) -> Result<Option<Part>, LiveError> {
        let part = self.walker.next_part()?;
        if part.is_none() && !self.held.set(self.walker.held_bytes()) {
            return Err(LiveError::Busy);
        }
        Ok(part)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`Walker::end`].
    pub fn end(self) -> Result<(), LiveError> {
        Ok(self.walker.end()?)
    }
}
