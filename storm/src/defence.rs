//! The defences, by name. A defence stops a lie, unless a control gives the liar what the defence
//! rests on.
//!
//! No defence can be switched off. A control forges: its liar is given the key that the defence
//! rests on, or what the defence remembers is taken away.

use std::fmt;
use std::str::FromStr;

/// A defence: it stops a lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Defence {
    /// Footage, live chunks and event details are sealed, and bound to what they are.
    Seal,
    /// An answer of the registry proves its question: nonce, kind and key.
    Records,
    /// An answer of the past is rejected.
    Floors,
    /// A row of the index proves its question, and a page is in order.
    Rows,
    /// An answer that withholds what was acknowledged is rejected.
    Acknowledged,
    /// An upload is compared with its length and digest.
    Digest,
    /// Another body under an id that is taken is refused.
    Conflict,
    /// A response leaves only by the request whose grant made it.
    WayOut,
    /// A private address is its session's own.
    Tag,
    /// A credential names its camera under a MAC, so no lookup can change whose it is.
    Credentials,
    /// A segment of live video is stated under its camera's key by the process that takes it in.
    Statements,
    /// A checkpoint of the ledger is signed with the log's key.
    Checkpoints,
    /// A line of the ledger is sealed under its household's key.
    Lines,
}

impl Defence {
    /// All defences.
    pub const ALL: [Self; 13] = [
        Self::Seal,
        Self::Records,
        Self::Floors,
        Self::Rows,
        Self::Acknowledged,
        Self::Digest,
        Self::Conflict,
        Self::WayOut,
        Self::Tag,
        Self::Credentials,
        Self::Statements,
        Self::Checkpoints,
        Self::Lines,
    ];

    /// Returns its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Records => "records",
            Self::Floors => "floors",
            Self::Rows => "rows",
            Self::Acknowledged => "acknowledged",
            Self::Digest => "digest",
            Self::Conflict => "conflict",
            Self::WayOut => "way-out",
            Self::Tag => "tag",
            Self::Credentials => "credentials",
            Self::Statements => "statements",
            Self::Checkpoints => "checkpoints",
            Self::Lines => "lines",
        }
    }
}

impl fmt::Display for Defence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Defence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|defence| defence.name() == text);
        let names = || Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("there is no defence {text:?}; there are {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defences_are_read_and_refused() {
        assert!("moat".parse::<Defence>().is_err());
        assert!("standing".parse::<Defence>().is_err(), "it rests on no key");
        for known in Defence::ALL {
            assert_eq!(known.name().parse(), Ok(known));
        }
    }
}
