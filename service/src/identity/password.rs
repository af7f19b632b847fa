//! Passwords: argon2id with the parameters of OWASP's first recommendation for it (19 MiB, 2
//! passes, 1 lane).

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use std::error::Error;
use zeroize::Zeroizing;

/// The shortest password that an account may have, in bytes.
pub const PASSWORD_BYTES_MIN: usize = 10;
/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 256;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The reason why a password can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("a password must have {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes")]
    Length,
    /// It can't be hashed on this machine.
    #[error("the password can't be hashed")]
    Hash(#[source] Box<dyn Error + Send + Sync>),
}

/// A hash with these parameters that no account has. A login for a name that does not exist is
/// checked against this hash, so that the answer takes as long.
pub const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$\
                          AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn argon2id() -> Result<Argon2<'static>, PasswordError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| PasswordError::Hash(e.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a fresh salt, to PHC form.
///
/// # Errors
/// [`PasswordError`] if the length is not allowed or this machine can't hash.
pub fn hash_password(password: &Zeroizing<String>) -> Result<String, PasswordError> {
    if !(PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&password.len()) {
        return Err(PasswordError::Length);
    }
    let salt: [u8; 16] = crate::clock::random();
    let hash: PasswordHash = argon2id()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|e| PasswordError::Hash(e.into()))?;
    Ok(hash.to_string())
}

/// Says whether `password` is the one that was hashed. The check is slow on purpose and belongs on
/// a blocking thread.
pub fn is_password(password: &Zeroizing<String>, hash: &str) -> bool {
    let (Ok(argon2), Ok(hash)) = (argon2id(), PasswordHash::new(hash)) else {
        return false;
    };
    argon2.verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_as_long_as_somebody() {
        let parameters = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        let somebody = hash_password(&Zeroizing::new("correct horse".into())).unwrap();
        assert_eq!(parameters(NOBODY), parameters(&somebody));
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(hash.hash.map(|hash| hash.len()), Some(32));
        assert!(!is_password(&Zeroizing::new("correct horse".into()), NOBODY));
    }

    #[test]
    fn only_the_password_is_the_password() {
        let hash = hash_password(&Zeroizing::new("correct horse".into())).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_password(&Zeroizing::new("correct horse".into()), &hash));
        assert!(!is_password(&Zeroizing::new("correct horsf".into()), &hash));
        assert!(!is_password(&Zeroizing::new(String::new()), &hash));
        assert!(!is_password(&Zeroizing::new("correct horse".into()), "not a hash"));
        assert!(hash_password(&Zeroizing::new("short".into())).is_err());
    }
}
