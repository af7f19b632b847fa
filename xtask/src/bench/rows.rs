//! The rows: what is asked, and beside what. Rounds alternate, so that a machine that gets slower
//! slows both sides.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eyesonly_harness::paths;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::counters::{cpu_seconds, memory_mebibytes, reset_peak_memory};
use super::hot::{Asked, Server};
use super::nginx::Nginx;
use super::report::{Goal, Row};
use super::setup::World;
use super::vips::Vips;
use super::wire::Connection;
use super::wrk;

/// The width of every thumbnail that is asked for, in pixels.
pub const WIDTH: u32 = 320;
/// The requests in flight in the memory row.
pub const HERD: usize = 256;
/// The readers of a clip.
const READERS: usize = 2;

/// The counts and lengths of rounds.
#[derive(Clone, Copy)]
pub struct Pace {
    /// The rounds of each row.
    pub rounds: usize,
    /// The length of one load, in seconds.
    pub load_seconds: u64,
    /// The cold stills in one round.
    pub cold_stills: usize,
    /// The length of a round of one room, in milliseconds.
    pub room_milliseconds: u64,
    /// The rounds of live view, and the length of the load in each, in seconds.
    pub live_rounds: usize,
    /// As above.
    pub live_seconds: u64,
    /// The time for which a page is watched in each round, in seconds.
    pub glass_seconds: u64,
    /// The households whose viewers look at their walls.
    pub walls: usize,
    /// The same of the Spin edition.
    pub spin_walls: usize,
    /// The cameras and households that registry and index grow by.
    pub growth: (u64, u64),
    /// The connections that are kept and idle.
    pub idle_connections: usize,
}

impl Pace {
    /// The pace for numbers that are kept.
    pub const FULL: Self = Self {
        rounds: 5,
        load_seconds: 3,
        cold_stills: 24,
        room_milliseconds: 300,
        live_rounds: 2,
        live_seconds: 20,
        glass_seconds: 60,
        walls: 1000,
        spin_walls: 1000,
        growth: (1_000_000, 300_000),
        idle_connections: 5000,
    };
    /// The pace for seeing that the bench runs.
    pub const QUICK: Self = Self {
        rounds: 3,
        load_seconds: 1,
        cold_stills: 8,
        room_milliseconds: 100,
        live_rounds: 1,
        live_seconds: 5,
        glass_seconds: 6,
        walls: 400,
        spin_walls: 5,
        growth: (10_000, 3_000),
        idle_connections: 500,
    };
}

/// A source of cold stills: events whose stills nobody has asked for yet, and the same pictures as
/// files.
pub struct Source {
    /// The source's name in the table.
    pub name: &'static str,
    /// The events, `cold_stills` for each round.
    pub events: Vec<String>,
    /// The pictures of the events.
    pub files: Vec<PathBuf>,
    /// The goal, if the source has one.
    pub goal: Option<Goal>,
}

/// The numbers of one target in one round.
#[derive(Clone, Copy, Default)]
pub struct Measured {
    /// Answers or megabytes a second.
    pub speed: f64,
    /// The server's CPU, for one of them.
    pub cpu: f64,
    /// Half of the answers came within this time, in milliseconds.
    pub half: f64,
}

/// Measures all targets in rounds, of which each starts with another target. The first round warms
/// up and does not count.
pub fn alternate<T>(
    targets: &[T],
    rounds: usize,
    mut measure: impl FnMut(&T) -> Result<Measured>,
) -> Result<Vec<Vec<Measured>>> {
    let mut all = Vec::new();
    for round in 0..=rounds {
        let mut measured = vec![Measured::default(); targets.len()];
        for turn in 0..targets.len() {
            let index = (turn + round) % targets.len();
            if let (Some(target), Some(slot)) = (targets.get(index), measured.get_mut(index)) {
                *slot = measure(target)?;
            }
        }
        if round > 0 {
            all.push(measured);
        }
    }
    Ok(all)
}

/// Pairs the values of two targets, given by their indexes.
pub fn pairs(
    rounds: &[Vec<Measured>],
    [ours, other]: [usize; 2],
    value: impl Fn(&Measured) -> f64,
) -> Vec<(f64, f64)> {
    let pair = |round: &Vec<Measured>| Some((value(round.get(ours)?), value(round.get(other)?)));
    rounds.iter().filter_map(pair).collect()
}

