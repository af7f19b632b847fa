//! Random acts of sharing beside a model of who may see what.
//!
//! After each act, everybody's rights to every camera are the model's, and the act was allowed if
//! the model allows it. A failure names the shortest acts that show it, and the seed.
//!
//! Variables: EYESONLY_SEQUENCES, how many are tried, and EYESONLY_SEQUENCES_SEED repeats a run.

mod model;

use super::sharing::Lane;
use super::whole;
use crate::admin::{Admin, AdminError, Offer, Share, Signed};
use crate::clock;
use eyesonly_rights::{Action, Kinds, Rights, Role, Window};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, Kind, ViewerId};
use model::{Act, Fault, Given, LOOKED_AT, Model, PEOPLE, Who};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// The number of sequences that are tried, unless the variable says another.
const SEQUENCES: u32 = 150;
/// The most acts of one.
const ACTS_MAX: usize = 24;
const NAMES: [&str; PEOPLE] = ["alder", "birch", "fern", "moss", "pine"];
const DAY_MILLISECONDS: i64 = 86_400_000;

fn who() -> impl Strategy<Value = Who> {
    0..PEOPLE
}

/// Mostly one of the two who own a household.
fn owner() -> impl Strategy<Value = Who> {
    prop_oneof![4 => 0..2_usize, 1 => who()]
}

/// One of those that there are: the number is brought into range when the act is done.
fn any_one() -> impl Strategy<Value = usize> {
    0..1_000_usize
}

fn given() -> impl Strategy<Value = Given> {
    let kinds = any::<[bool; 3]>().prop_filter("nothing", |kinds| kinds.contains(&true));
    let from = prop_oneof![2 => Just(None), 1 => prop_oneof![-2..0_i64, 1..2_i64].prop_map(Some)];
    let until = prop_oneof![2 => Just(None), 1 => prop_oneof![-1..0_i64, 1..3_i64].prop_map(Some)];
    (kinds, from, until).prop_map(|(kinds, from, until)| Given { kinds, from, until })
}

fn act() -> impl Strategy<Value = Act> {
    let (home, one) = (|| 0..2_usize, any_one);
    prop_oneof![
        3 => (one(), who(), given())
            .prop_map(|(camera, to, given)| Act::Give { camera, to, given }),
        4 => (owner(), one(), who(), given())
            .prop_map(|(by, camera, to, given)| Act::Change { by, camera, to, given }),
        4 => (prop_oneof![owner(), who()], one(), who())
            .prop_map(|(by, camera, of)| Act::TakeBack { by, camera, of }),
        6 => (owner(), one(), proptest::option::weighted(0.4, who()), given(), any::<bool>())
            .prop_map(|(by, camera, only, given, past)| {
                Act::Invite { by, camera, only, given, past }
            }),
        7 => (who(), one()).prop_map(|(by, invitation)| Act::Accept { by, invitation }),
        6 => (owner(), one(), who())
            .prop_map(|(by, invitation, whom)| Act::Confirm { by, invitation, whom }),
        1 => (owner(), one()).prop_map(|(by, invitation)| Act::Withdraw { by, invitation }),
        3 => (owner(), one()).prop_map(|(by, camera)| Act::Offer { by, camera }),
        1 => (owner(), one()).prop_map(|(by, camera)| Act::Keep { by, camera }),
        4 => (owner(), one(), home()).prop_map(|(by, offer, home)| Act::Take { by, offer, home }),
        1 => one().prop_map(|camera| Act::Remove { camera }),
        2 => (home(), who(), proptest::bool::weighted(0.3))
            .prop_map(|(home, who, is_owner)| Act::Join { home, who, is_owner }),
        2 => (owner(), home(), who()).prop_map(|(by, home, who)| Act::Leave { by, home, who }),
    ]
}

/// Brings the numbers of cameras, invitations and offers into range. None: there is no such one.
fn in_range(act: &Act, model: &Model) -> Option<Act> {
    let [cameras, invitations, offers] = model.counts();
    let mut act = act.clone();
    let (number, count) = match &mut act {
        Act::Give { camera, .. }
        | Act::Change { camera, .. }
        | Act::TakeBack { camera, .. }
        | Act::Invite { camera, .. }
        | Act::Offer { camera, .. }
        | Act::Keep { camera, .. }
        | Act::Remove { camera } => (camera, cameras),
        Act::Accept { invitation, .. }
        | Act::Confirm { invitation, .. }
        | Act::Withdraw { invitation, .. } => (invitation, invitations),
        Act::Take { offer, .. } => (offer, offers),
        Act::Join { .. } | Act::Leave { .. } => return Some(act),
    };
    // The newest ones are the likeliest.
    *number = count.checked_sub(1)?.checked_sub(*number % count)?;
    Some(act)
}

/// The people, who stay, and their sessions.
struct Stage<S> {
    lane: Lane,
    people: Vec<(ViewerId, S)>,
}

