//! The log: warnings and errors of gate and services, a line each on stderr. The engine keeps these
//! lines. It must never write more than what its callers name. They name causes and ids, never a
//! credential, a name or a key.

use std::fmt::{Debug, Write as _};
use std::io::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes events to stderr. Spans are not recorded.
struct Stderr;

/// Starts to write warnings and errors to stderr. Only the first call has an effect.
pub fn begin() {
    // This fails only if a subscriber is set already, and that one stays.
    let _ = tracing::subscriber::set_global_default(Stderr);
}

/// Writes one line at once: instances write at the same time, and stderr is not buffered. An error
/// is ignored, so that a broken log stops nothing.
pub fn line(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(format!("{text}\n").as_bytes()).and_then(|()| stderr.flush());
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.rest, " {}={value:?}", field.name())
        };
    }
}

impl Subscriber for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        line(&format!("{} {}{}", event.metadata().level(), fields.message, fields.rest));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
