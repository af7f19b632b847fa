//! A body as it arrives, FROM CLIENT. Each piece is counted, checked for form and digest, and given
//! on.

use super::digest::Hasher;
use super::form::Form;
use super::{Declared, IngestError};
use crate::sync::timeout_at;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The longest pause of a body, in seconds. A camera that changes its cell is silent for half a
/// minute, and a camera that is gone does not hold its place.
const IDLE_SECONDS_MAX: u64 = 60;
/// The slowest rate of a whole body, in bytes a second, after the first [`IDLE_SECONDS_MAX`]. It is
/// a quarter of what a SIM gets that is past its data volume (64 kbit/s).
const BYTES_A_SECOND_MIN: u64 = 2 * 1024;
/// The rate below which a body counts as slow, in bytes a second, after [`IDLE_SECONDS_MAX`].
const SLOW_BYTES_A_SECOND: u64 = 64 * 1024;
/// The longest time of an upload, in seconds.
const UPLOAD_SECONDS_MAX: u64 = 12 * 3600;

/// A body on its way in.
pub struct Received<S> {
    body: S,
    form: Form,
    hasher: Option<Hasher>,
    declared_length: Option<u64>,
    received: u64,
    bytes_max: u64,
    over: bool,
    begun: Instant,
}

impl<S, E> Received<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// Takes a body that may have at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`IngestError::TooLarge`] if the body declares more.
    pub fn new(
        body: S,
        declared: Declared,
        bytes_max: u64,
        form: Form,
    ) -> Result<Self, IngestError> {
        if declared.length.is_some_and(|length| length > bytes_max) {
            return Err(IngestError::TooLarge(bytes_max));
        }
        let hasher = declared.digest.map(Hasher::new);
        Ok(Self {
            body,
            form,
            hasher,
            declared_length: declared.length,
            received: 0,
            bytes_max,
            over: false,
            begun: Instant::now(),
        })
    }

    /// Returns the length that the body declared.
    pub fn declared_length(&self) -> Option<u64> {
        self.declared_length
    }

    /// Says whether the body comes so slowly that it holds its place for long.
    pub fn is_slow(&self) -> bool {
        let seconds = self.begun.elapsed().as_secs();
        seconds > IDLE_SECONDS_MAX && self.received < seconds.saturating_mul(SLOW_BYTES_A_SECOND)
    }

    /// Returns when the next piece must have come.
    fn deadline(&self) -> Instant {
        let pace = IDLE_SECONDS_MAX.saturating_add(self.received / BYTES_A_SECOND_MIN);
        let whole = self.begun + Duration::from_secs(pace.min(UPLOAD_SECONDS_MAX));
        whole.min(Instant::now() + Duration::from_secs(IDLE_SECONDS_MAX))
    }

    /// Takes out the still that came, if a still came.
    pub fn still(self) -> Option<Zeroizing<Vec<u8>>> {
        match self.form {
            Form::Jpeg(still) => Some(still),
            Form::Any | Form::Mp4(_) => None,
        }
    }

    /// Returns the next piece, or none once the body is complete and is what its head declared.
    ///
    /// # Errors
    /// [`IngestError`]: the caller must then give up the pieces that came before.
    pub async fn next(&mut self) -> Result<Option<Bytes>, IngestError> {
        if self.over {
            return Ok(None);
        }
        loop {
            let waited = timeout_at(self.deadline(), self.body.next()).await;
            let piece = match waited {
                Err(_) | Ok(Some(Err(_))) => return Err(IngestError::Incomplete),
                Ok(None) => return self.end(),
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(piece))) => piece,
            };
            self.received = self.received.saturating_add(piece.len() as u64);
            if self.received > self.bytes_max {
                return Err(IngestError::TooLarge(self.bytes_max));
            }
            if self.declared_length.is_some_and(|length| self.received > length) {
                return Err(IngestError::Incomplete);
            }
            self.form.push(&piece)?;
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&piece);
            }
            return Ok(Some(piece));
        }
    }

    fn end(&mut self) -> Result<Option<Bytes>, IngestError> {
        self.over = true;
        if self.declared_length.is_some_and(|length| self.received != length) {
            return Err(IngestError::Incomplete);
        }
        self.form.end()?;
        if let Some(hasher) = self.hasher.take() {
            hasher.check()?;
        }
        Ok(None)
    }
}