async fn stage() -> Stage<impl Fn() -> Signed> {
    let lane = Lane::new().await;
    let mut people = Vec::new();
    for name in NAMES {
        // Everybody has a household elsewhere, so that the account stays when another one goes.
        let home = lane.town.home(name).await;
        let viewer = lane.town.viewer(Some(home), name).await;
        people.push((viewer, lane.signed(name).await));
    }
    Stage { lane, people }
}

/// The real things that the model has by number.
struct Real {
    homes: [HouseholdId; 2],
    cameras: Vec<CameraId>,
    invitations: Vec<(CredentialId, String)>,
    offers: Vec<String>,
}

impl<S: Fn() -> Signed> Stage<S> {
    fn admin(&self) -> &Admin {
        &self.lane.town.admin
    }

    fn by(&self, who: Who) -> Admin {
        self.admin().by((self.people[who].1)())
    }

    fn id(&self, who: Who) -> ViewerId {
        self.people[who].0
    }

    async fn begin(&self) -> Real {
        let mut homes = Vec::new();
        for (owner, name) in NAMES.into_iter().enumerate().take(2) {
            let home = self.admin().add_household(name, 1 << 40).await.unwrap();
            self.admin().set_member(home, self.id(owner), Role::Owner, None).await.unwrap();
            homes.push(home);
        }
        let mut cameras = Vec::new();
        for home in [0, 0, 1] {
            cameras
                .push(self.admin().add_camera(homes[home], "Door", "", None).await.unwrap().camera);
        }
        let homes = homes.try_into().unwrap();
        Real { homes, cameras, invitations: Vec::new(), offers: Vec::new() }
    }

    fn share(&self, real: &Real, camera: usize, to: Who, given: Given, now: u64) -> Share {
        let (kinds, window) = (kinds(given), window(given, now));
        Share { kinds, window, ..whole(real.cameras[camera], self.id(to)) }
    }

    /// Does an act, and says whether it was allowed.
    async fn does(&self, act: &Act, model: &Model, real: &mut Real, now: u64) -> bool {
        let done = match *act {
            Act::Give { camera, to, given } => {
                self.admin().share(self.share(real, camera, to, given, now)).await
            }
            Act::Change { by, camera, to, given } => {
                self.by(by).share(self.share(real, camera, to, given, now)).await
            }
            Act::TakeBack { by, camera, of } => {
                self.by(by).unshare(real.cameras[camera], self.id(of)).await
            }
            Act::Invite { by, camera, only, given, past } => {
                let (kinds, window) = (kinds(given), window(given, now));
                let (viewer, cameras) = (only.map(|who| self.id(who)), vec![real.cameras[camera]]);
                let offer =
                    Offer { cameras, kinds, window, past, expires_at_seconds: None, viewer };
                let home = real.homes[model.home_of(camera)];
                self.by(by).invite(home, offer, None).await.map(|made| {
                    real.invitations.push((made.invitation, made.token.to_string()));
                })
            }
            Act::Accept { by, invitation } => {
                self.by(by).accept(&real.invitations[invitation].1, None).await.map(|_| ())
            }
            Act::Confirm { by, invitation, whom } => {
                let home = real.homes[model.home_of(model.camera_of(invitation))];
                self.by(by).confirm(home, real.invitations[invitation].0, self.id(whom)).await
            }
            Act::Withdraw { by, invitation } => {
                let home = real.homes[model.home_of(model.camera_of(invitation))];
                self.by(by).withdraw(home, real.invitations[invitation].0).await
            }
            Act::Offer { by, camera } => {
                let offered = self.by(by).offer_camera(real.cameras[camera]).await;
                offered.map(|made| real.offers.push(made.token.to_string()))
            }
            Act::Keep { by, camera } => self.by(by).keep_camera(real.cameras[camera]).await,
            Act::Take { by, offer, home } => {
                let taken =
                    self.by(by).take_camera(&real.offers[offer], real.homes[home], "Hall").await;
                taken.map(|new| real.cameras.push(new.camera))
            }
            Act::Remove { camera } => self.admin().remove_camera(real.cameras[camera]).await,
            Act::Join { home, who, is_owner } => {
                let role = if is_owner { Role::Owner } else { Role::Member };
                self.admin().set_member(real.homes[home], self.id(who), role, None).await
            }
            Act::Leave { by, home, who } => {
                self.by(by).remove_member(real.homes[home], self.id(who)).await
            }
        };
        is_allowed(&done)
    }

    /// Says where the rights of everybody differ from the model's.
    async fn differs(&self, model: &Model, real: &Real, now: u64) -> Option<String> {
        for (who, (_, signed)) in self.people.iter().enumerate() {
            let signed = signed();
            let identified = self.lane.town.door.rights(&signed.raw, &signed.tag).await.unwrap();
            for (number, camera) in real.cameras.iter().enumerate() {
                if let Some(what) = differs(identified.rights(), *camera, model, (who, number), now)
                {
                    return Some(format!("{} at camera {number}: {what}", NAMES[who]));
                }
            }
        }
        None
    }

