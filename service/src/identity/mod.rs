//! Identity: local accounts and their sessions.
//!
//! A login is checked against the sealed record under the name that was asked for. A session is a
//! record too: to end a session is to remove its record, and nothing can change whose it is.
//!
//! Identity must never keep or log a password. A login for a name that does not exist takes as long
//! as any other.

mod password;
mod sessions;
mod throttle;

pub use password::{NOBODY, PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, PasswordError, hash_password};
pub use sessions::{Listed, SESSIONS_MAX};
pub use throttle::{
    ACCOUNT_FREE, ACCOUNT_HERE_FREE, ADDRESS_FREE, Attempts, Counter, Throttle, network,
    wait_seconds,
};

use crate::chain::Chain;
use crate::clock;
use crate::sync::blocking;
use eyesonly_gate::registry::{Change, Expect};
use eyesonly_gate::{Keys, RawCredential, Records};
use eyesonly_rights::{Mint, Record, SessionRecord, Tag, Verifier};
use eyesonly_seal::{AccountName, MacKey, SessionId, ViewerId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// The longest login name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The most password checks at once. A check takes 19 MiB and some milliseconds of a core.
const CHECKS_MAX: usize = 2;
/// The most logins that wait for a check. More are told to come back.
const WAITING_MAX: usize = 64;

/// The record that a login is checked against. The registry must never learn a login name, so the
/// record's key is a MAC of that name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRecord {
    /// The account's name in the registry, by [`account_name`].
    pub account: AccountName,
    /// The viewer whose login it is.
    pub viewer: ViewerId,
    /// The password's argon2id hash in PHC form.
    pub password_hash: String,
    /// The viewer's epoch. A session that this login starts has it.
    #[serde(default)]
    pub epoch: u64,
    /// The registry's number when this was written.
    pub sequence: u64,
}

impl Record for AccountRecord {
    const KIND: &'static str = "account";
    fn key(&self) -> Vec<u8> {
        self.account.as_bytes().to_vec()
    }
    fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// Makes the name of an account of its login name. `key`: the installation's
/// [`EdgeKey::account_key`](eyesonly_seal::EdgeKey::account_key).
pub fn account_name(key: &MacKey, login: &str) -> AccountName {
    AccountName::from_bytes(key.mac(&[login.as_bytes()]))
}

/// The reason why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Name or password is wrong; which of them is not said.
    #[error("name or password is wrong")]
    Wrong,
    /// Too many attempts failed before. Carries the seconds to wait.
    #[error("too many failed attempts; try again in {0} seconds")]
    Throttled(u64),
    /// Too many are logging in at this moment.
    #[error("too many people are signing in at this moment")]
    Busy,
    /// No proven answer could be had.
    #[error("the registry does not answer")]
    Unavailable,
}

/// The reason why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The password can't be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// There was no turn.
    #[error(transparent)]
    Turn(#[from] LoginError),
}

/// A session that was just started.
pub struct NewSession {
    /// The viewer who has signed in.
    pub viewer: ViewerId,
    /// The session.
    pub session: SessionId,
    /// The credential to present from now on.
    pub credential: RawCredential,
    /// The tag of its addresses.
    pub tag: Tag,
    /// The time when it ends by itself, in seconds since 1970.
    pub expires_at_seconds: u64,
}

/// Checks logins, and starts and ends sessions.
pub struct Identity {
    records: Arc<Records>,
    mint: Mint,
    verifier: Verifier,
    accounts: MacKey,
    attempts: Arc<dyn Attempts>,
    checks: Arc<Semaphore>,
    waiting: Semaphore,
    session_seconds: u64,
    /// Says that the registry can list the sessions of a viewer.
    lists: bool,
}

impl Identity {
    /// Makes an identity over these services, whose sessions last `session_seconds`.
    pub fn new(
        keys: &dyn Keys,
        records: Arc<Records>,
        session_seconds: u64,
        attempts: Arc<dyn Attempts>,
    ) -> Self {
        Self {
            records,
            mint: Mint::new(keys.edge()),
            verifier: Verifier::new(keys.edge()),
            accounts: keys.edge().account_key(),
            attempts,
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Semaphore::new(WAITING_MAX),
            session_seconds,
            lists: false,
        }
    }

    /// Bounds the sessions of each viewer to [`SESSIONS_MAX`], over a registry that lists keys.
    #[must_use]
    pub fn listing(self) -> Self {
        Self { lists: true, ..self }
    }

