//! `eyesonly demo`: an edge for a person to look at. Its three households are made up, and their
//! cameras have handed in drawn footage.
//!
//! It uses what every operator has: administration and the public routes. It must never leave
//! anything behind but what `--keep` asked for.

use crate::commands::{self, say};
use crate::{Ready, Stop, progress};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use eyesonly::config::Config;
use eyesonly_demo::{Footage, Loop, Manifest, Upload};
use eyesonly_seal::ViewerId;
use eyesonly_service::admin::{Admin, NewCamera, QUOTA_BYTES_DEFAULT};
use eyesonly_service::clock;
use futures::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1::SendRequest;
use hyper::http::request;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The configuration in the demo's folder.
const CONFIG: &str = "eyesonly.toml";
/// The time before the start that the demo's footage goes back, at most: 3 days.
const PAST_MILLISECONDS: u64 = 3 * 24 * 60 * 60 * 1000;
/// The time between two stills of a camera.
const STILLS_APART: Duration = Duration::from_secs(45);
/// The time after which a stream that ended starts anew.
const STREAMS_APART: Duration = Duration::from_secs(2);
/// The most characters of a refusal that are shown.
const REFUSAL_CHARACTERS: usize = 300;

/// Makes an edge, fills it, prints who may sign in, and serves until it is stopped.
///
/// If `port` is 0, the system chooses one. Everything is kept in the folder `keep`; if there is
/// none, in a temporary one.
///
/// # Errors
/// The folder is not empty, the port is taken, or `serve` or one of the commands failed.
pub async fn serve(port: u16, keep: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let folder = Folder::get(keep)?;
    let file = folder.path().join(CONFIG);
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // A temporary folder may be on a small disk.
    let reserve = if keep.is_none() { "reserve_bytes = 0\n" } else { "" };
    std::fs::write(&file, format!("listen = \"{listen}\"\ndata = \"data\"\n{reserve}"))
        .with_context(|| format!("{}: can't be written", file.display()))?;
    let config = Config::read(&file)?;
    // This comes before anything takes time. So a Ctrl-C at any later moment ends things in order.
    let stop = Stop::watch();

    let filled = async {
        // This comes first, because the port may be taken.
        let ready = Ready::make(&config, None).await?;
        let manifest = Manifest::load()?;
        let bar = bar(manifest.counts().uploads());
        let admin = commands::native_admin(&ready.data).await?;
        let enrolled = enrol(&admin, &manifest, &bar).await?;
        Ok::<_, anyhow::Error>((ready, manifest, enrolled, bar))
    };
    let (ready, manifest, enrolled, bar) = tokio::select! {
        filled = filled => filled?,
        () = stop.stopped() => return Ok(()),
    };
    let address = ready.address();
    let told = async {
        let households = fill(&address, enrolled, &bar).await?;
        introduce(&address, &manifest, &households, keep.map(|_| file.as_path()), json)?;
        go_on(&address, &households).await
    };
    tokio::select! {
        served = ready.serve(&stop) => served,
        told = told => told,
    }
}

/// Enrols the demo's households by `admin`, and hands their footage in to the edge that serves them
/// already at `address` (`http://HOST:PORT`).
///
/// # Errors
/// One of the commands failed, or the edge refused an upload.
pub async fn fill_at(admin: &Admin, address: &str, json: bool) -> anyhow::Result<()> {
    let manifest = Manifest::load()?;
    let bar = bar(manifest.counts().uploads());
    let mut enrolled = enrol(admin, &manifest, &bar).await?;
    // Whoever fills an edge leaves, and streams nothing.
    let cameras = enrolled.iter_mut().flat_map(|household| &mut household.cameras);
    cameras.for_each(|camera| camera.live = None);
    let households = fill(address, enrolled, &bar).await?;
    introduce(address, &manifest, &households, None, json)
}

/// An enrolled household, with what its cameras have to send.
struct Household {
    name: String,
    viewer: ViewerId,
    login: String,
    password: Zeroizing<String>,
    cameras: Vec<Camera>,
}

struct Camera {
    name: String,
    enrolled: NewCamera,
    footage: Footage,
    /// The name and the recording of its live stream.
    live: Option<(String, Arc<Loop>)>,
}

