//! Real ffmpeg hands in a stream, in each form that it has, and another ffmpeg reads it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use eyesonly_tests::poll;
use eyesonly_tests::python::python;
use eyesonly_tests::tool::tool;

use crate::{Following, Scene};

/// What each ffmpeg encodes.
const ENCODED: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -pix_fmt yuv420p";
/// One endless body, as docs/cameras.md has it.
const ENDLESS: &str = "-f mp4 -movflags frag_keyframe+empty_moov+default_base_moof -frag_duration \
                       200000 -write_prft wallclock";
const DASH: &str = "-f dash -ldash 1 -streaming 1 -frag_type every_frame -seg_duration 2 \
                    -http_persistent 1 -window_size 5";
const HLS: &str = "-f hls -hls_segment_type fmp4 -hls_time 2";

/// An ffmpeg that streams until it is dropped.
struct Pushing(Child);

impl Pushing {
    fn start(scene: &Scene, form: &str, path: &str) -> Self {
        Self::of(Path::new("ffmpeg"), scene, form, path)
    }

    /// Starts another program than the machine's own.
    fn of(program: &Path, scene: &Scene, form: &str, path: &str) -> Self {
        let mut command = Command::new(program);
        command.args(["-hide_banner", "-loglevel", "error", "-nostdin"]);
        // A camera never sees the same twice.
        static SEEN: AtomicU32 = AtomicU32::new(1);
        let seed = SEEN.fetch_add(1, Ordering::Relaxed);
        let source = format!("testsrc=size=320x180:rate=15,noise=alls=9:allf=t:all_seed={seed}");
        command.args(["-re", "-f", "lavfi", "-i", &source]);
        command.args(ENCODED.split_whitespace()).args(form.split_whitespace());
        let credential = format!("Authorization: Bearer {}", scene.camera.credential);
        command.args(["-method", "PUT"]);
        if form == DASH {
            // This muxer has no option for headers of its own.
            let options = format!("headers={}", credential.replace(':', "\\:"));
            command.args(["-http_opts", &options]);
        } else {
            command.args(["-headers", &format!("{credential}\r\n")]);
        }
        command.arg(format!("http://{}/v1/ingest/live/{path}", scene.edge.door().authority()));
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Counts the pictures that ffprobe decodes.
fn pictures(bytes: &[u8]) -> u32 {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let words = "-v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of \
                 csv=p=0";
    let output =
        Command::new("ffprobe").args(words.split_whitespace()).arg(file.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}");
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').parse().unwrap()
}

async fn check(form: &str, path: &str) {
    if tool("ffmpeg") {
        check_of(Path::new("ffmpeg"), form, path).await;
    }
}

async fn check_of(program: &Path, form: &str, path: &str) {
    let scene = Scene::new().await;
    let _pushing = Pushing::of(program, &scene, form, path);
    scene.is_live().await;
    let mut query = String::new();
    for _ in 0..2 {
        let following = scene.follow(&query).await;
        query = format!("?after={}", following.segment);
        let (bytes, is_cut) = following.rest().await;
        assert!(!is_cut && (20..=40).contains(&pictures(&bytes)), "{form}: {}", pictures(&bytes));
    }
}

#[tokio::test]
async fn an_endless_body_is_followed() {
    check(ENDLESS, "main").await;
}

#[tokio::test]
async fn files_of_dash_are_followed() {
    check(DASH, "d1/index.mpd").await;
}

#[tokio::test]
async fn files_of_hls_are_followed() {
    check(HLS, "h1/index.m3u8").await;
}

/// A newer ffmpeg, which a package of PyPI brings, sends the same forms.
#[tokio::test]
async fn a_newer_ffmpeg_is_followed() {
    if !tool("ffmpeg") {
        return;
    }
    let words = ["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"];
    let output = Command::new(python("live")).args(words).output().unwrap();
    let program = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    for (form, path) in [(ENDLESS, "main"), (DASH, "d1/index.mpd"), (HLS, "h1/index.m3u8")] {
        check_of(&program, form, path).await;
    }
}

/// The camera's ffmpeg is killed and starts again. Followers go on, and the playlist says so.
#[tokio::test]
async fn a_camera_that_starts_again_is_followed_again() {
    if !tool("ffmpeg") {
        return;
    }
    for (form, path) in [(ENDLESS, "main"), (DASH, "d1/index.mpd")] {
        let scene = Scene::new().await;
        let pushing = Pushing::start(&scene, form, path);
        let list = scene.path("/index.m3u8");
        poll("four segments are whole", 60, async || scene.viewer.get(&list).await.status == 200)
            .await;
        let before = scene.streams().await.remove(0);
        drop(pushing);
        let start = Instant::now();
        let _again = Pushing::start(&scene, form, path);
        poll("the new run is live", 30, async || {
            scene.streams().await.first().is_some_and(|now| now["run"] != before["run"])
        })
        .await;
        let query = format!("?after={}", before["head"].as_str().unwrap());
        let following: Following = scene.follow(&query).await;
        println!("{path}: followed again {:?} after the kill", start.elapsed());
        assert!(pictures(&following.rest().await.0) > 10);
        poll("a segment of the new run is whole", 30, async || {
            let text = scene.viewer.get(&list).await.body;
            String::from_utf8_lossy(&text).contains("#EXT-X-DISCONTINUITY\n")
        })
        .await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
