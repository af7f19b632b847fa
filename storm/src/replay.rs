//! One replay against one server. A replay settles the town, and lets cameras push and viewers look
//! before, during and after they all come back at once. The outcome has the counts of what came of
//! that.

use crate::arena::{Arena, Ground, Which};
use crate::client::Client;
use crate::defence::Defence;
use crate::lies::{Count, Kind as LieKind, Liar, Lie, Lies, seam_name};
use crate::live::Lives;
use crate::load::Crowd;
use crate::mark::mix;
use crate::report::{Misdeliveries, Side};
use crate::shares::Shares;
use crate::sharing;
use crate::streams;
use crate::tally::Tally;
use crate::town::{Place, Town};
use crate::webcache::WebCache;
use eyesonly::handlers::Handlers;
use eyesonly_rights::Verifier;
use eyesonly_service::clock;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time between two reports to the watcher.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// The wait until the next collection, as a multiple of the time that the last one took.
const COLLECT_PAUSE: u32 = 10;
/// The shortest wait between two collections.
const COLLECT_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The most times that everybody comes back in a control until something is seen of it.
const CONTROL_ROUNDS_MAX: u64 = 40;

/// The plan of a replay.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed that everything follows from.
    pub seed: u64,
    /// The number of households.
    pub households: u32,
    /// Cameras of each household.
    pub cameras_each: u32,
    /// The number of stills and events that each camera has handed in before the outage.
    pub before: u32,
    /// The number of stills and events that each camera has kept and pushes when it comes back.
    pub backlog: u32,
    /// The number of households, the first ones, whose viewers come.
    pub viewers: u32,
    /// The number of times that each viewer comes in the herd.
    pub visits: u64,
    /// The least number of requests: viewers come back until then.
    pub requests_min: u64,
    /// Says whether viewers come back until something is seen, too, within a bound. A control only
    /// has to be seen.
    pub until_seen: bool,
    /// The time over which they come back.
    pub jitter: Duration,
    /// The number of cameras and viewers that are active at once.
    pub workers: usize,
    /// The share of questions that are given up in the middle.
    pub dropped_share: f64,
    /// The lies that are told.
    pub lies: Vec<Lie>,
    /// The defences that the liars can forge; empty except in a control.
    pub forge: Vec<Defence>,
    /// The number of long clips that are on their way when their right is taken.
    pub streams: u32,
    /// Says whether households share cameras.
    pub shares: bool,
    /// The number of households, the first ones, whose cameras stream all the time. The viewer
    /// follows each camera.
    pub live: u32,
    /// The least number of segments that are followed after some rights were taken, if cameras
    /// stream.
    pub follows_min: u64,
    /// Says whether a tier that keeps lying is set aside.
    pub sets_aside: bool,
    /// Says whether ledgers are kept and audited: this system's on the disk, with the acts.
    pub ledger: bool,
    /// The tiers, the nearest first.
    pub tiers: Vec<Liar>,
    /// The budget of each tier, in bytes.
    pub tier_bytes: u64,
    /// The parent of the run's folders. None: the folder of temporary files.
    pub folder: Option<PathBuf>,
}

/// The outcome of a replay.
pub struct Outcome {
    /// The counts of the clients, with the server's own beside them.
    pub side: Side,
    /// The number of times that each lie was told.
    pub told: Vec<Count>,
    /// The number of times that a liar did not know whose a name is.
    pub strangers: u64,
}

/// The turn of a camera or of a viewer.
#[derive(Debug, Clone, Copy)]
enum Job {
    Push(Place),
    Visit(u32, u64),
    Check(Place),
}

/// A callback that is told where a run is.
pub type Watch<'a> = &'a (dyn Fn(&str, &Tally) + Sync);