    /// Does acts, and says at which one something differs from the model.
    async fn run(&self, acts: &[Act], fault: Option<Fault>) -> Option<String> {
        let (mut model, mut real) = (Model::new(fault), self.begin().await);
        let now = clock::now_milliseconds();
        let mut wrong = self.differs(&model, &real, now).await;
        for act in acts {
            let Some(act) = in_range(act, &model).filter(|_| wrong.is_none()) else { continue };
            let done = self.does(&act, &model, &mut real, now).await;
            let allowed = model.allows(&act);
            wrong = match done == allowed {
                true => self.differs(&model, &real, now).await,
                false => Some(format!("allowed: {done}, by the model: {allowed}")),
            };
            wrong = wrong.map(|what| format!("{act:?}: {what}"));
        }
        for home in real.homes {
            self.admin().remove_household(home).await.unwrap();
        }
        wrong
    }
}

/// Whatever the reason of a refusal is, it is no fault of the registry.
fn is_allowed(done: &Result<(), AdminError>) -> bool {
    match done {
        Ok(()) => true,
        Err(AdminError::Refused(_) | AdminError::Registry(_) | AdminError::Conflict) => {
            panic!("{done:?}")
        }
        Err(_) => false,
    }
}

fn kinds(given: Given) -> Kinds {
    let [live, events, clips] = given.kinds;
    Kinds { live, events, clips }
}

fn milliseconds(day: f64, now: u64) -> u64 {
    now.saturating_add_signed((day * DAY_MILLISECONDS as f64) as i64)
}

fn window(given: Given, now: u64) -> Window {
    let at = |day: Option<i64>| day.map(|day| milliseconds(day as f64, now));
    Window { from_milliseconds: at(given.from), until_milliseconds: at(given.until) }
}

fn differs(
    rights: &Rights,
    camera: CameraId,
    model: &Model,
    (who, number): (Who, usize),
    now: u64,
) -> Option<String> {
    let right = model.right(who, number);
    let asked = [
        (Action::Live, Kind::Still, 0),
        (Action::Events, Kind::Event, 1),
        (Action::Clips, Kind::Clip, 2),
    ];
    for (action, kind, nth) in asked {
        let permit = rights.permit(camera, action);
        for day in LOOKED_AT {
            let sees = permit.as_ref().is_some_and(|one| one.covers(kind, milliseconds(day, now)));
            let may = right.is_some_and(|given| {
                let begins = given.from.is_none_or(|from| from as f64 <= day);
                begins && given.until.is_none_or(|until| day <= until as f64) && given.kinds[nth]
            });
            if sees != may {
                return Some(format!("{action:?} of day {day}: {sees}, by the model: {may}"));
            }
        }
    }
    let deletes = rights.permit(camera, Action::Delete).is_some();
    let may = model.deletes(who, number);
    (deletes != may).then(|| format!("deletes: {deletes}, by the model: {may}"))
}

/// Runs random sequences until one differs from the model.
fn compare(fault: Option<Fault>, cases: u32, seed: u64) -> Result<(), TestError<Vec<Act>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(stage());
    // A wrong model's sequence need not be short.
    let max_shrink_iters = if fault.is_some() { 0 } else { 2_000 };
    let config = Config { cases, max_shrink_iters, failure_persistence: None, ..Config::default() };
    let mut seeds = [0; 32];
    seeds[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seeds);
    TestRunner::new_with_rng(config, rng).run(&vec(act(), 1..=ACTS_MAX), |acts| {
        match runtime.block_on(stage.run(&acts, fault)) {
            None => Ok(()),
            Some(what) => Err(TestCaseError::fail(what)),
        }
    })
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn everybody_sees_what_the_model_says() {
    let seed = variable("EYESONLY_SEQUENCES_SEED").unwrap_or_else(clock::now_milliseconds);
    let cases = variable("EYESONLY_SEQUENCES").map_or(SEQUENCES, |cases| cases.try_into().unwrap());
    println!("{cases} sequences, EYESONLY_SEQUENCES_SEED={seed}");
    if let Err(error) = compare(None, cases, seed) {
        panic!("EYESONLY_SEQUENCES_SEED={seed}: {error}");
    }
}

#[test]
fn a_wrong_model_of_sharing_is_caught() {
    for fault in [
        Fault::Kept,
        Fault::Past,
        Fault::AfterTransfer,
        Fault::OldToken,
        Fault::NotNarrowed,
        Fault::LeftOver,
        Fault::Anybodys,
        Fault::Unconfirmed,
    ] {
        assert!(compare(Some(fault), 20_000, 1).is_err(), "{fault:?} is not found");
    }
}
