//! Real web caches (nginx, varnish) in front of both servers, told to ignore every header that forbids caching.
//!
//! The first viewer of an address fills the cache; the second asks for what their own page has at that place. Each cache is first seen to answer
//! by itself, or its row would show nothing.

use super::arena::{Arena, Ground, TIER_BYTES, Which};
use super::client::{Ask, Client};
use super::detect::{Detector, Verdict};
use super::lies::{Liar, Lies};
use super::report::WebCache;
use super::tally::Tally;
use super::town::{Place, Town};
use crate::clock;
use crate::sandbox::Handler;
use anyhow::{Context as _, bail};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Households that ask; each pair of neighbours is a first and a second viewer.
const HOUSEHOLDS: u32 = 8;
/// How long a cache may take to begin.
const START: Duration = Duration::from_secs(20);

/// Which caches there are: name and program.
const CACHES: [(&str, &str); 2] = [("nginx", "nginx"), ("varnish", "varnishd")];

/// A cache that runs; ended when it is dropped.
struct Running {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM first: nginx's master has workers that would be left behind.
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Stands every cache that is installed in front of both servers. Names of those that are not installed come second.
///
/// # Errors
/// A cache that is installed does not begin, or a server can't be made.
pub async fn stand_before(
    seed: u64,
    folder: Option<&Path>,
    handlers: &(Handler, Handler),
) -> anyhow::Result<(Vec<WebCache>, Vec<&'static str>)> {
    let (mut rows, mut absent) = (Vec::new(), Vec::new());
    let town = Arc::new(Town::new(seed, HOUSEHOLDS, 1, clock::now_milliseconds()));
    let mut servers = Vec::new();
    for which in [Which::Here, Which::Conventional] {
        let ground = Ground {
            town: &town,
            lies: Arc::new(Lies::new(seed, &[])),
            tiers: &[Liar::MemoryTier],
            tier_bytes: TIER_BYTES,
            folder,
            handlers: handlers.clone(),
        };
        let arena = Arena::open(which, ground).await?;
        let crowd = super::replay::crowd(which, 0.0, &town, &arena, Client::new(arena.address));
        for place in town.places() {
            crowd.push(place, 0..1, &Tally::default()).await;
        }
        servers.push((arena, crowd));
    }
    for (name, program) in CACHES {
        if !is_installed(program) {
            absent.push(name);
            continue;
        }
        let mut row = WebCache {
            name: name.to_owned(),
            asked: 0,
            hits: 0,
            exposed_here: 0,
            exposed_conventional: 0,
        };
        for (which, (arena, crowd)) in [Which::Here, Which::Conventional].into_iter().zip(&servers) {
            let cache = start(name, program, arena.address).await?;
            let seen = through(&Client::new(cache.address), &town, &crowd.viewers).await;
            row.asked += seen.asked;
            row.hits += seen.hits;
            match which {
                Which::Here => row.exposed_here += seen.exposed,
                Which::Conventional => row.exposed_conventional += seen.exposed,
            }
        }
        rows.push(row);
    }
    Ok((rows, absent))
}

#[derive(Default)]
struct Seen {
    asked: u64,
    hits: u64,
    exposed: u64,
}

/// Pairs of viewers: the first asks twice, the second asks for the same place with their own credential and address.
async fn through(client: &Client, town: &Town, viewers: &[(String, String)]) -> Seen {
    let mut seen = Seen::default();
    for (household, pair) in viewers.chunks(2).enumerate() {
        let [first, second] = pair else { continue };
        let Ok(household) = u32::try_from(household * 2) else {
            continue;
        };
        let place = Place { household, camera: 0 };
        let paths = [
            "/cameras".to_owned(),
            format!("/cameras/{}/thumbnail?width=160", town.camera_id(place)),
            format!("/cameras/{}/events?limit=2", town.camera_id(place)),
        ];
        let second_is = Detector {
            town,
            household: household + 1,
        };
        for path in paths {
            let ask = |(credential, prefix): &(String, String)| Ask::get(format!("{prefix}{path}"), credential);
            for _ in 0..2 {
                let reply = client.ask(&ask(first)).await;
                seen.hits += u64::from(reply.is_some_and(|reply| reply.from_cache));
            }
            seen.asked += 1;
            let reply = client.ask(&ask(second)).await;
            let exposed = reply.is_some_and(|reply| matches!(second_is.anybody_elses(&reply), Verdict::Exposed(_)));
            seen.exposed += u64::from(exposed);
        }
    }
    seen
}

fn is_installed(program: &str) -> bool {
    let version = Command::new(program)
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok()
}

fn free_port() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

async fn start(name: &str, program: &str, behind: SocketAddr) -> anyhow::Result<Running> {
    let folder = tempfile::tempdir().context("no folder for the web cache")?;
    let address = free_port()?;
    let mut command = Command::new(program);
    match name {
        "nginx" => {
            let path = folder.path().join("nginx.conf");
            fs::write(&path, nginx(folder.path(), address, behind))?;
            command.arg("-c").arg(path).arg("-p").arg(folder.path());
        }
        _ => {
            let path = folder.path().join("cache.vcl");
            fs::write(&path, varnish(behind))?;
            command
                .args(["-F", "-j", "none", "-s", "malloc,64m", "-a", &address.to_string(), "-f"])
                .arg(path)
                .arg("-n")
                .arg(folder.path().join("varnish"));
        }
    }
    let log = fs::File::create(folder.path().join("log"))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("{program} does not start"))?;
    let running = Running {
        child,
        address,
        _folder: folder,
    };
    let began = std::time::Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        if began.elapsed() > START {
            let said = fs::read_to_string(running._folder.path().join("log")).unwrap_or_default();
            bail!("{program} does not answer on {address}; it said: {said}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(running)
}

/// Every answer is kept, under its address alone, whatever it says of itself.
fn nginx(folder: &Path, address: SocketAddr, behind: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  proxy_temp_path {folder}/proxy; client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/kept keys_zone=kept:8m;
  server {{
    listen {address};
    location / {{
      proxy_pass http://{behind};
      proxy_cache kept;
      proxy_cache_key $request_uri;
      proxy_cache_valid any 10m;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"
    )
}

fn varnish(behind: SocketAddr) -> String {
    format!(
        "vcl 4.1;
backend behind {{ .host = \"{}\"; .port = \"{}\"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_hash {{ hash_data(req.url); return (lookup); }}
sub vcl_backend_response {{
  unset beresp.http.Vary; unset beresp.http.Set-Cookie; unset beresp.http.Cache-Control;
  set beresp.ttl = 10m; set beresp.uncacheable = false; return (deliver);
}}
sub vcl_deliver {{ if (obj.hits > 0) {{ set resp.http.X-Cache = \"HIT\"; }} else {{ set resp.http.X-Cache = \"MISS\"; }} }}
",
        behind.ip(),
        behind.port()
    )
}
