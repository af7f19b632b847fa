//! Lies: which there are, which are told in a run, and when.
//!
//! The table below is DESIGN's table of seams and lies; a seam that is not in it can't lie here, and a kind that its seam can't tell is an error
//! before anything starts. When to lie is a function of the run's seed and of how many answers the seam has given.

use super::mark::mix;
use crate::defence::Defence;
use crate::ledger::Seam;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Who lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table below says what each is")]
pub enum Liar {
    MemoryTier,
    DiskTier,
    SharedCache,
    ObjectStore,
    Coalescer,
    Pool,
    Registry,
    Index,
    Sessions,
    Ingest,
    WayOut,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Another object of the same camera.
    AnotherObject,
    /// Another household's object.
    AnotherHousehold,
    /// What stood in this place before.
    OldVersion,
    /// Half of it.
    Cut,
    /// More than it.
    Extended,
    /// One bit is another.
    FlippedBit,
    /// Its chunks in another order.
    Reordered,
    /// Nothing, or nothing but zeros.
    Empty,
    /// The text of an error, as if it were the object.
    ErrorAsSuccess,
    /// Another flight's answer.
    AnotherFlight,
    /// The reply to a question that was cancelled, and from then on always the one before.
    CancelledQuestion,
    /// An extra reply, of another question or of the past.
    LateReply,
    /// Another viewer's record.
    AnotherViewer,
    /// A record of before a revocation.
    BeforeRevocation,
    /// Whose device it is, mixed up.
    CrossedMap,
    /// Another camera's rows.
    AnotherCamera,
    /// Rows are missing.
    Missing,
    /// Rows come twice.
    Repeated,
    /// Rows of another page.
    AnotherPage,
    /// Another session's state.
    AnotherSession,
    /// A session that has ended, as live.
    EndedAsLive,
    /// Two cameras with one credential.
    OneCredential,
    /// A body under another's name.
    AnotherName,
    /// A response for another request.
    AnotherRequest,
    /// A web cache in front that ignores everything it is told.
    WebCache,
}

/// What a tier and a store can tell.
const STORED: &[Kind] = &[
    Kind::AnotherObject,
    Kind::AnotherHousehold,
    Kind::OldVersion,
    Kind::Cut,
    Kind::Extended,
    Kind::FlippedBit,
    Kind::Reordered,
    Kind::Empty,
    Kind::ErrorAsSuccess,
];

/// Every seam with every kind of lie that it can tell.
pub const TABLE: &[(Liar, &[Kind])] = &[
    (Liar::MemoryTier, STORED),
    (Liar::DiskTier, STORED),
    (Liar::SharedCache, STORED),
    (Liar::ObjectStore, STORED),
    (Liar::Coalescer, &[Kind::AnotherFlight]),
    (Liar::Pool, &[Kind::CancelledQuestion, Kind::LateReply]),
    (
        Liar::Registry,
        &[Kind::AnotherViewer, Kind::BeforeRevocation, Kind::CrossedMap],
    ),
    (
        Liar::Index,
        &[Kind::AnotherCamera, Kind::Missing, Kind::Repeated, Kind::AnotherPage],
    ),
    (Liar::Sessions, &[Kind::AnotherSession, Kind::EndedAsLive]),
    (Liar::Ingest, &[Kind::OneCredential, Kind::AnotherName]),
    (Liar::WayOut, &[Kind::AnotherRequest, Kind::WebCache]),
];

impl Liar {
    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryTier => "memory-tier",
            Self::DiskTier => "disk-tier",
            Self::SharedCache => "shared-cache",
            Self::ObjectStore => "object-store",
            Self::Coalescer => "coalescer",
            Self::Pool => "pool",
            Self::Registry => "registry",
            Self::Index => "index",
            Self::Sessions => "sessions",
            Self::Ingest => "ingest",
            Self::WayOut => "way-out",
        }
    }

    /// What it can tell.
    pub fn kinds(self) -> &'static [Kind] {
        TABLE
            .iter()
            .find(|(liar, _)| *liar == self)
            .map_or(&[], |(_, kinds)| *kinds)
    }
}

