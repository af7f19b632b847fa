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
    use std::io;

    /// An error that has its cause in its own text, as those of some crates do.
    #[derive(Debug, thiserror::Error)]
    #[error("not written: {0}")]
    struct Repeats(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("no upload")]
    struct Outer(#[source] Repeats);

    #[test]
    fn every_cause_is_named_once() {
        let error = Outer(Repeats(io::Error::other("gone")));
        assert_eq!(Chain(&error).to_string(), "no upload: not written: gone");
    }
}
