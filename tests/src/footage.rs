//! Footage for the suites: ids, the files of `tests/media`, and files that ffmpeg makes.

use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::{NoContext, Timestamp, Uuid};

const MEDIA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/media");

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_milliseconds() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// An id as a camera makes it: a UUIDv7 whose time is the footage's.
pub fn footage_id(milliseconds: u64) -> String {
    let nanoseconds = u32::try_from(milliseconds % 1000).unwrap() * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, milliseconds / 1000, nanoseconds)).to_string()
}

/// An id of this moment.
pub fn fresh_id() -> String {
    footage_id(now_milliseconds())
}

/// A key-encryption key: 64 hexadecimal digits.
pub fn fresh_key() -> String {
    hex_of(&Sha256::digest(fresh_id()))
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of Content-Digest (RFC 9530) for a body.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// An event's description.
pub fn description(label: &str) -> Value {
    json!({ "kind": "motion", "label": label, "duration_milliseconds": 4000 })
}

/// A file of `tests/media`.
///
/// # Panics
/// If it isn't there.
pub fn media(name: &str) -> Bytes {
    let path = format!("{MEDIA}/{name}");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .into()
}

/// `tests/media/manifest.json`.
pub fn manifest() -> Value {
    serde_json::from_slice(&media("manifest.json")).unwrap()
}

/// Runs ffmpeg from a lavfi `source` into one file; `arguments` say how.
///
/// # Panics
/// If ffmpeg fails. Ask [`crate::tool::tool`] first whether it is here.
pub fn ffmpeg(source: &str, arguments: &str, name: &str) -> Bytes {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut command = Command::new("ffmpeg");
    command.args([
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-f",
        "lavfi",
        "-i",
        source,
    ]);
    let output = command
        .args(arguments.split_whitespace())
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::read(path).unwrap().into()
}

/// A still of one flat colour, such as `#e4572e`, made by ffmpeg.
pub fn flat_still(colour: &str, width: u32, height: u32) -> Bytes {
    let source = format!("color=c={}:s={width}x{height}", colour.replace('#', "0x"));
    ffmpeg(&source, "-frames:v 1 -c:v mjpeg -q:v 2 -pix_fmt yuvj420p", "still.jpg")
}

/// A short H.264 clip with its index in front, made by ffmpeg.
pub fn clip(source: &str, seconds: u32) -> Bytes {
    let arguments = format!("-t {seconds} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -movflags +faststart");
    ffmpeg(source, &arguments, "clip.mp4")
}

/// The same as fragments, as a camera writes it while it records.
pub fn fragmented_clip(source: &str, seconds: u32) -> Bytes {
    let arguments = format!(
        "-t {seconds} -c:v libx264 -preset ultrafast -g 15 -pix_fmt yuv420p -movflags +frag_keyframe+empty_moov+default_base_moof"
    );
    ffmpeg(source, &arguments, "clip.mp4")
}

/// A clip of several MiB: a fractal, without loss.
pub fn large_clip() -> Bytes {
    let arguments = "-t 4 -c:v libx264 -qp 0 -preset ultrafast -pix_fmt yuv420p -movflags +faststart";
    ffmpeg("mandelbrot=s=640x480:rate=15", arguments, "clip.mp4")
}

/// One box of an MP4 (ISO/IEC 14496-12, 4.2).
pub fn mp4_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(content);
    bytes
}

/// A file whose boxes are those of an MP4, with `content` as its data. No player plays it.
pub fn mp4_around(content: &[u8]) -> Bytes {
    [
        mp4_box(b"ftyp", b"isom\0\0\0\0isom"),
        mp4_box(b"moov", &[0; 64]),
        mp4_box(b"mdat", content),
    ]
    .concat()
    .into()
}

/// A JPEG with a comment segment, right after its first marker.
///
/// # Panics
/// If `jpeg` is not one.
pub fn with_comment(jpeg: &[u8], comment: &[u8]) -> Bytes {
    let (start, rest) = jpeg.split_at(2);
    assert_eq!(start, [0xFF, 0xD8]);
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [start, &[0xFF, 0xFE], &length, comment, rest].concat().into()
}

/// Bytes that no file has by chance, the same for the same seed.
pub fn noise(seed: &str, length: usize) -> Vec<u8> {
    let blocks = (0_u64..).map(|number| Sha256::digest(format!("{seed} {number}")));
    blocks.flatten().take(length).collect()
}
