//! Turns: how many uploads may be under way, in all and of one household, so that one household's cameras can't stop another's.

use super::IngestError;
use eyesonly_seal::HouseholdId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most uploads at once; each holds up to two parts of the store (2 MiB), and only once so much has come.
pub const UPLOADS_MAX: usize = 256;
/// Most uploads at once of one household: its cameras come back together after an outage, and this many are served at a time.
pub const UPLOADS_OF_HOUSEHOLD_MAX: usize = 16;
/// How long an upload waits for its turn before it is told to come back.
const WAIT_SECONDS_MAX: u64 = 5;

/// Gives turns.
pub struct Turns {
    all: Arc<Semaphore>,
    households: Mutex<HashMap<HouseholdId, Arc<Semaphore>>>,
    wait: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(UPLOADS_MAX)),
            households: Mutex::default(),
            wait: Duration::from_secs(WAIT_SECONDS_MAX),
        }
    }
}

/// One turn: held until the upload has ended.
pub struct Turn<'a> {
    turns: &'a Turns,
    household: HouseholdId,
    /// None only while it is dropped.
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.permits = None;
        if let Ok(mut households) = self.turns.households.lock()
            && households
                .get(&self.household)
                .is_some_and(|own| Arc::strong_count(own) == 1)
        {
            households.remove(&self.household);
        }
    }
}

impl Turns {
    /// Waits for a turn of this household.
    ///
    /// # Errors
    /// [`IngestError::Busy`] if none came in time.
    pub async fn wait(&self, household: HouseholdId) -> Result<Turn<'_>, IngestError> {
        let own = {
            let mut households = self.households.lock().map_err(|_| IngestError::Busy)?;
            Arc::clone(
                households
                    .entry(household)
                    .or_insert_with(|| Arc::new(Semaphore::new(UPLOADS_OF_HOUSEHOLD_MAX))),
            )
        };
        let both = async {
            // The household's own turn first: who waits for it holds nobody else up.
            let own = own.acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some((own, all))
        };
        let permits = tokio::time::timeout(self.wait, both).await;
        match permits {
            Ok(Some(permits)) => Ok(Turn {
                turns: self,
                household,
                permits: Some(permits),
            }),
            _ => Err(IngestError::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_households_uploads_do_not_stop_anothers() {
        let (turns, one, two) = (
            Turns {
                wait: Duration::ZERO,
                ..Turns::default()
            },
            HouseholdId::from_bytes([1; 16]),
            HouseholdId::from_bytes([2; 16]),
        );
        let mut held = Vec::new();
        for _ in 0..UPLOADS_OF_HOUSEHOLD_MAX {
            held.push(turns.wait(one).await.unwrap());
        }
        assert!(matches!(turns.wait(one).await, Err(IngestError::Busy)));
        assert!(turns.wait(two).await.is_ok());
        held.pop();
        assert!(turns.wait(one).await.is_ok());
        held.clear();
        assert!(
            turns.households.lock().unwrap().is_empty(),
            "nothing is kept of a household that uploads nothing"
        );
    }
}
