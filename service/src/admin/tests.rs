//! Tests of what people lose and keep: what has ended by itself, and households that go.

mod sequences;
mod sharing;
mod transfer;
mod vectors;

use super::*;
use crate::index::memory::MemoryIndex;
use crate::keys::memory::MemoryKeys;
use crate::ledger::MemoryLedger;
use crate::registry::memory::MemoryRegistry;
use crate::testing::doors;
use eyesonly_gate::{Admission, Keys as _};
use eyesonly_rights::{Kinds, Role, ViewerRecord, Window};
use eyesonly_seal::ViewerId;

/// Returns a share of all kinds, of any time, without an end.
fn whole(camera: CameraId, viewer: ViewerId) -> Share {
    Share {
        camera,
        viewer,
        giver: None,
        kinds: Kinds::ALL,
        window: Window::default(),
        expires_at_seconds: None,
    }
}

struct Town {
    admin: Admin,
    keys: Arc<MemoryKeys>,
    door: Arc<Admission>,
}

impl Town {
    fn new() -> Self {
        let (keys, ledger) = (Arc::new(MemoryKeys::default()), Arc::new(MemoryLedger::default()));
        let registry = Arc::new(MemoryRegistry::default());
        let (records, door) = doors(Arc::clone(&keys) as _, registry, ledger);
        let catalogue = Catalogue::new(Arc::new(MemoryIndex::default()), Arc::clone(&records));
        let admin = Admin::new(Arc::clone(&keys) as _, records, catalogue);
        Self { admin, keys, door }
    }

    async fn home(&self, name: &str) -> HouseholdId {
        let home = self.admin.add_household(name, 1 << 40).await.unwrap();
        self.admin.add_camera(home, "Door", "", None).await.unwrap();
        home
    }

    async fn viewer(&self, home: Option<HouseholdId>, name: &str) -> ViewerId {
        let password = Zeroizing::new("a long password".to_owned());
        self.admin.add_viewer(home, name, &password).await.unwrap()
    }

    async fn rights(&self, viewer: ViewerId) -> Option<ViewerRecord> {
        self.admin.records.read(viewer.as_bytes()).await.unwrap()
    }

    /// Makes a viewer an installer whose time is over.
    async fn was_an_installer(&self, home: HouseholdId, viewer: ViewerId) {
        self.admin.set_member(home, viewer, Role::Installer, Some(60)).await.unwrap();
        let write = async |writing: &mut Writing<'_>| {
            let mut record: HouseholdRecord = self.admin.read(home.as_bytes(), "").await?;
            for member in record.members.iter_mut().filter(|member| member.viewer == viewer) {
                member.until_seconds = Some(1);
            }
            let expect = writing.renumber(&mut record.sequence);
            writing.put(&record, expect)
        };
        self.admin.settle(write).await.unwrap();
    }
}

/// One commit changes two households of one viewer, and the record of a third person twice.
#[tokio::test]
async fn an_account_goes_from_two_households_at_once() {
    let town = Town::new();
    let (alder, birch) = (town.home("Alder Lane 4").await, town.home("Birch Row 9").await);
    let both = town.viewer(Some(alder), "both").await;
    town.admin.set_member(birch, both, Role::Owner, None).await.unwrap();
    let technician = town.viewer(None, "technician").await;
    for home in [alder, birch] {
        town.viewer(Some(home), &format!("owner-{home}")).await;
        town.was_an_installer(home, technician).await;
    }
    assert_eq!(town.rights(technician).await.unwrap().households.len(), 2);
    town.admin.remove_viewer(both).await.unwrap();
    assert!(town.rights(both).await.is_none());
    let left = town.rights(technician).await.unwrap();
    assert!(left.households.is_empty() && left.cameras.is_empty(), "{left:?}");
}

