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

/// The longest pause of a body, in seconds. A camera on a bad line sends something in that time,
/// and a camera that is gone does not hold its place.
const IDLE_SECONDS_MAX: u64 = 30;

/// The slowest rate of a whole body, in bytes a second, after the first [`IDLE_SECONDS_MAX`]. The
/// rate is a quarter of a camera's share where four cameras share a slow uplink (1 Mbit/s).
const BYTES_A_SECOND_MIN: u64 = 8 * 1024;

/// A body on its way in.
pub struct Received<S> {
    body: S,
    form: Form,
    hasher: Option<Hasher>,
    declared_length: Option<u64>,
    received: u64,
    bytes_max: u64,
    over: bool,
    deadline: Instant,
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
        let seconds = IDLE_SECONDS_MAX
            .saturating_add(declared.length.unwrap_or(bytes_max) / BYTES_A_SECOND_MIN);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let hasher = declared.digest.map(Hasher::new);
        Ok(Self {
            body,
            form,
            hasher,
            declared_length: declared.length,
            received: 0,
            bytes_max,
            over: false,
            deadline,
        })
    }

    /// Returns the length that the body declared.
    pub fn declared_length(&self) -> Option<u64> {
        self.declared_length
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
            let waited = {
                let idle = Instant::now() + Duration::from_secs(IDLE_SECONDS_MAX);
                timeout_at(idle.min(self.deadline), self.body.next()).await
            };
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
