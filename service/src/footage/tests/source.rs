//! The source of footage is not trusted. A piece leaves only if it is of the located object, from
//! the place that was asked for, and no longer than asked.

use super::{Held, answer, body, depart_part, held, jpeg, with_still};
use crate::footage::testing::{drain, footage_id};
use crate::ledger::Counts as _;
use async_trait::async_trait;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Content, Cut, Instance, Located, Plain, Source};
use eyesonly_rights::Action;
use eyesonly_seal::Kind;
use http_body::Body as _;

/// The length of one extent of plain footage, in bytes.
const EXTENT: u64 = 1_048_576;

/// The faults of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    None,
    OtherObject,
    OtherGrant,
    /// The object and its pieces become those of another grant, both at once.
    Swapped,
    OneByteOn,
    OneByteMore,
    Nothing,
    LastPiece,
}

struct Liar {
    honest: Held,
    other_object: Held,
    other_grant: Held,
    lie: Lie,
    asked: u32,
}

#[async_trait]
impl Source for Liar {
    fn located(&self) -> &Located {
        if self.lie == Lie::Swapped && self.asked > 1 {
            return self.other_grant.located();
        }
        self.honest.located()
    }
    async fn piece(&mut self, at: u64, end: u64) -> Result<Plain, Cut> {
        // The first question is about the length, and has a true answer.
        self.asked += 1;
        match self.lie {
            Lie::LastPiece if self.asked == 1 => Err(Cut),
            Lie::None | Lie::LastPiece => self.honest.piece(at, end).await,
            _ if self.asked == 1 => self.honest.piece(at, end).await,
            Lie::OtherObject => self.other_object.piece(at, end).await,
            Lie::OtherGrant | Lie::Swapped => self.other_grant.piece(at, end).await,
            Lie::OneByteOn => self.honest.piece(at + 1, end).await,
            Lie::OneByteMore => self.honest.piece(at, end + 1).await,
            Lie::Nothing => self.honest.piece(at, at).await,
        }
    }
}

#[tokio::test]
async fn a_piece_that_does_not_fit_does_not_leave() {
    let (home, still) = with_still().await;
    let event = footage_id();
    home.put_event(event, "at the door").await.unwrap();
    home.put(Kind::EventStill, event, &jpeg(&body(2_200_000, 7))).await.unwrap();
    for lie in [
        Lie::OtherObject,
        Lie::OtherGrant,
        Lie::Swapped,
        Lie::OneByteOn,
        Lie::OneByteMore,
        Lie::Nothing,
        Lie::LastPiece,
        Lie::None,
    ] {
        let grant = home.grant(Action::Live).await;
        let honest = home.footage.newest_still(&grant).await.unwrap();
        let other_object = home.footage.event_still(&grant, event).await.unwrap();
        let other_grant = held(&home).await.unwrap();
        let liar = Liar { honest, other_object, other_grant, lie, asked: 0 };
        let opened = depart_part(&home, Box::new(liar), 10, 1000).await;
        assert_eq!(opened.is_ok(), lie == Lie::None, "{lie:?}");
        if let Ok(mut departure) = opened {
            assert!(drain(&mut departure).await == (still[10..1010].to_vec(), None));
        }
    }
    assert_eq!(home.ledger.deliveries(), 1, "nothing else was written down as delivered");
}

#[tokio::test]
async fn an_answer_is_narrowed_to_a_part_of_itself() {
    let (home, still) = with_still().await;
    let within = [(100, 50), (100, 1), (149, 1), (120, 30)];
    let outside = [(99, 2), (99, 51), (100, 51), (149, 2), (150, 1), (120, 0), (u64::MAX, 1)];
    for (from, bytes) in within.into_iter().chain(outside) {
        let (grant, mut answer) = answer(Box::new(held(&home).await.unwrap()), 100, 50);
        let fits = answer.narrow(from, bytes);
        assert_eq!(fits, within.contains(&(from, bytes)), "{bytes} from {from}");
        let (from, bytes) = if fits { (from, bytes) } else { (100, 50) };
        let (got, cut) = home.let_out(&grant, answer).await.unwrap();
        assert!(cut.is_none() && got == still[from as usize..(from + bytes) as usize]);
    }
    let instance = Instance::new(home.grant(Action::Live).await);
    let content = Content::Bytes(vec![0; 10].into());
    let mut bytes = instance.answers(Status::Ok, MediaType::Jpeg, content).unwrap();
    assert!(!bytes.narrow(0, 5), "only footage is narrowed");
}

#[tokio::test]
async fn a_body_says_what_is_left_of_it() {
    let (home, _) = with_still().await;
    let source = Box::new(held(&home).await.unwrap());
    let mut departure = depart_part(&home, source, 5, 200_000).await.unwrap();
    assert!(!departure.is_end_stream());
    assert_eq!(departure.size_hint().exact(), Some(200_000));
    drain(&mut departure).await;
    assert!(departure.is_end_stream());
    assert_eq!(departure.size_hint().exact(), Some(0));
}

#[tokio::test]
async fn the_extent_that_was_decided_on_leaves_whole() {
    let (home, still) = with_still().await;
    let (from, length) = (EXTENT + 10, still.len() as u64 - EXTENT - 10);
    let source = Box::new(held(&home).await.unwrap());
    let mut departure = depart_part(&home, source, from, length).await.unwrap();
    home.admin.remove_camera(home.camera).await.unwrap();
    let (got, cut) = drain(&mut departure).await;
    assert_eq!(cut, Some(Cut));
    assert!(got == still[from as usize..2 * EXTENT as usize], "{} bytes", got.len());
}
