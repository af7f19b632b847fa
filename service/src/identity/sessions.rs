//! The sessions of one viewer: listed, ended, and bounded in number.

use super::Identity;
use crate::chain::Chain;
use crate::clock;
use crate::listing::{ListError, keys_after};
use eyesonly_gate::registry::{Change, Expect, RegistryError};
use eyesonly_gate::{Records, Refused, Seam};
use eyesonly_rights::{Record, Requester, SessionRecord, ViewerRecord};
use eyesonly_seal::{SessionId, ViewerId};

/// The most sessions of one viewer. One more ends the oldest.
pub const SESSIONS_MAX: usize = 64;
/// The longest name of a client that is kept, in characters.
pub(super) const CLIENT_CHARACTERS_MAX: usize = 200;

/// A session of a viewer, as the viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The session.
    pub session: SessionId,
    /// When it started, in milliseconds since 1970. `None` if its id does not say.
    pub since_milliseconds: Option<u64>,
    /// When it ends by itself, in seconds since 1970.
    pub expires_at_seconds: u64,
    /// What the client called itself when it signed in.
    pub client: String,
}

impl Identity {
    /// Lists the live sessions of a viewer, the newest first.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] if the registry gives no proven answer. [`Refused::Unidentified`]
    /// if there is no such viewer.
    pub async fn sessions(&self, viewer: ViewerId) -> Result<Vec<Listed>, Refused> {
        let records = &self.records;
        let rights = records.read::<ViewerRecord>(viewer.as_bytes()).await?;
        let epoch = rights.ok_or(Refused::Unidentified)?.epoch;
        let now = clock::now_seconds();
        let mut live = Vec::new();
        for key in keys_of(records, viewer).await? {
            // A session may have ended since it was listed.
            let Some(record) = records.read::<SessionRecord>(&key).await? else { continue };
            let SessionRecord { session, expires_at_seconds, client, .. } = record;
            if record.epoch == epoch && expires_at_seconds > now {
                let since_milliseconds = clock::time_of(session.as_bytes());
                live.push(Listed { session, since_milliseconds, expires_at_seconds, client });
            }
        }
        live.reverse();
        Ok(live)
    }

    /// Ends a session of a requester's own, which may be the one that asks.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if the requester has no such session. [`Refused::Unavailable`]: the
    /// session has not ended.
    pub async fn end(&self, requester: &Requester, session: SessionId) -> Result<(), Refused> {
        let ends = ending(requester.viewer(), session, Expect::Present);
        match self.records.commit(vec![ends], None).await {
            Ok(_) => Ok(()),
            Err(RegistryError::Conflict) => Err(Refused::NotFound),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Refused::Unavailable`]: the session has not ended.
    pub async fn logout(&self, requester: &Requester) -> Result<(), Refused> {
        let ends = ending(requester.viewer(), requester.session(), Expect::Any);
        self.records.commit(vec![ends], None).await.map(|_| ()).map_err(unavailable)
    }

    /// Takes back a session that was just started, and was not given out.
    pub async fn take_back(&self, new: &super::NewSession) {
        let ends = ending(new.viewer, new.session, Expect::Any);
        if let Err(error) = self.records.commit(vec![ends], None).await {
            tracing::error!(error = %Chain(&error), "a session that nobody has was not ended");
        }
    }

    /// Makes the changes that leave room for one more session of a viewer: those whose time is over
    /// go, and of more than [`SESSIONS_MAX`] the oldest. Only the times in their ids count, so a
    /// record that can't be read keeps nobody out.
    pub(super) async fn room(&self, viewer: ViewerId) -> Result<Vec<Change>, Refused> {
        let keys = keys_of(&self.records, viewer).await?;
        let over =
            clock::now_milliseconds().saturating_sub(self.session_seconds.saturating_mul(1000));
        let (ended, live): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| {
            session_in(key).and_then(|id| clock::time_of(&id)).is_some_and(|since| since < over)
        });
        let too_many = live.len().saturating_sub(SESSIONS_MAX - 1);
        // A session's id begins with its time, so the oldest come first.
        let oldest = live.into_iter().take(too_many);
        let remove =
            |key| Change { kind: SessionRecord::KIND, key, expect: Expect::Any, record: None };
        Ok(ended.into_iter().chain(oldest).map(remove).collect())
    }
}

fn session_in(key: &[u8]) -> Option<[u8; 16]> {
    key.last_chunk::<16>().copied()
}

fn ending(viewer: ViewerId, session: SessionId, expect: Expect) -> Change {
    let key = SessionRecord::key_of(viewer, session).to_vec();
    Change { kind: SessionRecord::KIND, key, expect, record: None }
}

fn unavailable(error: RegistryError) -> Refused {
    tracing::error!(error = %Chain(&error), "a session was not ended");
    Refused::Unavailable(Seam::Registry, Some(Box::new(error)))
}

/// Lists the keys of a viewer's sessions, at most a page of them.
async fn keys_of(records: &Records, viewer: ViewerId) -> Result<Vec<Vec<u8>>, Refused> {
    let of_viewer = viewer.as_bytes();
    // Each key of the viewer's sessions begins with the viewer's id and goes on.
    let listing = keys_after(records, SessionRecord::KIND, Some(of_viewer)).await;
    let mut keys = match listing {
        Ok(listing) => listing.keys,
        Err(ListError::Unproven) => return Err(Refused::Unavailable(Seam::Registry, None)),
        Err(ListError::Registry(error)) => {
            return Err(Refused::Unavailable(Seam::Registry, Some(Box::new(error))));
        }
    };
    keys.retain(|key| key.starts_with(of_viewer));
    Ok(keys)
}

/// Returns what a client calls itself, as it is kept: one short line. FROM CLIENT.
pub(super) fn client_name(said: &str) -> String {
    said.chars().filter(|c| !c.is_control()).take(CLIENT_CHARACTERS_MAX).collect()
}