/// Replays the plan against one kind of server.
///
/// # Errors
/// The server can't be set up; what goes wrong in the storm is counted.
pub async fn replay(
    which: Which,
    plan: &Plan,
    handlers: Handlers,
    watch: Watch<'_>,
) -> anyhow::Result<Outcome> {
    let town = Arc::new(Town::new(
        plan.seed,
        plan.households,
        plan.streams,
        plan.cameras_each,
        clock::now_milliseconds(),
    ));
    let lies = Arc::new(Lies::new(plan.seed, &plan.lies));
    let (tally, unseen) = (Arc::new(Tally::default()), Arc::new(Tally::default()));
    watch("settling the town", &tally);
    let ground = Ground {
        town: &town,
        lies: Arc::clone(&lies),
        forge: &plan.forge,
        tiers: &plan.tiers,
        tier_bytes: plan.tier_bytes,
        sets_aside: plan.sets_aside,
        ledger: plan.ledger,
        folder: plan.folder.as_deref(),
        handlers,
    };
    let arena = Arc::new(Arena::open(which, ground).await?);
    let forges = |defence| which == Which::Here && plan.forge.contains(&defence);
    let cache = if lies.has(Liar::WayOut, LieKind::WebCache) {
        Some(WebCache::open(arena.address, Arc::clone(&lies), forges(Defence::Tag)).await?)
    } else {
        None
    };
    let door = cache.as_ref().map_or(arena.address, |cache| cache.address);
    let mut crowd = crowd(which, plan.dropped_share, &town, &arena, Client::new(door));
    crowd.has_sharing = which == Which::Here;
    if plan.shares {
        crowd.shares = Shares::new(&town);
    }
    if forges(Defence::Credentials) {
        crowd.crossed = crossed(&town, &crowd.cameras, &lies);
    }
    let crowd = Arc::new(crowd);

    // Footage from before the outage is handed in while nobody lies.
    lies.be_silent(true);
    let pushes: Vec<Job> = town.places().map(Job::Push).collect();
    let collects = lies.has_any(LieKind::is_of_collection);
    for number in 0..plan.before {
        let before = Turns {
            numbers: number..number + 1,
            ..Turns::of("cameras hand in what was before", pushes.clone())
        };
        run(&crowd, plan, before, &unseen, watch).await;
        if collects {
            // A collection also runs in between, so that a later one has something that this one
            // did not know.
            arena.collect(clock::now_milliseconds()).await;
        }
    }
    for place in town.streams() {
        crowd.push_long(place, &unseen).await;
    }
    sharing::begin(&crowd, &arena).await?;
    let live = || town.places().filter(|place| place.household < plan.live);
    let mut lives = Lives::start(&crowd, arena.address, live());
    let collecting =
        collects.then(|| tokio::spawn(collect(Arc::clone(&arena), clock::now_milliseconds())));
    lies.be_silent(false);

    tally.next_phase();
    lives.follow(&crowd, &tally, |place| place.household < plan.live);
    let visitors = |nth: u64| visitors(plan, nth);
    // Where it is enough that something is seen, nobody comes without need.
    if !plan.until_seen {
        let quiet = Turns::of("before the outage", visitors(0));
        run(&crowd, plan, quiet, &tally, watch).await;
    }

    tally.next_phase();
    let coming = run(&crowd, plan, herd(plan, pushes), &tally, watch);
    let ((), shared) = tokio::join!(coming, sharing::go_on(&crowd, &arena));
    shared?;

    tally.next_phase();
    streams::run(&crowd, &arena, &tally).await?;
    partings(&crowd, plan, &town, &arena).await?;
    sharing::expired(&crowd).await;
    arena.ledger_restarts(&town).await?;
    let follows_min = lives.follows() + plan.follows_min;
    let mut nth = plan.visits;
    loop {
        nth += 1;
        let after = Turns::of("afterwards", visitors(nth));
        run(&crowd, plan, after, &tally, watch).await;
        let waits = plan.until_seen && nth < CONTROL_ROUNDS_MAX && !has_seen(plan, &tally);
        if tally.so_far().0 >= plan.requests_min && !waits {
            break;
        }
    }
    if plan.live > 0 {
        lives.followed(follows_min).await;
    }
    tally.end_phase();
    let (origin_reads, origin_objects) = arena.origin_reads();
    if let Some(collecting) = collecting {
        collecting.abort();
        let _ended = collecting.await;
    }

    lives.leave().await;
    // Nobody lies any more. The last turns look for what was acknowledged.
    lies.be_silent(true);
    let checks =
        Turns::of("looking for what was acknowledged", town.places().map(Job::Check).collect());
    run(&crowd, plan, checks, &tally, watch).await;
    let mut side = tally.side();
    side.uploads_acknowledged += unseen.side().uploads_acknowledged;
    (side.origin_reads, side.origin_objects) = (origin_reads, origin_objects);
    add_what_the_server_counted(&mut side, &arena);
    if plan.ledger {
        watch("auditing the ledger", &tally);
        side.ledger = arena.audit(&town, &tally.exposed()).await?;
    }
    Ok(Outcome { side, told: lies.told(), strangers: arena.strangers() })
}

/// Says whether enough was seen in a control. Where ledgers are audited, that is footage: no ledger
/// judges lists of cameras, or sessions.
fn has_seen(plan: &Plan, tally: &Tally) -> bool {
    let is_of_sessions = plan.lies.iter().all(|lie| lie.liar == Liar::Sessions);
    match plan.ledger && !is_of_sessions {
        true => !tally.exposed().footage.is_empty(),
        false => tally.seen() > 0,
    }
}