/// Measures (b): CPU of the whole edge for a cold still, beside libvips in process.
///
/// Errors: an answer is not 200.
pub fn cold(
    world: &World,
    vips: &mut Vips,
    source: &Source,
    pace: Pace,
    bar: &ProgressBar,
) -> Result<Row> {
    let process = [world.process()?];
    let mut connection = Connection::open(&world.address)?;
    let mut rounds = Vec::new();
    for events in source.events.chunks(pace.cold_stills) {
        let other = vips.cpu_seconds(&source.files, pace.cold_stills, WIDTH)?;
        let before = cpu_seconds(&process)?;
        for event in events {
            let path = world.path(&paths::event_thumbnail(&world.camera.id, event, WIDTH));
            connection.get(&path, &world.token)?;
        }
        // The edge writes a rendition after the last answer as well, and this CPU counts too.
        thread::sleep(Duration::from_millis(100));
        let ours = (cpu_seconds(&process)? - before) / events.len() as f64;
        rounds.push((ours * 1000.0, other * 1000.0));
        bar.inc(1);
    }
    let name = format!("cold 1920×1080 → {WIDTH}, {}", source.name);
    Ok(Row::beside("(b)", &name, "ms CPU", "libvips", &rounds, source.goal))
}

/// Measures (c): clip bytes a second, beside nginx with the plain file.
///
/// Errors: a server answers other bytes than were pushed.
pub fn clips(
    world: &World,
    nginx: &Nginx,
    event: &str,
    clip: &[u8],
    pace: Pace,
    bar: &ProgressBar,
) -> Result<Vec<Row>> {
    // Each reader is a viewer: one alone has fifty clips a second.
    let readers = world.more_viewers("reader", READERS)?;
    let path = paths::clip(&world.camera.id, event);
    let asked: Vec<Asked> = readers.iter().map(|reader| reader.asks(&path)).collect();
    let plain = asked.iter().map(|(_, token)| ("/clip.mp4".to_owned(), token.clone())).collect();
    let servers = [
        world.hot("a hot clip", asked)?,
        Server {
            name: "nginx plain file".to_owned(),
            address: nginx.address.clone(),
            processes: nginx.processes()?,
            asked: plain,
        },
    ];
    for Server { name, address, asked, .. } in &servers {
        for (path, token) in asked {
            if Connection::open(address)?.get(path, token)? != clip {
                bail!("{name} answers other bytes than were pushed");
            }
        }
    }
    let rounds = alternate(&servers, pace.rounds, |server| {
        let before = cpu_seconds(&server.processes)?;
        let time = Duration::from_secs(pace.load_seconds);
        let (bytes, seconds) = read_for(server, time)?;
        let cpu = (cpu_seconds(&server.processes)? - before) * 1000.0 / (bytes / 1e9);
        bar.inc(1);
        let speed = bytes / 1e6 / seconds;
        Ok(Measured { speed, cpu, half: 0.0 })
    })?;
    let speeds = pairs(&rounds, [0, 1], |measured| measured.speed);
    let costs = pairs(&rounds, [0, 1], |measured| measured.cpu);
    Ok(vec![
        Row::beside(
            "(c)",
            "a hot clip",
            "MB/s",
            "nginx plain file",
            &speeds,
            Some(Goal::AtLeast(0.5)),
        ),
        Row::beside("(c)", "its server's CPU", "ms/GB", "nginx plain file", &costs, None),
    ])
}

/// Reads over and over what a server is asked for, by a reader for each question. Returns bytes and
/// seconds.
fn read_for(server: &Server, time: Duration) -> Result<(f64, f64)> {
    let started = Instant::now();
    let read = |(path, token): &Asked| -> Result<f64> {
        let (mut connection, mut bytes) = (Connection::open(&server.address)?, 0_u64);
        while started.elapsed() < time {
            connection.send(path, token)?;
            let head = connection.receive(|piece| bytes += piece.len() as u64)?;
            if head.status != 200 {
                bail!("GET {path}: {}", head.status);
            }
        }
        Ok(bytes as f64)
    };
    let read = &read;
    let total = thread::scope(|scope| -> Result<f64> {
        let start = |asked| scope.spawn(move || read(asked));
        let readers: Vec<_> = server.asked.iter().map(start).collect();
        let mut total = 0.0;
        for reader in readers {
            total += reader.join().ok().context("a reader failed")??;
        }
        Ok(total)
    })?;
    Ok((total, started.elapsed().as_secs_f64()))
}