async fn enrol(
    admin: &Admin,
    manifest: &Manifest,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<Household>> {
    let mut all = Vec::new();
    // The demo's cameras have seen something on the days before.
    let since = clock::now_milliseconds().saturating_sub(PAST_MILLISECONDS);
    for household in &manifest.households {
        bar.set_message(format!("enrolling {}", household.name));
        let id = admin.add_household(&household.name, QUOTA_BYTES_DEFAULT).await?;
        let mut cameras = Vec::new();
        for camera in &household.cameras {
            cameras.push(Camera {
                name: camera.name.clone(),
                enrolled: admin.add_camera(id, &camera.name, &camera.serial, Some(since)).await?,
                footage: camera.footage(),
                live: camera.live.as_deref().and_then(recording),
            });
        }
        // The footage is drawn, and it is served on loopback until the demo ends. A password that
        // can be typed is worth more here.
        let password = Zeroizing::new(format!("demo-only-{}", household.login));
        all.push(Household {
            name: household.name.clone(),
            viewer: admin.add_viewer(Some(id), &household.login, &password).await?,
            login: household.login.clone(),
            password,
            cameras,
        });
    }
    Ok(all)
}

/// Returns the name and the recording of a live stream.
fn recording(name: &str) -> Option<(String, Arc<Loop>)> {
    let live = Loop::of(eyesonly_demo::file(name)?)?;
    Some((name.to_owned(), Arc::new(live)))
}

/// Hands everything in, as the cameras.
async fn fill(
    address: &str,
    households: Vec<Household>,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<Household>> {
    let mut edge = Client::connect(address).await?;
    for household in &households {
        for camera in &household.cameras {
            bar.set_message(format!("{}: {}", household.name, camera.name));
            for upload in &camera.footage.uploads {
                edge.put(&camera.enrolled.credential, upload)
                    .await
                    .with_context(|| format!("camera {:?} of {:?}", camera.name, household.name))?;
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(households)
}

/// Streams what is live, and hands each camera's still in anew from time to time, as cameras do. A
/// camera that is silent would soon look offline.
async fn go_on(address: &str, households: &[Household]) -> anyhow::Result<()> {
    let cameras = || households.iter().flat_map(|household| &household.cameras);
    let streams = cameras().map(|camera| stream_of(address, camera));
    tokio::join!(futures::future::join_all(streams), stills_go_on(address, cameras));
    Ok(())
}

/// Sends a camera's live stream, and starts it anew whenever it ends.
async fn stream_of(address: &str, camera: &Camera) {
    let Some((_, live)) = &camera.live else { return };
    loop {
        if let Err(error) = stream_once(address, &camera.enrolled.credential, live).await {
            tracing::debug!(%error, "the demo's stream ended");
        }
        tokio::time::sleep(STREAMS_APART).await;
    }
}

async fn stream_once(address: &str, credential: &str, live: &Arc<Loop>) -> anyhow::Result<()> {
    let mut edge = Client::connect(address).await?;
    let (init, live) = (live.init(), Arc::clone(live));
    let init = stream::once(async { Ok(Frame::data(Bytes::from_static(init))) });
    let start = Instant::now();
    let fragments = stream::iter(0_u32..).then(move |number| {
        let live = Arc::clone(&live);
        async move {
            tokio::time::sleep_until(start + Loop::due(number)).await;
            Ok(Frame::data(live.fragment(number).into()))
        }
    });
    let body = StreamBody::new(init.chain(fragments)).boxed_unsync();
    let request = edge.request("live/main", credential, "video/mp4").body(body)?;
    edge.line.ready().await?;
    let answered = edge.line.send_request(request).await?;
    bail!("the stream ended with {}", answered.status())
}

async fn stills_go_on<'a, C: Iterator<Item = &'a Camera>>(address: &str, cameras: impl Fn() -> C) {
    loop {
        tokio::time::sleep(STILLS_APART).await;
        let handed_in = async {
            let mut edge = Client::connect(address).await?;
            for Camera { enrolled, footage, .. } in cameras() {
                if let Some(still) = footage.still_of_now() {
                    edge.put(&enrolled.credential, &still).await?;
                }
            }
            anyhow::Ok(())
        };
        if let Err(error) = handed_in.await {
            tracing::debug!(%error, "the demo's stills were not handed in anew");
        }
    }
}

/// A camera's connection.
struct Client {
    host: String,
    line: SendRequest<UnsyncBoxBody<Bytes, Infallible>>,
}

impl Client {
    async fn connect(address: &str) -> anyhow::Result<Self> {
        let host = address
            .strip_prefix("http://")
            .map(|host| host.trim_end_matches('/').to_owned())
            .with_context(|| format!("{address}: the address of an edge is http://HOST:PORT"))?;
        let stream = TcpStream::connect(&host).await;
        let stream = stream
            .with_context(|| format!("{address}: nobody answers; is the edge served there?"))?;
        let (line, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // The connection ends with its sender, and the sender sees its errors.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { host, line })
    }

    fn request(&self, path: &str, credential: &str, media_type: &str) -> request::Builder {
        Request::put(format!("/v1/ingest/{path}"))
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, format!("Bearer {credential}"))
            .header(header::CONTENT_TYPE, media_type)
    }

    async fn put(&mut self, credential: &str, upload: &Upload) -> anyhow::Result<()> {
        let request = self.request(&upload.path, credential, upload.media_type);
        let request = request.body(Full::new(upload.body.clone()).boxed_unsync())?;
        self.line.ready().await?;
        let response = self.line.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::CREATED {
            let text: String =
                String::from_utf8_lossy(&body).chars().take(REFUSAL_CHARACTERS).collect();
            bail!("{}: {status} where 201 was expected: {text}", upload.path);
        }
        Ok(())
    }
}

/// Prints where the edge is, and who may sign in.
fn introduce(
    address: &str,
    manifest: &Manifest,
    households: &[Household],
    kept: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let camera = |camera: &Camera| {
        json!({
            "camera": camera.enrolled.camera,
            "name": camera.name,
            "events": camera.footage.events,
            "live": camera.live.as_ref().map(|(name, _)| name),
        })
    };
    let household = |household: &Household| {
        json!({
            "name": household.name,
            "viewer": household.viewer,
            "login": household.login,
            "password": household.password.as_str(),
            "cameras": household.cameras.iter().map(camera).collect::<Vec<Value>>(),
        })
    };
    let value = json!({
        "listening": address, "footage": manifest.told(),
        "households": households.iter().map(household).collect::<Vec<Value>>(),
    });
    say(json, &value, || {
        let mut lines =
            vec![format!("\n  Eyesonly is running: {address}/\n  ({})\n", manifest.told())];
        for household in households {
            let cameras: Vec<&str> =
                household.cameras.iter().map(|camera| camera.name.as_str()).collect();
            lines.push(format!(
                "  {:<15} name {:<8} password {:<18} sees {}",
                household.name,
                household.login,
                household.password.as_str(),
                cameras.join(", ")
            ));
        }
        lines.push(match kept {
            Some(config) => {
                format!("\n  Kept. Start it again by: eyesonly --config {} serve", config.display())
            }
            None => "\n  Nothing of it is kept.".to_owned(),
        });
        lines.push("  Ctrl-C ends it.".to_owned());
        lines.join("\n")
    })
}

fn bar(uploads: u64) -> ProgressBar {
    let bar = progress();
    bar.set_length(uploads);
    if let Ok(style) =
        indicatif::ProgressStyle::with_template("   {bar:30} {pos}/{len} uploads  {msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The folder of the demo's files.
enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn get(keep: Option<&Path>) -> anyhow::Result<Self> {
        let Some(keep) = keep else {
            let folder = tempfile::Builder::new().prefix("eyesonly-demo-").tempdir();
            return Ok(Self::Temporary(folder.context("a temporary folder can't be made")?));
        };
        std::fs::create_dir_all(keep)
            .with_context(|| format!("{}: can't be made", keep.display()))?;
        if std::fs::read_dir(keep)?.next().is_some() {
            bail!(
                "{} is not empty. Give a new folder, or start what is there: \
                 eyesonly --config {} serve",
                keep.display(),
                keep.join(CONFIG).display()
            );
        }
        Ok(Self::Kept(keep.canonicalize()?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_not_written_to() {
        let outer = tempfile::tempdir().unwrap();
        let keep = outer.path().join("new");
        assert_eq!(Folder::get(Some(&keep)).unwrap().path(), keep.canonicalize().unwrap());
        std::fs::write(keep.join(CONFIG), "").unwrap();
        let error = Folder::get(Some(&keep)).err().unwrap();
        assert!(error.to_string().contains("is not empty"), "{error}");
    }

    #[test]
    fn a_temporary_folder_goes_away() {
        let folder = Folder::get(None).unwrap();
        let path = folder.path().to_owned();
        assert!(path.exists());
        drop(folder);
        assert!(!path.exists());
    }
}