/// What the ledger's seam is called here: as the liar in it. (Lies of a pool are refused where the question was asked.)
pub const fn seam_name(seam: Seam) -> &'static str {
    match seam {
        Seam::MemoryTier => Liar::MemoryTier.name(),
        Seam::DiskTier => Liar::DiskTier.name(),
        Seam::SharedTier => Liar::SharedCache.name(),
        Seam::Coalescer => Liar::Coalescer.name(),
        Seam::Store => Liar::ObjectStore.name(),
        Seam::Registry => Liar::Registry.name(),
        Seam::Sessions => Liar::Sessions.name(),
        Seam::Index => Liar::Index.name(),
        Seam::Ingest => Liar::Ingest.name(),
        Seam::WayOut => Liar::WayOut.name(),
        // Nothing lies there in the storm.
        Seam::Keyring => "keyring",
    }
}

impl Kind {
    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnotherObject => "another-object",
            Self::AnotherHousehold => "another-household",
            Self::OldVersion => "old-version",
            Self::Cut => "cut",
            Self::Extended => "extended",
            Self::FlippedBit => "flipped-bit",
            Self::Reordered => "reordered",
            Self::Empty => "empty",
            Self::ErrorAsSuccess => "error-as-success",
            Self::AnotherFlight => "another-flight",
            Self::CancelledQuestion => "cancelled-question",
            Self::LateReply => "late-reply",
            Self::AnotherViewer => "another-viewer",
            Self::BeforeRevocation => "before-revocation",
            Self::CrossedMap => "crossed-map",
            Self::AnotherCamera => "another-camera",
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::AnotherPage => "another-page",
            Self::AnotherSession => "another-session",
            Self::EndedAsLive => "ended-as-live",
            Self::OneCredential => "one-credential",
            Self::AnotherName => "another-name",
            Self::AnotherRequest => "another-request",
            Self::WebCache => "web-cache",
        }
    }

    /// What stops this lie: the defences without which storm's detector must see it.
    pub const fn stopped_by(self) -> &'static [Defence] {
        match self {
            Self::AnotherObject
            | Self::AnotherHousehold
            | Self::OldVersion
            | Self::Cut
            | Self::Extended
            | Self::FlippedBit
            | Self::Reordered
            | Self::Empty
            | Self::ErrorAsSuccess
            | Self::AnotherFlight => &[Defence::Seal],
            // A crossed session is stopped once more at the way out.
            Self::CancelledQuestion | Self::LateReply | Self::AnotherSession => &[Defence::Records, Defence::WayOut],
            Self::AnotherViewer | Self::CrossedMap => &[Defence::Records],
            Self::BeforeRevocation | Self::EndedAsLive => &[Defence::Floors],
            // Another camera's row leads to what is sealed for another camera.
            Self::AnotherCamera => &[Defence::Rows, Defence::Seal],
            Self::Repeated | Self::AnotherPage => &[Defence::Rows],
            Self::Missing => &[Defence::Acknowledged],
            Self::OneCredential => &[Defence::Conflict],
            Self::AnotherName => &[Defence::Digest],
            Self::AnotherRequest => &[Defence::WayOut],
            Self::WebCache => &[Defence::Tag],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a defence on the command line and in reports.
pub const fn defence_name(defence: Defence) -> &'static str {
    match defence {
        Defence::Seal => "seal",
        Defence::Records => "records",
        Defence::Floors => "floors",
        Defence::Rows => "rows",
        Defence::Acknowledged => "acknowledged",
        Defence::Digest => "digest",
        Defence::Conflict => "conflict",
        Defence::WayOut => "way-out",
        Defence::Tag => "tag",
        Defence::Standing => "standing",
    }
}

/// Reads a defence's name.
///
/// # Errors
/// Which names there are.
pub fn defence(text: &str) -> Result<Defence, String> {
    let names = || Defence::ALL.map(defence_name).join(", ");
    Defence::ALL
        .into_iter()
        .find(|defence| defence_name(*defence) == text)
        .ok_or_else(|| format!("there is no defence {text:?}; there are {}", names()))
}

/// One lie of a run: `seam:kind@rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lie {
    /// Who.
    pub liar: Liar,
    /// How.
    pub kind: Kind,
    /// The share of answers that are to be lies, 0 to 1.
    pub rate: f64,
}