/// Measures (d): peak memory. A herd of cold stills is in flight at once, then as many hot ones are
/// for a while.
///
/// Errors: an answer is not 200.
pub fn memory(world: &World, events: &[String], pace: Pace, bar: &ProgressBar) -> Result<Vec<Row>> {
    wrk::probe()?;
    let process = world.process()?;
    // One viewer has fifty deliveries a second.
    let viewers = world.more_viewers("herd", events.len().div_ceil(50))?;
    let mut connections = Vec::new();
    for _ in events {
        connections.push(Connection::open(&world.address)?);
    }
    let idle = memory_mebibytes(process, "VmRSS")?;
    reset_peak_memory(process)?;
    let started = Instant::now();
    let asked = events.iter().zip(viewers.iter().cycle());
    for (connection, (event, viewer)) in connections.iter_mut().zip(asked) {
        let (path, token) = viewer.asks(&paths::event_thumbnail(&world.camera.id, event, WIDTH));
        connection.send(&path, &token)?;
    }
    for connection in &mut connections {
        let head = connection.receive(|_| ())?;
        if head.status != 200 {
            bail!("a still of the herd: {}", head.status);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    drop(connections);
    let herd = memory_mebibytes(process, "VmHWM")?;
    bar.inc(1);
    let newest = world.path(&paths::thumbnail(&world.camera.id, WIDTH));
    let asked = [(newest, world.token.clone())];
    wrk::run(&world.address, &asked, u32::try_from(HERD)?, pace.load_seconds)?;
    let peak = memory_mebibytes(process, "VmHWM")?;
    bar.inc(1);
    let name = format!("peak memory, {} in flight after a herd of cold stills", events.len());
    Ok(vec![
        Row::alone("(d)", &name, "MiB", &[peak], Some(Goal::Below(300.0))),
        Row::alone("(d)", "peak within the herd", "MiB", &[herd], None),
        Row::alone("(d)", "resident before it", "MiB", &[idle], None),
        Row::alone("(d)", "the herd from first question to last answer", "s", &[seconds], None),
    ])
}

/// The helper's measurements of the host's parts, one by one, in microseconds.
#[derive(Deserialize)]
pub struct Rooms {
    registry_read: f64,
    admit: f64,
    newest_still: f64,
    recall: f64,
    handle_hot: f64,
    handle_cold_cpu: f64,
}

impl Rooms {
    /// Makes one row of each.
    pub fn rows(&self) -> Vec<Row> {
        let row = |name: &str, value: f64| Row::alone("also", name, "µs", &[value], None);
        vec![
            row("one registry read", self.registry_read),
            row("admission, credential to grant", self.admit),
            row("the newest still through the index", self.newest_still),
            row("its rendition recalled and opened", self.recall),
            row("the handler's hot answer, the two above within", self.handle_hot),
            row("the sandbox alone", self.handle_hot - self.newest_still - self.recall),
            row("the handler's cold answer, CPU of its thread", self.handle_cold_cpu),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_first_once_and_the_first_round_does_not_count() {
        let (mut order, mut clock) = (String::new(), 0.0);
        let rounds = alternate(&["a", "b"], 2, |target| {
            order.push_str(target);
            clock += 1.0;
            let cpu = f64::from(u8::from(*target == "b"));
            Ok(Measured { speed: clock, cpu, half: 0.0 })
        });
        assert_eq!(order, "abbaab");
        let rounds = rounds.unwrap();
        assert_eq!(pairs(&rounds, [0, 1], |measured| measured.speed), [(4.0, 3.0), (5.0, 6.0)]);
        assert_eq!(pairs(&rounds, [0, 1], |measured| measured.cpu), [(0.0, 1.0), (0.0, 1.0)]);
    }
}
