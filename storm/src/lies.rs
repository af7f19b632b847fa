//! Lies: which ones exist, which are told in a run, and when.
//!
//! The table below is that of docs/storm.md, "Lies". A seam that is not in it can't lie here, and a
//! kind that its seam can't tell is an error before anything starts. When to lie is a function of
//! the run's seed and of how many answers the seam has given.

use crate::defence::Defence;
use crate::mark::mix;
use eyesonly_gate::Seam;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A seam that lies.
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
    LiveHub,
    Ledger,
}

/// A kind of lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Another object of the same camera.
    AnotherObject,
    /// Another household's object, or its record.
    AnotherHousehold,
    /// An older object of the same camera.
    OldVersion,
    /// Half of the object.
    Cut,
    /// The object, and more bytes.
    Extended,
    /// The object with one bit flipped.
    FlippedBit,
    /// The object with its chunks in another order.
    Reordered,
    /// Nothing, or nothing but zeros.
    Empty,
    /// The text of an error, as if it were the object.
    ErrorAsSuccess,
    /// Another flight's answer.
    AnotherFlight,
    /// The reply to a question that was cancelled. From then on, each reply is to the question
    /// before.
    CancelledQuestion,
    /// An extra reply, to another question or from the past.
    LateReply,
    /// The reply to an earlier question for the position, while footage is on its way.
    LatePosition,
    /// The reply to an earlier question of collection, which knew less.
    LateCollection,
    /// Another viewer's record.
    AnotherViewer,
    /// A record from before a revocation.
    BeforeRevocation,
    /// A household's record from before its last change, such as the end of a share.
    OldHousehold,
    /// The record of a household with another household's invitations under its tokens.
    AnotherInvitation,
    /// The map of devices and their owners, mixed up.
    CrossedMap,
    /// The position as it was before the last change, while footage is on its way.
    OldPosition,
    /// Another viewer's record, in an answer that says that it can't hand the nonce back.
    NoFreshness,
    /// Another camera's rows, or its chunk of live video.
    AnotherCamera,
    /// Rows are missing.
    Missing,
    /// Rows come twice.
    Repeated,
    /// Rows of another page.
    AnotherPage,
    /// Live rows are withheld from collection.
    WithheldFromCollection,
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
    /// The body of another response, with the grants left where they are.
    CrossedBodies,
    /// A web cache in front that ignores everything it is told.
    WebCache,
    /// A chunk of live video is withheld: the next one comes in its place.
    Withheld,
    /// A segment of live video ends before its end.
    EarlyEnd,
    /// The newest segment of live video is withheld, and the one before it is the head.
    FrozenHead,
    /// A whole segment of yesterday is the head.
    Yesterday,
    /// Another stream's init.
    AnotherInit,
    /// A line that was said to be durable is gone after a restart, with all behind it.
    NotDurable,
    /// A household's deliveries are left out, and its lines numbered anew.
    Dropped,
    /// Another household's line, in the place of a household's own.
    AnotherLine,
}

/// The lies that a tier and a store can tell.
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
    (
        Liar::Pool,
        &[Kind::CancelledQuestion, Kind::LateReply, Kind::LatePosition, Kind::LateCollection],
    ),
    (
        Liar::Registry,
        &[
            Kind::AnotherViewer,
            Kind::BeforeRevocation,
            Kind::AnotherHousehold,
            Kind::OldHousehold,
            Kind::AnotherInvitation,
            Kind::CrossedMap,
            Kind::OldPosition,
            Kind::NoFreshness,
        ],
    ),
    (
        Liar::Index,
        &[
            Kind::AnotherCamera,
            Kind::Missing,
            Kind::Repeated,
            Kind::AnotherPage,
            Kind::WithheldFromCollection,
        ],
    ),
    (Liar::Sessions, &[Kind::AnotherSession, Kind::EndedAsLive]),
    (Liar::Ingest, &[Kind::OneCredential, Kind::AnotherName]),
    (Liar::WayOut, &[Kind::AnotherRequest, Kind::CrossedBodies, Kind::WebCache]),
    (
        Liar::LiveHub,
        &[
            Kind::AnotherCamera,
            Kind::AnotherHousehold,
            Kind::OldVersion,
            Kind::AnotherInit,
            Kind::Withheld,
            Kind::EarlyEnd,
            Kind::FrozenHead,
            Kind::Yesterday,
            Kind::Cut,
            Kind::FlippedBit,
            Kind::Empty,
        ],
    ),
    (Liar::Ledger, &[Kind::NotDurable, Kind::Dropped, Kind::AnotherLine]),
];

