//! One replay against one server: it settles the town, lets its cameras push and its viewers look, before, during and after they all come back
//! at once, and counts what came of it.

use super::arena::{Arena, Ground, Which};
use super::client::Client;
use super::lies::{Count, Kind as LieKind, Liar, Lie, Lies, seam_name};
use super::load::Crowd;
use super::mark::mix;
use super::report::{Misdeliveries, Side};
use super::tally::Tally;
use super::town::{Place, Town};
use super::webcache::WebCache;
use super::whose;
use crate::clock;
use crate::defence::{self, Defence};
use crate::sandbox::Handler;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often whoever watches is told how far a run is.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// What is replayed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything follows from.
    pub seed: u64,
    /// How many households.
    pub households: u32,
    /// Cameras of each.
    pub cameras_each: u32,
    /// How many stills and events each camera has handed in before the outage.
    pub before: u32,
    /// How many it has kept and pushes when it comes back.
    pub backlog: u32,
    /// How often each viewer comes in the herd.
    pub visits: u64,
    /// At least so many requests: viewers come back until then.
    pub requests_min: u64,
    /// Over how long they come back.
    pub jitter: Duration,
    /// How many cameras and viewers are at it at once.
    pub workers: usize,
    /// The share of questions that are given up in the middle.
    pub dropped_share: f64,
    /// What is told.
    pub lies: Vec<Lie>,
    /// Which tiers there are, the nearest first.
    pub tiers: Vec<Liar>,
    /// Budget of each of them.
    pub tier_bytes: u64,
    /// Where folders are made; none: where temporary ones are.
    pub folder: Option<PathBuf>,
}

/// What came of it.
pub struct Outcome {
    /// As the clients saw it, with the server's own numbers beside.
    pub side: Side,
    /// How often each lie was told.
    pub told: Vec<Count>,
}

/// Who has a turn.
#[derive(Debug, Clone, Copy)]
enum Job {
    Push(Place),
    Visit(u32, u64),
    Check(Place),
}

/// Where a run is, for whoever watches.
pub type Watch<'a> = &'a (dyn Fn(&str, &Tally) + Sync);

/// Replays the plan against one kind of server.
///
/// # Errors
/// What could not be set up; what goes wrong in the storm is counted.
pub async fn replay(
    which: Which,
    plan: &Plan,
    handlers: (Handler, Handler),
    watch: Watch<'_>,
) -> anyhow::Result<Outcome> {
    whose::forget();
    let town = Arc::new(Town::new(
        plan.seed,
        plan.households,
        plan.cameras_each,
        clock::now_milliseconds(),
    ));
    let lies = Arc::new(Lies::new(plan.seed, &plan.lies));
    let (tally, unseen) = (Arc::new(Tally::default()), Arc::new(Tally::default()));
    watch("settling the town", &tally);
    let ground = Ground {
        town: &town,
        lies: Arc::clone(&lies),
        tiers: &plan.tiers,
        tier_bytes: plan.tier_bytes,
        folder: plan.folder.as_deref(),
        handlers,
    };
    let arena = Arena::open(which, ground).await?;
    let cache = if lies.has(Liar::WayOut, LieKind::WebCache) {
        Some(WebCache::open(arena.address, Arc::clone(&lies)).await?)
    } else {
        None
    };
    let door = cache.as_ref().map_or(arena.address, |cache| cache.address);
    let crowd = Arc::new(crowd(which, plan.dropped_share, &town, &arena, Client::new(door)));

    // What was there before the outage comes in peace.
    lies.be_silent(true);
    let pushes: Vec<Job> = town.places().map(Job::Push).collect();
    let before = Turns {
        numbers: 0..plan.before,
        ..Turns::of("cameras hand in what was before", pushes.clone())
    };
    run(&crowd, plan, before, &unseen, watch).await;
    lies.be_silent(false);

    tally.next_phase();
    let visitors = |nth: u64| visitors(plan, nth);
    let quiet = Turns::of("before the outage", visitors(0));
    run(&crowd, plan, quiet, &tally, watch).await;

    tally.next_phase();
    run(&crowd, plan, herd(plan, pushes), &tally, watch).await;

    tally.next_phase();
    partings(&crowd, plan, &town, &arena).await?;
    let mut nth = plan.visits;
    loop {
        nth += 1;
        let after = Turns::of("afterwards", visitors(nth));
        run(&crowd, plan, after, &tally, watch).await;
        if tally.so_far().0 >= plan.requests_min {
            break;
        }
    }
    tally.end_phase();
    let (origin_reads, origin_objects) = arena.origin_reads();

    // Is what was acknowledged there? Nobody lies any more.
    lies.be_silent(true);
    let checks = Turns::of(
        "looking for what was acknowledged",
        town.places().map(Job::Check).collect(),
    );
    run(&crowd, plan, checks, &tally, watch).await;
    let mut side = tally.side();
    side.uploads_acknowledged += unseen.side().uploads_acknowledged;
    (side.origin_reads, side.origin_objects) = (origin_reads, origin_objects);
    add_what_the_server_counted(&mut side, &arena);
    Ok(Outcome {
        side,
        told: lies.told(),
    })
}