    /// Starts a session for the account `name`. `client` is what the client calls itself.
    /// FROM CLIENT: `name`, `password`, `client`.
    pub async fn login(
        &self,
        name: &str,
        password: Zeroizing<String>,
        address: IpAddr,
        client: &str,
    ) -> Result<NewSession, LoginError> {
        let AccountRecord { viewer, epoch, .. } = self.check(name, password, address).await?;
        // The session gets the epoch that the checked record had. If the password has changed
        // meanwhile, the session is worth nothing.
        let session = SessionId::from_bytes(clock::fresh_id());
        let expires_at_seconds = clock::now_seconds().saturating_add(self.session_seconds);
        let client = sessions::client_name(client);
        let record = SessionRecord { session, viewer, epoch, expires_at_seconds, client };
        self.write(&record).await?;
        let credential = RawCredential::new(&Zeroizing::new(self.mint.viewer(viewer, session)));
        let tag =
            self.verifier.viewer(credential.text()).map_err(|_| LoginError::Unavailable)?.tag();
        Ok(NewSession { viewer, session, credential, tag, expires_at_seconds })
    }

    /// Checks a password, and returns the account's record that it was checked against. Each
    /// attempt counts for the throttle. FROM CLIENT: `name`, `password`.
    ///
    /// # Errors
    /// As [`Identity::login`].
    pub async fn check(
        &self,
        name: &str,
        password: Zeroizing<String>,
        address: IpAddr,
    ) -> Result<AccountRecord, LoginError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || password.len() > PASSWORD_BYTES_MAX {
            return Err(LoginError::Wrong);
        }
        // The attempt counts as failed before the check, so that many at once don't slip through
        // together. A right attempt is taken back.
        self.attempts
            .attempt(name, address, clock::now_seconds())
            .map_err(LoginError::Throttled)?;
        let _place = self.waiting.try_acquire().map_err(|_| LoginError::Busy)?;
        let record = self
            .records
            .read::<AccountRecord>(account_name(&self.accounts, name).as_bytes())
            .await
            .map_err(|_| LoginError::Unavailable)?;
        let hash = record
            .as_ref()
            .map_or_else(|| NOBODY.to_owned(), |record| record.password_hash.clone());
        let right = self.check_password(password, hash).await?;
        let account = record.filter(|_| right).ok_or(LoginError::Wrong)?;
        self.attempts.succeeded(name, address);
        Ok(account)
    }

    async fn write(&self, record: &SessionRecord) -> Result<(), LoginError> {
        let mut changes = match self.lists {
            true => self.room(record.viewer).await.map_err(|_| LoginError::Unavailable)?,
            false => Vec::new(),
        };
        let sealed =
            self.mint.seal(record, clock::random()).map_err(|_| LoginError::Unavailable)?;
        let change = Change {
            kind: SessionRecord::KIND,
            key: record.key(),
            expect: Expect::Absent,
            record: Some(sealed),
        };
        changes.push(change);
        self.records.commit(changes, None).await.map(|_| ()).map_err(|error| {
            tracing::error!(error = %Chain(&error), "a session was not started");
            LoginError::Unavailable
        })
    }

    /// Hashes the password of somebody who is to have an account. The try counts as a login that
    /// failed, so that nobody makes the edge hash again and again. FROM CLIENT: `name`, `password`.
    ///
    /// # Errors
    /// [`HashError`], if the password can't be used, or there were too many tries.
    pub async fn newcomer(
        &self,
        name: &str,
        password: Zeroizing<String>,
        address: IpAddr,
    ) -> Result<String, HashError> {
        let counted = self.attempts.attempt(name, address, clock::now_seconds());
        counted.map_err(LoginError::Throttled)?;
        self.hash(password).await
    }

    /// Takes the try of a newcomer back, who has an account now.
    pub fn joined(&self, name: &str, address: IpAddr) {
        self.attempts.succeeded(name, address);
    }

    /// Hashes a password that is to be set. It waits for its turn, as a login does.
    ///
    /// # Errors
    /// [`HashError`], if the password can't be used, or too many wait.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, HashError> {
        let _place = self.waiting.try_acquire().map_err(|_| LoginError::Busy)?;
        let turn = Arc::clone(&self.checks).acquire_owned().await.map_err(|_| LoginError::Busy)?;
        let hashed = blocking(move || {
            let _turn = turn;
            hash_password(&password)
        });
        Ok(hashed.await.ok_or(LoginError::Unavailable)??)
    }

    async fn check_password(
        &self,
        password: Zeroizing<String>,
        hash: String,
    ) -> Result<bool, LoginError> {
        let turn = Arc::clone(&self.checks).acquire_owned().await.map_err(|_| LoginError::Busy)?;
        let checked = blocking(move || {
            let _turn = turn;
            password::is_password(&password, &hash)
        });
        checked.await.ok_or(LoginError::Unavailable)
    }
}