/// A household that is removed takes the accounts of its owners and members along, of those who
/// have nothing elsewhere.
#[tokio::test]
async fn a_household_takes_no_account_that_is_not_its_own() {
    let town = Town::new();
    let (alder, birch) = (town.home("Alder Lane 4").await, town.home("Birch Row 9").await);
    let own = town.viewer(Some(alder), "own").await;
    let both = town.viewer(Some(alder), "both").await;
    town.admin.set_member(birch, both, Role::Member, None).await.unwrap();
    let (past, now) = (town.viewer(None, "past").await, town.viewer(None, "now").await);
    town.was_an_installer(alder, past).await;
    town.admin.set_member(alder, now, Role::Installer, Some(60)).await.unwrap();
    let guest = town.viewer(None, "guest").await;
    let home: HouseholdRecord = town.admin.read(alder.as_bytes(), "").await.unwrap();
    let share = |viewer| whole(home.cameras[0], viewer);
    town.admin.share(share(guest)).await.unwrap();
    // Whose time as an installer is over can be given something.
    town.admin.share(share(past)).await.unwrap();
    assert!(town.admin.share(share(now)).await.is_err());

    let stale = town.viewer(None, "stale").await;
    town.was_an_installer(alder, stale).await;

    town.admin.remove_household(alder).await.unwrap();
    assert!(town.rights(own).await.is_none());
    for (who, households) in [(both, 1), (past, 0), (now, 0), (guest, 0), (stale, 0)] {
        let left = town.rights(who).await.unwrap();
        assert_eq!((left.households.len(), left.cameras.len()), (households, 0), "{left:?}");
    }
    assert!(town.keys.household_key(alder).is_err());
    assert!(town.admin.remove_household(alder).await.is_err());
    town.admin.remove_viewer(both).await.unwrap();
}

/// What was shared with an installer before does not come back when the role has ended.
#[tokio::test]
async fn a_share_does_not_sleep_under_a_role() {
    let town = Town::new();
    let alder = town.home("Alder Lane 4").await;
    town.viewer(Some(alder), "owner").await;
    let fitter = town.viewer(None, "fitter").await;
    let home: HouseholdRecord = town.admin.read(alder.as_bytes(), "").await.unwrap();
    town.admin.share(whole(home.cameras[0], fitter)).await.unwrap();
    town.was_an_installer(alder, fitter).await;
    // Somebody else is given something, and the record is written anew.
    town.viewer(Some(alder), "other").await;
    let left = town.rights(fitter).await.unwrap();
    assert!(left.cameras.is_empty() && left.households.is_empty(), "{left:?}");
}

/// Somebody whose record is gone does not keep others from losing their rights.
#[tokio::test]
async fn a_record_that_is_gone_stops_no_revocation() {
    let town = Town::new();
    let alder = town.home("Alder Lane 4").await;
    let [one, two, gone] = ["one", "two", "gone"];
    let (one, two) = (town.viewer(Some(alder), one).await, town.viewer(Some(alder), two).await);
    let gone = town.viewer(Some(alder), gone).await;
    let take = async |writing: &mut Writing<'_>| {
        writing.remove(ViewerRecord::KIND, gone.as_bytes().to_vec());
        Ok(())
    };
    town.admin.settle(take).await.unwrap();
    town.admin.remove_member(alder, two).await.unwrap();
    assert!(town.rights(two).await.unwrap().cameras.is_empty());
    town.admin.add_camera(alder, "Garden", "", None).await.unwrap();
    assert_eq!(town.rights(one).await.unwrap().cameras.len(), 2);
    town.admin.remove_member(alder, gone).await.unwrap();
}

/// Whoever confirms a request or reads a report has to see a name.
#[tokio::test]
async fn a_name_can_be_seen() {
    let town = Town::new();
    let blanks = [
        "",
        " \u{2003}",
        "\u{ad}",
        "\u{200b}\u{feff}",
        "\u{e0041}",
        "\u{3164}",
        "\u{115f}",
        "\u{2800}",
        "\u{fff9}",
        "\u{e000}",
        "\u{10ffff}",
        "\u{378}",
        "\u{fffc}",
        "a\u{2028}b",
    ];
    for blank in blanks {
        let refused = town.admin.add_household(blank, 1).await;
        assert!(matches!(refused, Err(AdminError::Input(_))), "{blank:?}: {refused:?}");
    }
    for seen in ["Alder Lane 4", "#1", "\u{1f468}\u{200d}\u{1f33e}", "ไร่", "e\u{301}"] {
        town.admin.add_household(seen, 1).await.unwrap();
    }
}
