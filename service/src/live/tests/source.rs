//! The source of chunks is not trusted. A chunk leaves only if it is the chunk that was asked for,
//! under the very grant of the request.

use super::{hand_in, pieces, segments};
use crate::footage::testing::{Home, drain};
use crate::ledger::Counts as _;
use async_trait::async_trait;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::live::{Chunk, Follow, Part, Segment, Stream};
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Content, Cut, Departure, Instance, Leaving};
use eyesonly_rights::Action;
use std::sync::Arc;

/// The faults of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    None,
    /// The chunks are held under another grant.
    OtherGrant,
    /// The segment and its chunks are held under another grant, both at once.
    Swapped,
    /// The chunks are another segment's.
    OtherSegment,
    /// The segment and its chunks become another's, both at once.
    SwappedSegment,
    /// Each chunk is the one after it.
    NextChunk,
}

struct Liar<F> {
    honest: F,
    other_grant: F,
    other_segment: F,
    lie: Lie,
    has_begun: bool,
}

#[async_trait]
impl<F: Follow> Follow for Liar<F> {
    fn segment(&self) -> &Segment {
        match self.lie {
            Lie::Swapped if self.has_begun => self.other_grant.segment(),
            Lie::SwappedSegment if self.has_begun => self.other_segment.segment(),
            _ => self.honest.segment(),
        }
    }
    async fn chunk(&mut self, number: u64) -> Result<Chunk, Cut> {
        self.has_begun = true;
        match self.lie {
            Lie::None => self.honest.chunk(number).await,
            Lie::OtherGrant | Lie::Swapped => self.other_grant.chunk(number).await,
            Lie::OtherSegment | Lie::SwappedSegment => self.other_segment.chunk(number).await,
            Lie::NextChunk => self.honest.chunk(number + 1).await,
        }
    }
}

#[tokio::test]
async fn a_chunk_that_does_not_fit_does_not_leave() {
    let home = Home::new().await;
    let sent = pieces(0..60);
    hand_in(&home, sent.clone()).await.unwrap();
    for lie in [
        Lie::OtherGrant,
        Lie::Swapped,
        Lie::OtherSegment,
        Lie::SwappedSegment,
        Lie::NextChunk,
        Lie::None,
    ] {
        let (grant, other) = (home.grant(Action::Live).await, home.grant(Action::Live).await);
        let ids = segments(&home, &grant, 2).await;
        let open = async |grant, id| home.live.open(grant, Stream::Main, id).await.unwrap();
        let source = Box::new(Liar {
            honest: open(&grant, ids[0]).await,
            other_grant: open(&other, ids[0]).await,
            other_segment: open(&grant, ids[1]).await,
            lie,
            has_begun: false,
        });
        let content = Content::Live { source, part: Part::Media };
        let instance = Instance::new(Arc::clone(&grant));
        let answer = instance.answers(Status::Ok, MediaType::Mp4, content).unwrap();
        let leaving = Leaving { handed: Handed::Live, event: Some(ids[0]), is_head: false };
        let (door, raw) = (&home.admission, home.presents().0);
        let mut departure =
            Departure::open(door, &grant, raw, answer, leaving).await.unwrap_or_else(|_| panic!());
        let expected = match lie {
            Lie::None => (sent[1..31].concat(), None),
            _ => (Vec::new(), Some(Cut)),
        };
        assert!(drain(&mut departure).await == expected, "{lie:?}");
    }
    assert_eq!(home.ledger.deliveries(), 6, "each began");
}
