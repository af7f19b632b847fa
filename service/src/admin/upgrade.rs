//! Upgrades of records that an older version wrote.
//!
//! An upgrade must never lose a record: what is removed and what is written in its place are one
//! commit. It does nothing where nothing is old, so every process may call it.

use super::{Admin, AdminError};
use crate::clock;
use crate::identity::{AccountRecord, account_name};
use crate::listing::keys_after;
use eyesonly_gate::registry::{CHANGES_MAX, Change, Expect, RegistryError};
use eyesonly_rights::{Record, SessionRecord};
use eyesonly_seal::{SessionId, ViewerId};
use serde::{Deserialize, Serialize};

/// The accounts of one commit. Each of them is two changes.
const ACCOUNTS: usize = CHANGES_MAX / 2;

/// An account as earlier versions kept it: the record's key was the login name in the clear.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginRecord {
    name: String,
    viewer: ViewerId,
    password_hash: String,
    sequence: u64,
}

impl Record for LoginRecord {
    const KIND: &'static str = "login";
    fn key(&self) -> Vec<u8> {
        self.name.as_bytes().to_vec()
    }
    fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// A session as earlier versions kept it: the record's key was its own id alone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldSession {
    session: SessionId,
    viewer: ViewerId,
    #[serde(default)]
    epoch: u64,
    expires_at_seconds: u64,
}

impl Record for OldSession {
    const KIND: &'static str = SessionRecord::KIND;
    fn key(&self) -> Vec<u8> {
        self.session.as_bytes().to_vec()
    }
    fn sequence(&self) -> u64 {
        0
    }
}

impl Admin {
    /// Takes login names out of the keys of the registry, and puts sessions under their viewers.
    /// Returns the number of records that were written anew.
    ///
    /// # Errors
    /// [`AdminError`]; the records that were not reached stay as they are, and the next call takes
    /// them.
    pub async fn upgrade(&self) -> Result<usize, AdminError> {
        // What keeps one of them back must not keep the other.
        let (accounts, sessions) = (self.upgrade_accounts().await, self.upgrade_sessions().await);
        Ok(accounts? + sessions?)
    }

