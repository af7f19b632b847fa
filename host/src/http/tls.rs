//! TLS: a certificate and its key, which are read again when their files change.
//!
//! It must never serve a certificate with a key that is not its own.

use super::ServeError;
use eyesonly_service::chain::Chain;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The time between two looks at the files, in seconds.
const CERTIFICATE_SECONDS: u64 = 5;

/// The certificate chain and the key. They are read again when their files change.
#[derive(Clone)]
pub struct Tls(Arc<TlsFiles>);

struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    /// What connections get, and the bytes of both files that it was made from.
    current: RwLock<(TlsAcceptor, [Vec<u8>; 2])>,
}

impl Tls {
    /// Reads PEM files.
    ///
    /// # Errors
    /// [`ServeError::Tls`] if a file can't be used. The error names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let files = read_both(certificate, key)?;
        let current = RwLock::new((acceptor(certificate, key, &files)?, files));
        Ok(Self(Arc::new(TlsFiles { certificate: certificate.into(), key: key.into(), current })))
    }

    /// Returns what a new connection gets.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Reads the files again, and takes what they hold if it changed. Returns whether it did.
    ///
    /// # Errors
    /// Those of [`Self::read`]; what was there before stays.
    fn look_again(&self) -> Result<bool, ServeError> {
        let TlsFiles { certificate, key, current } = &*self.0;
        let files = read_both(certificate, key)?;
        if current.read().unwrap_or_else(PoisonError::into_inner).1 == files {
            return Ok(false);
        }
        let acceptor = acceptor(certificate, key, &files)?;
        *current.write().unwrap_or_else(PoisonError::into_inner) = (acceptor, files);
        Ok(true)
    }

    /// Looks at the files every few seconds, without end. A renewal writes two files, one after the
    /// other: until they fit each other the pair before is served.
    pub async fn watch(self) {
        let mut told = false;
        loop {
            tokio::time::sleep(Duration::from_secs(CERTIFICATE_SECONDS)).await;
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.look_again()).await {
                Ok(Ok(changed)) => {
                    if changed {
                        tracing::info!("the certificate was read again, because its file changed");
                    }
                    told = false;
                }
                Ok(Err(error)) if !told => {
                    told = true;
                    let error = Chain(&error);
                    tracing::warn!(%error, "the changed certificate is not used");
                }
                _ => {}
            }
        }
    }
}

fn unread(path: &Path, error: impl Into<anyhow::Error>) -> ServeError {
    ServeError::Tls(error.into().context(path.display().to_string()).into())
}

fn read_both(certificate: &Path, key: &Path) -> Result<[Vec<u8>; 2], ServeError> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| unread(path, error));
    Ok([read(certificate)?, read(key)?])
}

fn acceptor(
    certificate: &Path,
    key: &Path,
    [chain, private]: &[Vec<u8>; 2],
) -> Result<TlsAcceptor, ServeError> {
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unread(certificate, error))?;
    let private = PrivateKeyDer::from_pem_slice(private).map_err(|error| unread(key, error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| ServeError::Tls(error.into()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