/// Every viewer, for the nth time.
fn visitors(plan: &Plan, nth: u64) -> Vec<Job> {
    let households = 0..plan.households;
    households.map(|household| Job::Visit(household, nth)).collect()
}

/// Every camera with what it kept, and every viewer, in an order that follows from the seed.
fn herd(plan: &Plan, pushes: Vec<Job>) -> Turns {
    let mut jobs = pushes;
    for nth in 1..=plan.visits {
        jobs.extend(visitors(plan, nth));
    }
    shuffle(&mut jobs, plan.seed);
    Turns {
        numbers: plan.before..plan.before + plan.backlog,
        jitter: plan.jitter,
        ..Turns::of("everybody comes back at once", jobs)
    }
}

/// Its misdeliveries and tiers set aside, by the names that lies have.
fn add_what_the_server_counted(side: &mut Side, arena: &Arena) {
    let misdeliveries = arena.misdeliveries().into_iter();
    side.misdeliveries = misdeliveries
        .map(|(seam, fault, count)| Misdeliveries {
            seam: seam_name(seam).to_owned(),
            fault: fault.name().replace('_', "-"),
            count,
        })
        .collect();
    let aside = arena.set_aside().into_iter();
    side.set_aside = aside.map(|(seam, times)| (seam_name(seam).to_owned(), times)).collect();
}

/// The cameras and viewers of a server that was settled with the town.
pub fn crowd(which: Which, dropped_share: f64, town: &Arc<Town>, arena: &Arena, client: Client) -> Crowd {
    let viewer = |household: u32| {
        let credential = arena
            .credentials
            .mint_viewer(town.viewer_id(household), town.session_id(household));
        let tag = match which {
            // One address for everybody, as where nothing of the session is in it.
            Which::Conventional => "me".to_owned(),
            Which::Here if !defence::is_on(Defence::Tag) => "0".repeat(32),
            Which::Here => arena
                .credentials
                .verify_viewer(&credential)
                .map_or_else(|_| "0".repeat(32), |verified| verified.tag().to_text()),
        };
        (credential, format!("/v1/{tag}"))
    };
    let camera = |place: Place| {
        arena.credentials.mint_camera(
            town.household_id(place.household),
            town.camera_id(place),
            town.credential_id(place),
        )
    };
    Crowd::new(
        Arc::clone(town),
        client,
        (0..town.households).map(viewer).collect(),
        town.places().map(camera).collect(),
        Arc::clone(&arena.lies),
        dropped_share,
    )
}

/// Some viewers sign out, and from some a camera is taken: what they still ask for afterwards is not theirs.
async fn partings(crowd: &Crowd, plan: &Plan, town: &Town, arena: &Arena) -> anyhow::Result<()> {
    for household in 0..plan.households {
        match household % 8 {
            1 => {
                crowd.sign_out(household).await;
            }
            2 => {
                let place = Place { household, camera: 0 };
                arena.revoke(town, place).await?;
                crowd.revoked(place);
            }
            _ => {}
        }
    }
    Ok(())
}

fn shuffle(jobs: &mut [Job], seed: u64) {
    for at in (1..jobs.len()).rev() {
        let other = usize::try_from(mix(&[seed, 10, at as u64]) % (at as u64 + 1)).unwrap_or(0);
        jobs.swap(at, other);
    }
}

/// Who has a turn in one part of a run, and with what.
struct Turns {
    /// What is said of it to whoever watches.
    what: &'static str,
    jobs: Vec<Job>,
    /// What the cameras hand in.
    numbers: Range<u32>,
    /// Over how long they come.
    jitter: Duration,
}

impl Turns {
    /// All at once, and nothing to be handed in.
    fn of(what: &'static str, jobs: Vec<Job>) -> Self {
        Self {
            what,
            jobs,
            numbers: 0..0,
            jitter: Duration::ZERO,
        }
    }
}

/// Lets so many at once have their turns, until all had theirs.
async fn run(crowd: &Arc<Crowd>, plan: &Plan, turns: Turns, tally: &Arc<Tally>, watch: Watch<'_>) {
    let Turns {
        what,
        jobs,
        numbers,
        jitter,
    } = turns;
    let jobs = Arc::new(jobs);
    let next = Arc::new(AtomicUsize::new(0));
    // Spread over the jitter, each has its own moment; without it, as many as there are workers come at once.
    let pause = jitter.div_f64((jobs.len() as f64 / plan.workers.max(1) as f64).max(1.0));
    let workers = (0..plan.workers.min(jobs.len())).map(|_| {
        let (crowd, jobs, next, tally, numbers) = (
            Arc::clone(crowd),
            Arc::clone(&jobs),
            Arc::clone(&next),
            Arc::clone(tally),
            numbers.clone(),
        );
        tokio::spawn(async move {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                match *job {
                    Job::Push(place) => crowd.push(place, numbers.clone(), &tally).await,
                    Job::Visit(household, nth) => crowd.visit(household, nth, &tally).await,
                    Job::Check(place) => crowd.check_kept(place, &tally).await,
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
        })
    });
    let all = futures::future::join_all(workers);
    tokio::pin!(all);
    let mut look = tokio::time::interval(WATCH_EVERY);
    loop {
        tokio::select! {
            _ = &mut all => return,
            _ = look.tick() => watch(what, tally),
        }
    }
}