/// What became of one lie of a run.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    /// Which.
    pub lie: Lie,
    /// How often it was told.
    pub times: u64,
    /// How many answers its seam gave that might have been lies.
    pub answers: u64,
}

/// The lies of one server's seams in one run.
pub struct Lies {
    seed: u64,
    lies: Vec<(Lie, AtomicU64)>,
    answers: Vec<AtomicU64>,
    silent: AtomicBool,
}

impl Lies {
    /// These lies.
    pub fn new(seed: u64, lies: &[Lie]) -> Self {
        Self {
            seed,
            lies: lies.iter().map(|lie| (*lie, AtomicU64::new(0))).collect(),
            answers: TABLE.iter().map(|_| AtomicU64::new(0)).collect(),
            silent: AtomicBool::new(false),
        }
    }

    /// Whether a seam may lie at all in this run.
    pub fn has(&self, liar: Liar, kind: Kind) -> bool {
        self.lies
            .iter()
            .any(|(lie, _)| (lie.liar, lie.kind) == (liar, kind) && lie.rate > 0.0)
    }

    /// From now on nobody lies, or again as before.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// Whether, and how, the seam lies in its next answer. Whoever then tells the lie says so by [`Lies::was_told`].
    pub fn next(&self, liar: Liar) -> Option<Kind> {
        if self.silent.load(Ordering::Relaxed) {
            return None;
        }
        let turn = self.answers.get(liar as usize)?.fetch_add(1, Ordering::Relaxed);
        // Where in 0..1 this answer falls, on 53 bits.
        let at = (mix(&[self.seed, liar as u64, turn]) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut below = 0.0;
        for (lie, _) in self.lies.iter().filter(|(lie, _)| lie.liar == liar) {
            below += lie.rate;
            if at < below {
                return Some(lie.kind);
            }
        }
        None
    }

    /// How many answers the seam gave that might have been lies, so far.
    pub fn answers(&self, liar: Liar) -> u64 {
        self.answers
            .get(liar as usize)
            .map_or(0, |answers| answers.load(Ordering::Relaxed))
    }

    /// A number for choices of a liar, from the seed and how many answers there were.
    pub fn choice(&self, liar: Liar) -> u64 {
        mix(&[self.seed, 99, liar as u64, self.answers(liar)])
    }

    /// Counts a lie that was told.
    pub fn was_told(&self, liar: Liar, kind: Kind) {
        let told = self.lies.iter().find(|(lie, _)| (lie.liar, lie.kind) == (liar, kind));
        if let Some((_, count)) = told {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The lies, how often each was told, and how many answers its seam gave.
    pub fn told(&self) -> Vec<Count> {
        self.lies
            .iter()
            .map(|(lie, count)| Count {
                lie: *lie,
                times: count.load(Ordering::Relaxed),
                answers: self.answers(lie.liar),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::said::Told;

    #[test]
    fn defences_are_read_and_refused() {
        assert!(defence("moat").is_err());
        for known in Defence::ALL {
            assert_eq!(defence(defence_name(known)), Ok(known));
        }
    }

    #[test]
    fn a_run_is_repeated_from_its_seed_and_keeps_its_rates() {
        let told: Told = "index@0.2".parse().unwrap();
        let draw = |seed| {
            let lies = Lies::new(seed, &told.lies());
            (0..20_000).map(|_| lies.next(Liar::Index)).collect::<Vec<_>>()
        };
        let first = draw(1);
        assert_eq!(first, draw(1));
        assert_ne!(first, draw(2));
        let lied = first.iter().flatten().count();
        assert!((3700..4300).contains(&lied), "{lied} of 20,000 at 0.2");
        for kind in Liar::Index.kinds() {
            assert!(first.contains(&Some(*kind)), "{kind}");
        }
        let lies = Lies::new(1, &told.lies());
        assert_eq!(lies.next(Liar::Registry), None, "who was not told to lie does not");
        lies.be_silent(true);
        assert!((0..1000).all(|_| lies.next(Liar::Index).is_none()));
    }

    #[test]
    fn every_lie_is_stopped_by_something() {
        for (_, kinds) in TABLE {
            for kind in *kinds {
                assert!(!kind.stopped_by().is_empty(), "{kind}");
            }
        }
    }
}
