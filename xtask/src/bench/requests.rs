//! The rows of requests: (a), (a2), (e) and (f). Each sets up its servers, and lets [`hot`] load
//! them.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use eyesonly_harness::installation::{Server, TlsFiles};
use eyesonly_harness::process::Process;
use serde_json::json;

use super::hot::{self, Goals, Load};
use super::nginx::Nginx;
use super::report::{Goal, Row};
use super::setup::{Session, Tier, Wall, World};
use super::{Bench, HOT_STILL, h2load, ledger, scale, still, wrk};
use crate::spin;
use crate::workspace::output_of;

/// The cameras of each household whose walls are looked at.
const CAMERAS_EACH: usize = 4;
/// The cameras of the household whose wall is looked at over TLS with HTTP/2.
pub const LARGE_CAMERAS: usize = 8;
/// The connections of that load.
const TLS_CONNECTIONS: u32 = 16;

impl Bench<'_> {
    /// Enrols households in a world whose edge runs.
    pub(super) fn walls(&self, world: &World, count: usize) -> Result<Vec<Wall>> {
        let each = (CAMERAS_EACH, ledger::EVENTS);
        world.enrol_walls(("wall", count), each, still(HOT_STILL)?, &self.bar)
    }

    /// Starts nginx and the check behind it, with the bytes that the edge answers as files. The
    /// route `plain` of `release` answers the same.
    pub(super) fn conventional(
        &self,
        release: &World,
        walls: &[&Wall],
        (bytes, tls): (&[u8], &TlsFiles),
    ) -> Result<(Nginx, Process)> {
        let folder = self.world.folder();
        fs::write(release.plain_file(), bytes)?;
        for (path, _) in walls.iter().flat_map(|wall| hot::thumbnails(std::slice::from_ref(*wall)))
        {
            let name = path.split('?').next().unwrap_or_default();
            let file = folder.join("files").join(name.trim_start_matches('/'));
            fs::create_dir_all(file.parent().context("no folder")?)?;
            fs::write(&file, bytes)?;
        }
        let session = |wall: &&Wall| {
            let Session { viewer, token, tag } = &wall.session;
            json!({ "token": token, "tag": tag, "viewer": viewer, "cameras": wall.cameras })
        };
        let input = json!({
            "socket": folder.join("check.sock"),
            "database": folder.join("check.sqlite"),
            "sessions": walls.iter().map(session).collect::<Vec<_>>(),
        });
        let mut command = Command::new(&self.binaries.helper);
        let mut check = Process::start(command.arg("auth"), Some(&input.to_string()))?;
        check.line("listening on ", None).context("the check behind nginx")?;
        Ok((Nginx::start(folder, Some(tls))?, check))
    }

    /// Measures (a2): a wall of thumbnails over TLS with HTTP/2, beside nginx with `auth_request`.
    pub(super) fn tls(
        &mut self,
        large: &[Wall],
        (nginx, check): (&Nginx, &Process),
        tls: TlsFiles,
    ) -> Result<Vec<Row>> {
        h2load::probe()?;
        self.world.stop();
        let mut world = self.world.twin_with(self.binaries.edge(), &self.folder(), Some(tls))?;
        self.world.start(Tier::Large)?;
        world.start(Tier::Large)?;
        let asked = hot::thumbnails(large);
        let name = format!("{LARGE_CAMERAS} thumbnails on each of {TLS_CONNECTIONS} connections");
        let edge = world.hot(&name, asked.clone())?;
        let conventional = hot::Server {
            name: "nginx auth_request".to_owned(),
            address: nginx.tls_address.clone(),
            processes: nginx.processes()?.into_iter().chain([check.id()]).collect(),
            asked,
        };
        let goals = Goals { speed: Some(Goal::AtLeast(0.95)), cpu: None };
        let with = (self.pace, &self.bar);
        let load = Load::Tls(TLS_CONNECTIONS);
        hot::rows("(a2)", &[&edge, &conventional], load, &[(0, 1, goals)], with)
    }

    /// Measures (f): hot thumbnails of an edge whose registry and index have grown, beside the same
    /// edge before.
    pub(super) fn growth(&mut self, walls: &[Wall]) -> Result<Vec<Row>> {
        self.world.stop();
        let mut grown = self.world.twin(self.binaries.edge(), &self.folder())?;
        self.world.start(Tier::Large)?;
        let (cameras, households) = self.pace.growth;
        scale::fill(&self.binaries.helper, &grown.database(), self.pace.growth)?;
        grown.start(Tier::Large)?;
        let asked = hot::thumbnails(walls);
        let name = format!("{cameras} more cameras of {households} more households");
        let grown = grown.hot(&name, asked.clone())?;
        let before = self.world.hot("without them", asked)?;
        hot::same_bytes(&[&grown, &before])?;
        let goals = Goals { speed: None, cpu: Some(Goal::AtMost(1.2)) };
        let with = (self.pace, &self.bar);
        hot::rows("(f)", &[&grown, &before], Load::All(hot::CONNECTIONS), &[(0, 1, goals)], with)
    }

    /// Measures (a): hot thumbnails beside nginx with `auth_request`, and beside the plain release
    /// build, which has host code beside it.
    pub(super) fn hot(
        &self,
        release: &World,
        walls: &[Wall],
        (nginx, check): (&Nginx, &Process),
        bytes: usize,
    ) -> Result<Vec<Row>> {
        wrk::probe()?;
        let asked = hot::thumbnails(walls);
        let name = format!("{} hot thumbnails of {:.1} KiB", asked.len(), bytes as f64 / 1024.0);
        let edge = self.world.hot(&name, asked.clone())?;
        let conventional = hot::Server {
            name: "nginx auth_request".to_owned(),
            address: nginx.address.clone(),
            processes: nginx.processes()?.into_iter().chain([check.id()]).collect(),
            asked: asked.clone(),
        };
        let plain = release.hot("the plain release build", asked)?;
        let host_code = hot::each(walls, |camera| format!("cameras/{camera}/plain"));
        let host_code = release.hot("from host code", host_code)?;
        let mut servers = vec![&edge, &conventional, &plain, &host_code];
        let before = match &self.binaries.before {
            Some(binary) => {
                self.say("(a) enrolling households of the binary of before");
                let mut world = World::create_by(binary, &self.folder())?;
                world.start(Tier::Large)?;
                let walls = self.walls(&world, self.pace.walls)?;
                Some((world.hot("the binary of before", hot::thumbnails(&walls))?, world))
            }
            None => None,
        };
        hot::same_bytes(&servers)?;
        // The handler of before may encode otherwise.
        if let Some((server, _)) = &before {
            server.answers()?;
            servers.push(server);
        }
        self.say("(a) hot thumbnails: rounds");
        let beside_nginx = Goals { speed: Some(Goal::AtLeast(0.75)), cpu: Some(Goal::AtMost(1.6)) };
        let host_code = Goals { speed: Some(Goal::AtLeast(0.5)), cpu: None };
        let mut sides = vec![(0, 1, beside_nginx), (0, 2, Goals::default()), (2, 3, host_code)];
        sides.extend(before.iter().map(|_| (0, 4, Goals::default())));
        let with = (self.pace, &self.bar);
        let mut rows = hot::rows("(a)", &servers, Load::All(hot::CONNECTIONS), &sides, with)?;
        let beside = [(0, 1, Goals::default())];
        let two = [&edge, &conventional];
        rows.extend(hot::rows("(a)", &two, Load::All(1), &beside, with)?);
        rows.extend(hot::rows("(a)", &two, Load::One(hot::CONNECTIONS), &beside, with)?);
        Ok(rows)
    }

    /// Measures (e): hot thumbnails of the Spin edition, on each of its servers, beside the native
    /// host.
    pub(super) fn spin(&mut self, walls: &[Wall]) -> Result<Vec<Row>> {
        wrk::probe()?;
        let editions = self.editions()?;
        let native = self.world.hot("the native host", hot::thumbnails(walls))?;
        let mut servers = Vec::new();
        for (name, world) in &editions {
            self.say("(e) enrolling households");
            let walls = self.walls(world, self.pace.spin_walls)?;
            servers.push(world.hot(name, hot::thumbnails(&walls))?);
        }
        let mut all = vec![&native];
        all.extend(&servers);
        hot::same_bytes(&all)?;
        let sides: Vec<_> = (1..all.len()).map(|nth| (nth, 0, Goals::default())).collect();
        let with = (self.pace, &self.bar);
        hot::rows("(e)", &all, Load::All(hot::CONNECTIONS), &sides, with)
    }

    /// Starts the Spin edition, once for each server that this machine has for it.
    fn editions(&mut self) -> Result<Vec<(&'static str, World)>> {
        let mut servers =
            vec![("Spin edition on wasmtime", Server::Engine(self.binaries.engine()))];
        let spin = spin::installed()?;
        let version = spin.as_ref().and_then(|spin| output_of(spin, &["--version"]));
        let version = version.unwrap_or_else(|| spin::NO_SPIN.to_owned());
        self.report.machine.push(("spin".into(), version));
        servers.extend(spin.map(|spin| ("Spin edition by spin up", Server::Spin(spin))));
        let mut editions = Vec::new();
        for (name, server) in servers {
            let mut world = World::create_spin(&self.binaries, server, &self.folder())?;
            world.start(Tier::Default)?;
            editions.push((name, world));
        }
        Ok(editions)
    }
}
