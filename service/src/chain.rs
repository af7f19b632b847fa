//! The text of an error with its causes, for the log and for people.
//!
//! An error says in its own text what failed in its own layer. So it must never be logged or shown
//! without its causes.

use std::error::Error;
use std::fmt;
use std::iter::successors;

/// The text of an error and of its causes, each once: `what failed: why: why that`. Errors of some
/// crates have their cause in their own text.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        for cause in successors(self.0.source(), |cause| (*cause).source()) {
            let cause = cause.to_string();
            if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::IngestError;
    use crate::kv::KvError;
    use crate::store::StoreError;
    use std::fmt::Write as _;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    /// A log that keeps the fields of every event.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<String>>);

    impl Visit for Log {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// An error that has its cause in its own text, as those of some crates do.
    #[derive(Debug, thiserror::Error)]
    #[error("not written: {0}")]
    struct Repeats(#[source] io::Error);

    fn denied() -> Box<dyn Error + Send + Sync> {
        io::Error::from(io::ErrorKind::PermissionDenied).into()
    }

    #[test]
    fn every_cause_is_named_once() {
        let error = KvError(Repeats(io::Error::other("gone")).into());
        let text = Chain(&error).to_string();
        assert_eq!(text, "the key-value store failed: not written: gone");
        assert_eq!(Chain(&StoreError::NotFound).to_string(), "no such object");
    }

    #[test]
    fn an_error_of_the_store_keeps_the_error_of_the_system() {
        let is_denied = |error: &(dyn Error + 'static)| {
            let error = error.downcast_ref::<io::Error>();
            error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        };
        let error = StoreError::Unavailable(denied());
        assert!(is_denied(error.source().unwrap()), "{error:?}");
        assert_eq!(Chain(&error).to_string(), "store unavailable: permission denied");
        // One that came through the key-value store keeps it too.
        let error = StoreError::from(KvError(denied()));
        assert!(is_denied(error.source().unwrap().source().unwrap()), "{error:?}");
    }

    #[test]
    fn the_log_names_the_error_of_the_system() {
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), || {
            IngestError::from(StoreError::Unavailable(denied()))
        });
        let log = log.0.lock().unwrap();
        assert!(log.contains("error=store unavailable: permission denied\n"), "{log}");
    }
}
