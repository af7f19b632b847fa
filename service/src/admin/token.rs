//! Tokens of invitations and transfers: a MAC over a household and an id. No record holds one.

use super::{Admin, AdminError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eyesonly_seal::{CredentialId, HouseholdId, MacKey};
use zeroize::Zeroizing;

/// The length of a token before it is encoded: household, id and MAC.
const TOKEN_BYTES: usize = 64;

/// What a token is for.
#[derive(Clone, Copy)]
pub(super) struct For {
    prefix: &'static str,
    word: &'static [u8],
}

/// Asking for what an invitation offers.
pub(super) const INVITATION: For = For { prefix: "ei1.", word: b"invitation" };
/// Taking a camera that is handed over.
pub(super) const TRANSFER: For = For { prefix: "et1.", word: b"transfer" };

impl For {
    /// Makes a token under the edge's account key.
    pub(super) fn token(
        self,
        key: &MacKey,
        household: HouseholdId,
        id: CredentialId,
    ) -> Zeroizing<String> {
        let parts: [&[u8]; 3] = [self.word, household.as_bytes(), id.as_bytes()];
        let mac = key.mac(&parts);
        let bytes = Zeroizing::new([parts[1], parts[2], &mac].concat());
        let mut text = Zeroizing::new(String::from(self.prefix));
        URL_SAFE_NO_PAD.encode_string(&*bytes, &mut text);
        text
    }
}

impl Admin {
    /// Makes a token.
    pub(super) fn token(
        &self,
        of: For,
        household: HouseholdId,
        id: CredentialId,
    ) -> Zeroizing<String> {
        of.token(&self.accounts, household, id)
    }

    /// Reads a token. FROM CLIENT.
    ///
    /// # Errors
    /// [`AdminError::NoInvitation`] if it is none of this installation, or for something else.
    pub(super) fn opened(
        &self,
        of: For,
        token: &str,
    ) -> Result<(HouseholdId, CredentialId), AdminError> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        let text = token.strip_prefix(of.prefix).ok_or(AdminError::NoInvitation)?;
        let read = URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes);
        read.ok().filter(|n| *n == TOKEN_BYTES).ok_or(AdminError::NoInvitation)?;
        let (household, rest) = bytes.split_first_chunk::<16>().ok_or(AdminError::NoInvitation)?;
        let (id, mac) = rest.split_first_chunk::<16>().ok_or(AdminError::NoInvitation)?;
        let parts: [&[u8]; 3] = [of.word, household, id];
        self.accounts.verify(&parts, mac).map_err(|_| AdminError::NoInvitation)?;
        Ok((HouseholdId::from_bytes(*household), CredentialId::from_bytes(*id)))
    }
}