    async fn upgrade_sessions(&self) -> Result<usize, AdminError> {
        let mut after: Option<Vec<u8>> = None;
        let mut count = 0;
        loop {
            let page = keys_after(&self.records, OldSession::KIND, after.as_deref()).await?;
            let Some(last) = page.keys.last() else { return Ok(count) };
            after = Some(last.clone());
            let mut changes = Vec::new();
            for key in page.keys.iter().filter(|key| key.len() == 16) {
                // One that does not open is nobody's session: it stays as it is.
                let Ok(Some(old)) = self.records.read::<OldSession>(key).await else { continue };
                let (key, OldSession { session, viewer, epoch, expires_at_seconds }) =
                    (old.key(), old);
                let client = String::new();
                let new = SessionRecord { session, viewer, epoch, expires_at_seconds, client };
                let record = Some(self.mint.seal(&new, clock::random())?);
                let (kind, expect) = (SessionRecord::KIND, Expect::Absent);
                changes.push(Change { kind, key: new.key(), expect, record });
                // One that has ended meanwhile must not come back.
                changes.push(Change { kind, key, expect: Expect::Present, record: None });
            }
            if changes.is_empty() {
                continue;
            }
            let sessions = changes.len() / 2;
            match self.records.commit(changes, None).await {
                Ok(_) => count += sessions,
                // Some of them have ended meanwhile. The next start takes the rest.
                Err(RegistryError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn upgrade_accounts(&self) -> Result<usize, AdminError> {
        let old = self.list::<LoginRecord>("login").await?;
        for some in old.chunks(ACCOUNTS) {
            self.settle(async |writing| {
                let sequence = writing.sequence;
                for login in some {
                    // Another process may have been here meanwhile.
                    if self.records.read::<LoginRecord>(&login.key()).await?.is_none() {
                        continue;
                    }
                    let account = AccountRecord {
                        account: account_name(&self.accounts, &login.name),
                        viewer: login.viewer,
                        password_hash: login.password_hash.clone(),
                        epoch: 0,
                        sequence,
                    };
                    writing.put(&account, Expect::Absent)?;
                    writing.remove(LoginRecord::KIND, login.key());
                }
                Ok(())
            })
            .await?;
        }
        Ok(old.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;
    use crate::admin::writing::Writing;
    use crate::catalogue::Catalogue;
    use crate::identity::{Identity, Throttle};
    use crate::index::memory::MemoryIndex;
    use crate::keys::memory::MemoryKeys;
    use crate::ledger::MemoryLedger;
    use crate::registry::memory::MemoryRegistry;
    use crate::testing::doors;
    use eyesonly_seal::HouseholdId;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn password() -> Zeroizing<String> {
        Zeroizing::new("a long password".to_owned())
    }

    /// Makes an administration over seams in memory, with one household.
    async fn home() -> (Arc<MemoryKeys>, Admin, HouseholdId) {
        let (keys, ledger) = (Arc::new(MemoryKeys::default()), Arc::new(MemoryLedger::default()));
        let registry = Arc::new(MemoryRegistry::default());
        let (records, _) = doors(Arc::clone(&keys) as _, registry, ledger);
        let catalogue = Catalogue::new(Arc::new(MemoryIndex::default()), Arc::clone(&records));
        let admin = Admin::new(Arc::clone(&keys) as _, records, catalogue);
        let home = admin.add_household("Alder Lane 4", 1 << 40).await.unwrap();
        (keys, admin, home)
    }

    async fn signs_in(identity: &Identity, name: &str) -> bool {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        identity.login(name, password(), address, "a test").await.is_ok()
    }

    /// Puts the account back as older versions kept it.
    async fn age(admin: &Admin, name: &str) {
        let account = account_name(&admin.accounts, name);
        let now: AccountRecord = admin.read(account.as_bytes(), "viewer").await.unwrap();
        let mut writing = Writing::begin(admin).await.unwrap();
        let sequence = writing.sequence;
        let (viewer, password_hash) = (now.viewer, now.password_hash);
        let old = LoginRecord { name: name.to_owned(), viewer, password_hash, sequence };
        writing.put(&old, Expect::Absent).unwrap();
        writing.remove(AccountRecord::KIND, account.as_bytes().to_vec());
        writing.commit().await.unwrap();
    }

    #[tokio::test]
    async fn an_old_account_signs_in_as_before_and_its_name_is_gone() {
        let (keys, admin, home) = home().await;
        for name in ["alder", "birch"] {
            admin.add_viewer(Some(home), name, &password()).await.unwrap();
            age(&admin, name).await;
        }
        let identity =
            Identity::new(&*keys, Arc::clone(&admin.records), 60, Arc::new(Throttle::default()));
        assert!(!signs_in(&identity, "alder").await);
        assert_eq!(admin.upgrade().await.unwrap(), 2);
        assert_eq!(admin.upgrade().await.unwrap(), 0);
        assert!(signs_in(&identity, "alder").await && signs_in(&identity, "birch").await);
        assert!(admin.list::<LoginRecord>("login").await.unwrap().is_empty());
        // Whoever took the name in the meantime keeps it: nothing is written over.
        age(&admin, "alder").await;
        admin.add_viewer(Some(home), "alder", &password()).await.unwrap();
        assert!(matches!(admin.upgrade().await, Err(AdminError::Conflict)));
        assert_eq!(admin.list::<LoginRecord>("login").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_old_session_goes_on() {
        let (keys, admin, home) = home().await;
        let viewer = admin.add_viewer(Some(home), "alder", &password()).await.unwrap();
        let identity =
            Identity::new(&*keys, Arc::clone(&admin.records), 60, Arc::new(Throttle::default()));
        let expires_at_seconds = clock::now_seconds() + 60;
        let change = |key, sealed| Change {
            kind: SessionRecord::KIND,
            key,
            expect: Expect::Absent,
            record: Some(sealed),
        };
        for _ in 0..2 {
            let session = SessionId::from_bytes(clock::fresh_id());
            let old = OldSession { session, viewer, epoch: 0, expires_at_seconds };
            let sealed = admin.mint.seal(&old, clock::random()).unwrap();
            admin.records.commit(vec![change(old.key(), sealed)], None).await.unwrap();
        }
        // A record that nobody can open keeps no session back.
        admin.records.commit(vec![change(vec![0; 16], vec![1; 200])], None).await.unwrap();
        assert!(identity.sessions(viewer).await.unwrap().is_empty());
        assert_eq!(admin.upgrade().await.unwrap(), 2);
        assert_eq!(admin.upgrade().await.unwrap(), 0);
        assert_eq!(identity.sessions(viewer).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn no_key_of_a_registry_has_a_login_name() {
        let (_, admin, home) = home().await;
        admin.add_viewer(Some(home), "alder", &password()).await.unwrap();
        for kind in ["account", "login", "viewer", "household"] {
            for key in crate::listing::keys_after(&admin.records, kind, None).await.unwrap().keys {
                assert!(!key.windows(5).any(|bytes| bytes == b"alder"), "{kind}");
            }
        }
    }
}
