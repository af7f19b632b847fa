//! Upgrades of records that an older version wrote.
//!
//! An upgrade must never lose a record: what is removed and what is written in its place are one
//! commit. It does nothing where nothing is old, so every process may call it.

use super::{Admin, AdminError};
use crate::identity::{AccountRecord, account_name};
use eyesonly_gate::registry::{CHANGES_MAX, Expect};
use eyesonly_rights::Record;
use eyesonly_seal::ViewerId;
use serde::{Deserialize, Serialize};

/// The accounts of one commit. Each of them is two changes.
const ACCOUNTS: usize = CHANGES_MAX / 2;

/// An account as earlier versions kept it: the record's key was the login name in the clear.
#[derive(Serialize, Deserialize)]
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

impl Admin {
    /// Takes login names out of the keys of the registry. Returns the number of accounts that were
    /// written anew.
    ///
    /// # Errors
    /// [`AdminError`]; the accounts that were not reached stay as they are, and the next call takes
    /// them.
    pub async fn upgrade(&self) -> Result<usize, AdminError> {
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
        identity.login(name, password(), address).await.is_ok()
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
