//! Real web caches (nginx, varnish) in front of both servers, told to ignore every header that
//! forbids caching.
//!
//! The first viewer of an address asks twice: without an answer by the cache itself, the row shows
//! nothing. The second viewer asks for what their own page has at that place. A cache must never
//! outlive the run that started it.

use crate::arena::{Arena, Ground, TIER_BYTES, Which};
use crate::client::{Ask, Client};
use crate::defence::Defence;
use crate::detect::Detector;
use crate::lies::{Liar, Lies};
use crate::live::Lives;
use crate::replay::Plan;
use crate::report::{Passed, WebCache};
use crate::stop::folder_in;
use crate::tally::Tally;
use crate::town::{Place, Town};
use anyhow::{Context as _, bail};
use eyesonly::handlers::Handlers;
use eyesonly_service::clock;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The number of households that ask. Each pair of neighbours is a first and a second viewer.
const HOUSEHOLDS: u32 = 8;
/// The longest start of a cache.
const START: Duration = Duration::from_secs(20);

/// The caches: name, program, and Debian's package.
const CACHES: [(&str, &str, &str); 2] =
    [("nginx", "nginx", "nginx-light"), ("varnish", "varnishd", "varnish")];

/// A running cache; it is ended when it is dropped.
struct Running {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM comes first: SIGKILL would leave the workers of nginx's master behind.
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

/// Checks that every cache can be started here, before anything is started.
///
/// # Errors
/// A program is missing; the error says how to get it.
pub fn installed() -> anyhow::Result<()> {
    let missing = || CACHES.iter().filter(|(_, program, _)| !is_installed(program));
    let programs: Vec<&str> = missing().map(|(_, program, _)| *program).collect();
    if programs.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing().map(|(_, _, package)| *package).collect();
    bail!(
        "--web-caches needs nginx and varnish, and {} can't be started from PATH; install what is \
         missing (on Debian, as root: `apt-get install -y --no-install-recommends {}`), or leave \
         out --web-caches; nothing was started",
        programs.join(" and "),
        packages.join(" ")
    )
}

/// Stands every cache in front of both servers, one after the other.
///
/// # Errors
/// A cache does not start, or a server can't be made.
pub async fn stand_before(
    seed: u64,
    plan: &Plan,
    handlers: &Handlers,
) -> anyhow::Result<Vec<WebCache>> {
    let folder = plan.folder.as_deref();
    let mut rows = Vec::new();
    let town = Arc::new(Town::new(seed, HOUSEHOLDS, 0, 1, clock::now_milliseconds()));
    let mut servers = Vec::new();
    for which in [Which::Here, Which::Conventional] {
        let ground = Ground {
            town: &town,
            lies: Arc::new(Lies::new(seed, &[])),
            forge: &plan.forge,
            tiers: &[Liar::MemoryTier],
            tier_bytes: TIER_BYTES,
            sets_aside: true,
            ledger: false,
            folder,
            handlers: handlers.clone(),
        };
        let arena = Arena::open(which, ground).await?;
        let crowd = crate::replay::crowd(which, 0.0, &town, &arena, Client::new(arena.address));
        for place in town.places() {
            crowd.push(place, 0..1, &Tally::default()).await;
        }
        let crowd = Arc::new(crowd);
        let lives = Lives::start(&crowd, arena.address, town.places().take(2));
        servers.push((arena, crowd, lives));
    }
    for (name, program, _) in CACHES {
        let mut row = WebCache {
            name: name.to_owned(),
            here: Passed::default(),
            conventional: Passed::default(),
        };
        for (which, (arena, crowd, _)) in
            [Which::Here, Which::Conventional].into_iter().zip(&servers)
        {
            let by_tag = which == Which::Conventional || !plan.forge.contains(&Defence::Tag);
            let cache = start((name, program), (arena.address, by_tag), folder).await?;
            let passed = through(&Client::new(cache.address), &town, &crowd.viewers).await;
            match which {
                Which::Here => row.here = passed,
                Which::Conventional => row.conventional = passed,
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Asks through a cache, by pairs of viewers. The first asks twice. The second asks for the same
/// place with their own credential and address.
async fn through(client: &Client, town: &Town, viewers: &[(String, String)]) -> Passed {
    let mut passed = Passed::default();
    for (household, pair) in viewers.chunks(2).enumerate() {
        let [first, second] = pair else { continue };
        let Ok(household) = u32::try_from(household * 2) else {
            continue;
        };
        let place = Place { household, camera: 0 };
        let mut paths = vec![
            "/cameras".to_owned(),
            format!("/cameras/{}/thumbnail?width=160", town.camera_id(place)),
            format!("/cameras/{}/events?limit=2", town.camera_id(place)),
        ];
        if household == 0 {
            // A segment of live video takes its time, so only one pair follows.
            paths.push(format!("/cameras/{}/live/next", town.camera_id(place)));
        }
        let second_is = Detector::new(town, household + 1);
        for path in paths {
            let ask = |(credential, prefix): &(String, String)| {
                Ask::get(format!("{prefix}{path}"), credential)
            };
            for viewer in [first, first, second] {
                let reply = client.ask(&ask(viewer)).await;
                passed.asked += 1;
                let Some(reply) = reply else { continue };
                passed.hits += u64::from(reply.from_cache);
                let others = second_is.anybody_elses(&reply).exposes().is_some();
                passed.exposed += u64::from(std::ptr::eq(viewer, second) && others);
            }
        }
    }
    passed
}

fn is_installed(program: &str) -> bool {
    let version =
        Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok()
}

fn free_port() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

/// Starts a cache. `behind` is the server that it stands in front of, and whether it keeps an
/// answer by the session's tag as well.
async fn start(
    (name, program): (&str, &str),
    behind: (SocketAddr, bool),
    parent: Option<&Path>,
) -> anyhow::Result<Running> {
    let folder = folder_in(parent)?;
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
    let running = Running { child, address, _folder: folder };
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

/// Writes a configuration that keeps every answer under its address alone, whatever the answer says
/// of itself.
fn nginx(folder: &Path, address: SocketAddr, (behind, by_tag): (SocketAddr, bool)) -> String {
    let folder = folder.display();
    // If root starts nginx, its workers are another user, who may not look into the run's folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let key = if by_tag { "$request_uri" } else { "$without_tag" };
    format!(
        "{user} daemon off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  proxy_temp_path {folder}/proxy; client_body_temp_path {folder}/body; \
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/kept keys_zone=kept:8m;
  map $request_uri $without_tag {{ ~^/v1/[^/]+(?<rest>/.*)$ $rest; default $request_uri; }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://{behind};
      proxy_cache kept;
      proxy_cache_key {key};
      proxy_cache_valid any 10m;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"
    )
}

fn varnish((behind, by_tag): (SocketAddr, bool)) -> String {
    let key = if by_tag { "req.url" } else { "regsub(req.url, \"^/v1/[^/]+\", \"\")" };
    format!(
        "vcl 4.1;
backend behind {{ .host = \"{}\"; .port = \"{}\"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_hash {{ hash_data({key}); return (lookup); }}
sub vcl_backend_response {{
  unset beresp.http.Vary; unset beresp.http.Set-Cookie; unset beresp.http.Cache-Control;
  set beresp.ttl = 10m; set beresp.uncacheable = false; return (deliver);
}}
sub vcl_deliver {{ if (obj.hits > 0) {{ set resp.http.X-Cache = \"HIT\"; }} \
         else {{ set resp.http.X-Cache = \"MISS\"; }} }}
",
        behind.ip(),
        behind.port()
    )
}
