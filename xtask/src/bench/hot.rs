//! The rows of hot thumbnails: what one request costs, on each server that has the same bytes.

use anyhow::{Context, Result, ensure};
use eyesonly_harness::paths;
use indicatif::ProgressBar;

use super::counters::cpu_seconds;
use super::h2load;
use super::many::at_once;
use super::report::{Goal, Row};
use super::rows::{Measured, Pace, WIDTH, alternate, pairs};
use super::setup::{SENDERS, Wall};
use super::wire::Connection;
use super::wrk;

/// The connections of a load.
pub const CONNECTIONS: u32 = 64;

/// A path and the token of who asks for it.
pub type Asked = (String, String);

/// A server, and the questions that it is asked in turn.
pub struct Server {
    /// Its name in the table.
    pub name: String,
    /// Its address, `127.0.0.1:PORT`.
    pub address: String,
    /// The processes whose CPU counts.
    pub processes: Vec<u32>,
    /// What is asked for.
    pub asked: Vec<Asked>,
}

/// Lists the newest thumbnail of each camera. Every viewer asks for one before anybody asks for
/// the next.
pub fn thumbnails(walls: &[Wall]) -> Vec<Asked> {
    each(walls, |camera| paths::thumbnail(camera, WIDTH))
}

/// Lists a path of each camera in the same order.
pub fn each(walls: &[Wall], path: impl Fn(&str) -> String) -> Vec<Asked> {
    let most = walls.iter().map(|wall| wall.cameras.len()).max().unwrap_or(0);
    let nth =
        |nth: usize| walls.iter().filter_map(move |wall| Some((wall, wall.cameras.get(nth)?)));
    let cameras = (0..most).flat_map(nth);
    cameras.map(|(wall, camera)| wall.session.asks(&path(camera))).collect()
}

impl Server {
    /// Asks for everything once, and returns the bytes that each answer has. Whatever is cold is
    /// hot by then.
    ///
    /// Errors: an answer is not 200, two answers differ, or a stranger is answered.
    pub fn answers(&self) -> Result<Vec<u8>> {
        let get = |path: &str, token: &str| Connection::open(&self.address)?.get(path, token);
        let ask = |nth: usize| {
            let (path, token) = self.asked.get(nth).context("no such question")?;
            get(path, token)
        };
        let first = ask(0)?;
        at_once((SENDERS, self.asked.len()), |nth| {
            ensure!(ask(nth)? == first, "{} answers different bytes", self.name);
            Ok(())
        })?;
        let (path, _) = self.asked.first().context("no questions")?;
        ensure!(get(path, "stranger").is_err(), "{} answers a stranger", self.name);
        Ok(first)
    }

    /// Measures requests a second, CPU in microseconds a request, and the time of half of them,
    /// where the load says it.
    fn load(&self, load: Load, pace: Pace) -> Result<Measured> {
        let (address, asked, seconds) = (&*self.address, &*self.asked, pace.load_seconds);
        let before = cpu_seconds(&self.processes)?;
        let said = match load {
            Load::All(connections) => wrk::run(address, asked, connections, seconds),
            Load::One(connections) => {
                wrk::run(address, asked.get(..1).unwrap_or_default(), connections, seconds)
            }
            Load::Tls(connections) => h2load::run(address, asked, connections, seconds),
        };
        let said = said.with_context(|| self.name.clone())?;
        let cpu = (cpu_seconds(&self.processes)? - before) * 1e6 / said.requests;
        Ok(Measured { speed: said.requests_per_second, cpu, half: said.half_milliseconds })
    }
}

/// Checks that servers answer the same bytes, and returns those.
///
/// Errors: as [`Server::answers`], or one answers other bytes than the first.
pub fn same_bytes(servers: &[&Server]) -> Result<Vec<u8>> {
    let (first, others) = servers.split_first().context("no servers")?;
    let expected = first.answers()?;
    for server in others {
        let is_same = server.answers()? == expected;
        ensure!(is_same, "{} answers other bytes than {}", server.name, first.name);
    }
    Ok(expected)
}

/// What is asked in a row.
#[derive(Clone, Copy)]
pub enum Load {
    /// All that a server is asked for, in turn, over so many connections.
    All(u32),
    /// The first of it, over and over.
    One(u32),
    /// All of one viewer, over TLS with HTTP/2.
    Tls(u32),
}

/// The goals of a row: of requests a second and of CPU.
#[derive(Clone, Copy, Default)]
pub struct Goals {
    /// Of requests a second.
    pub speed: Option<Goal>,
    /// Of CPU a request.
    pub cpu: Option<Goal>,
}

/// Loads all servers in turn, and makes rows of each pair: the number of ours, that of the other
/// one, and the goals.
///
/// Errors: a load failed, or an answer was not 2xx.
pub fn rows(
    group: &'static str,
    servers: &[&Server],
    load: Load,
    sides: &[(usize, usize, Goals)],
    (pace, bar): (Pace, &ProgressBar),
) -> Result<Vec<Row>> {
    let rounds = alternate(servers, pace.rounds, |server| {
        bar.inc(1);
        server.load(load, pace)
    })?;
    let name = |nth: usize| servers.get(nth).map_or("", |server| server.name.as_str());
    let mut rows = Vec::new();
    for (ours, other, goals) in sides {
        let what = match load {
            Load::All(1) => format!("{}, one connection", name(*ours)),
            Load::All(_) | Load::Tls(_) => name(*ours).to_owned(),
            Load::One(_) => format!("{}, one still by one token", name(*ours)),
        };
        let of = |value: fn(&Measured) -> f64| pairs(&rounds, [*ours, *other], value);
        let row = |name: &str, unit, values: &[(f64, f64)], goal, beside: &str| {
            Row::beside(group, name, unit, beside, values, goal)
        };
        let beside = name(*other);
        rows.push(row(&what, "requests/s", &of(|one| one.speed), goals.speed, beside));
        rows.push(row("its server's CPU", "µs/request", &of(|one| one.cpu), goals.cpu, beside));
        if let Load::All(1) = load {
            rows.push(row("half of them within", "ms", &of(|one| one.half), None, beside));
        }
    }
    Ok(rows)
}
