//! A viewer's list of cameras leaves only if its rights are those that it was made of.

use crate::footage::testing::{Home, drain};
use crate::ledger::Counts as _;
use bytes::Bytes;
use eyesonly_gate::registry::Expect;
use eyesonly_gate::{Departure, Identified, Keys as _, RawCredential, Refused, Seam};
use eyesonly_rights::Mint;

const LIST: &[u8] = b"Front door";

/// Returns what the viewer may see now.
async fn identified(home: &Home) -> Identified {
    let (raw, tag) = home.presents();
    home.admission.rights(raw, &tag).await.unwrap()
}

async fn of_list(
    home: &Home,
    identified: &Identified,
    raw: &RawCredential,
) -> Result<Departure, Refused> {
    Departure::of_list(&home.admission, identified, raw, Bytes::from_static(LIST), false).await
}

#[tokio::test]
async fn a_list_leaves_as_it_was_made() {
    let home = Home::new().await;
    let mut departure = of_list(&home, &identified(&home).await, home.presents().0).await.unwrap();
    assert_eq!((departure.length(), home.ledger.deliveries()), (Some(LIST.len() as u64), 1));
    assert_eq!(drain(&mut departure).await, (LIST.to_vec(), None));
}

#[tokio::test]
async fn a_list_leaves_after_a_write_about_somebody_else() {
    let home = Home::new().await;
    let before = identified(&home).await;
    home.admin.add_household("Birch Row 12", 1 << 40).await.unwrap();
    assert!(of_list(&home, &before, home.presents().0).await.is_ok());
}

#[tokio::test]
async fn a_list_stays_when_the_rights_changed() {
    let home = Home::new().await;
    let before = identified(&home).await;
    let mint = Mint::new(home.keys.edge());
    home.residents().write_rights(&home.records, &mint, vec![], Expect::Any).await;
    let refused = of_list(&home, &before, home.presents().0).await.err().unwrap();
    assert!(matches!(refused, Refused::Unavailable(Seam::Registry, _)), "{refused}");
}

#[tokio::test]
async fn a_list_stays_when_the_session_ended() {
    let home = Home::new().await;
    let before = identified(&home).await;
    home.residents().sign_out(&home.records).await;
    let refused = of_list(&home, &before, home.presents().0).await.err().unwrap();
    assert!(matches!(refused, Refused::Unidentified), "{refused}");
}

#[tokio::test]
async fn a_list_leaves_to_its_own_credential_alone() {
    let home = Home::new().await;
    let identified = identified(&home).await;
    assert!(of_list(&home, &identified, &RawCredential::new("ev1.AAAA")).await.is_err());
    assert_eq!(home.ledger.deliveries(), 0);
}