/// Collects what was written before a moment, over and over.
async fn collect(arena: Arc<Arena>, before_milliseconds: u64) {
    loop {
        let began = Instant::now();
        arena.collect(before_milliseconds).await;
        tokio::time::sleep(COLLECT_PAUSE_MIN.max(began.elapsed() * COLLECT_PAUSE)).await;
    }
}

/// Chooses the cameras that are handed another household's credential, and which one each gets. It
/// is at least their share, evenly spread, so that no seed crosses none.
fn crossed(town: &Town, credentials: &[String], lies: &Lies) -> HashMap<usize, String> {
    let (each, places) = (town.cameras_each as usize, town.places().count());
    let share = lies.rate(Liar::Registry, LieKind::CrossedMap).clamp(1.0 / places as f64, 1.0);
    let apart = share.recip().floor() as usize;
    let first = usize::try_from(lies.choice(Liar::Registry)).unwrap_or(0) % apart;
    let of_another = |at: usize| {
        let another = at + each;
        let another = if another < places { another } else { at % each };
        Some((at, credentials.get(another)?.clone()))
    };
    (first..places).step_by(apart).filter_map(of_another).collect()
}

/// Lists the nth visit of every viewer who comes.
fn visitors(plan: &Plan, nth: u64) -> Vec<Job> {
    let households = 0..plan.viewers.min(plan.households);
    households.map(|household| Job::Visit(household, nth)).collect()
}

/// Makes the turns of the herd: every camera with what it kept, and every viewer, in an order that
/// follows from the seed.
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

/// Adds the server's misdeliveries and the tiers that it set aside, by the names that lies have.
fn add_what_the_server_counted(side: &mut Side, arena: &Arena) {
    let misdeliveries = arena.misdeliveries().into_iter();
    side.misdeliveries = misdeliveries
        .map(|(seam, fault, count)| Misdeliveries {
            seam: seam_name(seam).to_owned(),
            fault: fault.replace('_', "-"),
            count,
        })
        .collect();
    let aside = arena.set_aside().into_iter();
    side.set_aside = aside.map(|(seam, times)| (seam_name(seam).to_owned(), times)).collect();
}

/// Makes the cameras and viewers of a server that was settled with the town.
pub fn crowd(
    which: Which,
    dropped_share: f64,
    town: &Arc<Town>,
    arena: &Arena,
    client: Client,
) -> Crowd {
    let (mint, verifier): (_, &Verifier) = (&arena.mint, &arena.verifier);
    let viewer = |household: u32| {
        let credential = mint.viewer(town.viewer_id(household), town.session_id(household));
        let tag = match which {
            // Everybody has the same address, as where nothing of the session is in it.
            Which::Conventional => "me".to_owned(),
            Which::Here => {
                let verified = verifier.viewer(&credential);
                verified.map_or_else(|_| "0".repeat(32), |verified| verified.tag().to_text())
            }
        };
        (credential, format!("/v1/{tag}"))
    };
    let camera = |place: Place| {
        let (household, camera) = (town.household_id(place.household), town.camera_id(place));
        mint.camera(household, camera, town.credential_id(place))
    };
    Crowd::new(
        Arc::clone(town),
        client,
        (0..town.all_households()).map(viewer).collect(),
        town.all_places().map(camera).collect(),
        Arc::clone(&arena.lies),
        dropped_share,
    )
}

/// Signs some viewers out, and takes a camera from others. What they ask for afterwards is not
/// theirs any more. To some others, a camera shows only the past from now on.
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
            3 => {
                let place = Place { household, camera: 0 };
                arena.narrow(town, place).await?;
                crowd.narrowed(place);
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

/// The turns in one part of a run.
struct Turns {
    /// The name of the part, for the watcher.
    what: &'static str,
    jobs: Vec<Job>,
    /// The numbers that the cameras hand in.
    numbers: Range<u32>,
    /// The time over which they come.
    jitter: Duration,
}

impl Turns {
    /// Makes turns that come all at once, with nothing to be handed in.
    fn of(what: &'static str, jobs: Vec<Job>) -> Self {
        Self { what, jobs, numbers: 0..0, jitter: Duration::ZERO }
    }
}

/// Runs all turns, with as many at once as there are workers.
async fn run(crowd: &Arc<Crowd>, plan: &Plan, turns: Turns, tally: &Arc<Tally>, watch: Watch<'_>) {
    let Turns { what, jobs, numbers, jitter } = turns;
    let jobs = Arc::new(jobs);
    let next = Arc::new(AtomicUsize::new(0));
    // With a jitter, each worker pauses after a turn, so that the turns are spread over it. Without
    // one, as many come at once as there are workers.
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
