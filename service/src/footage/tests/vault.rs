//! What the vault makes of rows and parts, at its edges.

use crate::footage::testing::{Home, footage_id};
use eyesonly_gate::vault::State;
use eyesonly_rights::Action;

#[tokio::test]
async fn a_tombstone_has_nothing_of_what_it_buries() {
    let (home, event) = (Home::new().await, footage_id());
    home.put_event(event, "at the door").await.unwrap();
    let grant = home.grant(Action::Delete).await;
    let [details, ..] = grant.ask_to_delete(event).unwrap();
    let (nonce, _) = home.records.question();
    let slots = [details.slot().unwrap()];
    let row = home.catalogue.index().objects(&slots, nonce).await.unwrap().rows.remove(0);
    assert!(row.inline.is_some(), "the details are kept in the row");
    let tombstone = details.bury(&row).unwrap();
    assert_eq!((tombstone.inline.is_none(), tombstone.state), (true, State::Deleted));
    assert_eq!(details.prove(&tombstone), Ok(State::Deleted));
    assert_eq!(details.prove(&row), Ok(State::Live));
}
