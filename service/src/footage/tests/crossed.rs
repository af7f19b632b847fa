//! An instance's answer leaves only by its own request. The answer does not leave by another
//! request of the same viewer, in the envelope of another answer, or to whoever presents another
//! credential.

use super::{body, held, open, with_still};
use crate::footage::testing::Home;
use crate::ledger::Counts as _;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Answer, Content, Grant, Instance, RawCredential, Seam};
use eyesonly_rights::{Action, Fault};
use std::sync::Arc;

fn bytes(grant: &Arc<Grant>, bytes: &[u8]) -> Answer {
    let content = Content::Bytes(bytes.to_vec().into());
    let instance = Instance::new(Arc::clone(grant));
    instance.answers(Status::Ok, MediaType::Jpeg, content).unwrap()
}

async fn footage(home: &Home) -> (Arc<Grant>, Answer) {
    let held = held(home).await.unwrap();
    let length = held.length();
    super::answer(Box::new(held), 0, length)
}

/// Returns how many answers the way out rejected.
fn rejected(home: &Home) -> u64 {
    home.ledger.misdeliveries(Seam::WayOut, Fault::WrongAnswer)
}

#[tokio::test]
async fn an_answer_leaves_by_its_own_request_alone() {
    let (home, still) = with_still().await;
    let (mine, other) = (home.grant(Action::Live).await, home.grant(Action::Live).await);
    let raw = home.presents().0;
    // Bytes and footage of another request are handed to mine in my own envelope. The envelope
    // proves nothing.
    assert!(open(&home, &mine, raw, bytes(&other, b"another's")).await.is_err());
    assert_eq!(rejected(&home), 1);
    let (_, another) = footage(&home).await;
    assert!(open(&home, &mine, raw, another).await.is_err());
    assert_eq!(
        (rejected(&home), home.ledger.deliveries()),
        (2, 0),
        "and nothing was written down as delivered"
    );
    // Each leaves by its own request.
    assert!(open(&home, &mine, raw, bytes(&mine, b"mine")).await.is_ok());
    let (grant, own) = footage(&home).await;
    let departure = open(&home, &grant, raw, own).await.unwrap();
    assert_eq!((departure.length(), home.ledger.deliveries()), (Some(still.len() as u64), 2));
}

#[tokio::test]
async fn an_instance_answers_with_objects_of_its_own_grant() {
    let (home, _) = with_still().await;
    let held = held(&home).await.unwrap();
    let length = held.length();
    let content = Content::Footage { source: Box::new(held), offset: 0, length };
    let other = Instance::new(home.grant(Action::Live).await);
    assert!(other.answers(Status::Ok, MediaType::Jpeg, content).is_err());
}

#[tokio::test]
async fn whoever_presents_another_credential_gets_nothing() {
    let (home, _) = with_still().await;
    let grant = home.grant(Action::Live).await;
    for raw in ["", "ev1.AAAA"] {
        let answer = bytes(&grant, &body(10, 1));
        assert!(open(&home, &grant, &RawCredential::new(raw), answer).await.is_err(), "{raw}");
    }
    assert_eq!((rejected(&home), home.ledger.deliveries()), (2, 0));
}