impl Liar {
    /// Returns its name on the command line and in reports.
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
            Self::LiveHub => "live-hub",
            Self::Ledger => "ledger",
        }
    }

    /// Returns the kinds of lies that it can tell.
    pub fn kinds(self) -> &'static [Kind] {
        TABLE.iter().find(|(liar, _)| *liar == self).map_or(&[], |(_, kinds)| *kinds)
    }
}

/// Names a seam of the ledger as the liar in it. Lies of a pool are rejected at the seam that the
/// question was for.
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
        Seam::LiveHub => Liar::LiveHub.name(),
        // Nothing lies there in the storm.
        Seam::Keyring => "keyring",
    }
}

impl Kind {
    /// Returns its name on the command line and in reports.
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
            Self::LatePosition => "late-position",
            Self::LateCollection => "late-collection",
            Self::AnotherViewer => "another-viewer",
            Self::BeforeRevocation => "before-revocation",
            Self::OldHousehold => "old-household",
            Self::AnotherInvitation => "another-invitation",
            Self::CrossedMap => "crossed-map",
            Self::OldPosition => "old-position",
            Self::NoFreshness => "no-freshness",
            Self::AnotherCamera => "another-camera",
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::AnotherPage => "another-page",
            Self::WithheldFromCollection => "withheld-from-collection",
            Self::AnotherSession => "another-session",
            Self::EndedAsLive => "ended-as-live",
            Self::OneCredential => "one-credential",
            Self::AnotherName => "another-name",
            Self::AnotherRequest => "another-request",
            Self::CrossedBodies => "crossed-bodies",
            Self::WebCache => "web-cache",
            Self::Withheld => "withheld",
            Self::EarlyEnd => "early-end",
            Self::FrozenHead => "frozen-head",
            Self::Yesterday => "yesterday",
            Self::AnotherInit => "another-init",
            Self::NotDurable => "not-durable",
            Self::Dropped => "dropped",
            Self::AnotherLine => "another-line",
        }
    }

    /// Returns the defences that stop this lie. In its control the liar is given what they rest on,
    /// and storm's detector must then see the lie.
    pub const fn forged_with(self, liar: Liar) -> &'static [Defence] {
        match self {
            Self::AnotherCamera if matches!(liar, Liar::LiveHub) => &[Defence::Seal],
            Self::AnotherHousehold if matches!(liar, Liar::Registry) => &[Defence::Records],
            Self::AnotherObject
            | Self::AnotherHousehold
            | Self::OldVersion
            | Self::Cut
            | Self::Extended
            | Self::FlippedBit
            | Self::Reordered
            | Self::Empty
            | Self::ErrorAsSuccess
            | Self::AnotherFlight
            | Self::AnotherInit
            | Self::Withheld
            | Self::EarlyEnd => &[Defence::Seal],
            Self::FrozenHead | Self::Yesterday => &[Defence::Seal, Defence::Statements],
            Self::CancelledQuestion
            | Self::LateReply
            | Self::AnotherViewer
            | Self::AnotherInvitation
            | Self::NoFreshness => &[Defence::Records],
            Self::BeforeRevocation | Self::OldHousehold | Self::EndedAsLive | Self::OldPosition => {
                &[Defence::Floors]
            }
            // Another session's state is worth something only to a session that has ended.
            Self::LatePosition | Self::AnotherSession => &[Defence::Records, Defence::Floors],
            Self::CrossedMap => &[Defence::Credentials],
            Self::AnotherCamera | Self::Repeated | Self::AnotherPage => &[Defence::Rows],
            Self::Missing | Self::WithheldFromCollection => &[Defence::Acknowledged],
            Self::LateCollection => &[Defence::Records, Defence::Acknowledged],
            Self::OneCredential => &[Defence::Conflict],
            Self::AnotherName => &[Defence::Digest],
            Self::AnotherRequest | Self::CrossedBodies => &[Defence::WayOut],
            Self::WebCache => &[Defence::Tag],
            Self::NotDurable | Self::Dropped => &[Defence::Checkpoints],
            Self::AnotherLine => &[Defence::Checkpoints, Defence::Lines],
        }
    }

    /// Says whether it is told to collection alone.
    pub const fn is_of_collection(self) -> bool {
        matches!(self, Self::WithheldFromCollection | Self::LateCollection)
    }

    /// Says whether it is told while footage is on its way.
    pub const fn is_of_streams(self) -> bool {
        matches!(self, Self::OldPosition | Self::LatePosition)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One lie of a run: `seam:kind@rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lie {
    /// The seam that lies.
    pub liar: Liar,
    /// The kind of lie.
    pub kind: Kind,
    /// The share of answers that are to be lies, 0 to 1.
    pub rate: f64,
}

/// The counts of one lie of a run.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    /// The lie.
    pub lie: Lie,
    /// The number of times that it was told.
    pub times: u64,
    /// The number of answers of its seam that might have been lies.
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
    /// Makes the lies of a run.
    pub fn new(seed: u64, lies: &[Lie]) -> Self {
        Self {
            seed,
            lies: lies.iter().map(|lie| (*lie, AtomicU64::new(0))).collect(),
            answers: TABLE.iter().map(|_| AtomicU64::new(0)).collect(),
            silent: AtomicBool::new(false),
        }
    }

    /// Returns the share of this lie in this run, 0 to 1.
    pub fn rate(&self, liar: Liar, kind: Kind) -> f64 {
        let told = self.lies.iter().find(|(lie, _)| (lie.liar, lie.kind) == (liar, kind));
        told.map_or(0.0, |(lie, _)| lie.rate)
    }

    /// Says whether this lie may be told at all in this run.
    pub fn has(&self, liar: Liar, kind: Kind) -> bool {
        self.rate(liar, kind) > 0.0
    }

    /// Says whether any such lie may be told in this run.
    pub fn has_any(&self, of: impl Fn(Kind) -> bool) -> bool {
        self.lies.iter().any(|(lie, _)| of(lie.kind) && lie.rate > 0.0)
    }

    /// Silences all liars, or lets them lie again.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// Says whether all liars are silent.
    pub fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Says whether, and how, the seam lies in its next answer. A liar that then tells the lie
    /// reports it by [`Lies::was_told`].
    pub fn next(&self, liar: Liar) -> Option<Kind> {
        if self.is_silent() {
            return None;
        }
        let turn = self.answers.get(liar as usize)?.fetch_add(1, Ordering::Relaxed);
        // The place of this answer in 0..1, on 53 bits.
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

    /// Returns how many answers the seam has given so far that might have been lies.
    pub fn answers(&self, liar: Liar) -> u64 {
        self.answers.get(liar as usize).map_or(0, |answers| answers.load(Ordering::Relaxed))
    }

    /// Draws a number for a liar's choices, from the seed and the number of answers so far.
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

    /// Returns the lies, how often each was told, and how many answers its seam gave.
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
    use crate::said::Told;

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
        let mut forged: Vec<Defence> = Vec::new();
        for (liar, kinds) in TABLE {
            for kind in *kinds {
                assert!(!kind.forged_with(*liar).is_empty(), "{kind}");
                forged.extend(kind.forged_with(*liar));
            }
        }
        for defence in Defence::ALL {
            assert!(forged.contains(&defence), "no control forges {defence}");
        }
    }
}
