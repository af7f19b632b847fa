//! Footage for the suites: the files of `tests/media`, and files that ffmpeg makes.
//!
//! It must never give what a real camera could not have sent, unless a test asks for that by name.

use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use eyesonly_demo::Manifest;

use crate::built::ROOT;

/// Loads the manifest of `tests/media`.
///
/// # Panics
/// If it has no form.
pub fn manifest() -> Manifest {
    Manifest::load().unwrap()
}

/// Reads a file of `tests/media`.
///
/// # Panics
/// If the file is missing.
pub fn media(name: &str) -> Bytes {
    let path = Path::new(ROOT).join("tests/media").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// Runs ffmpeg from a lavfi `source` into one file; `arguments` are the options between them.
///
/// # Panics
/// If ffmpeg fails. Ask [`crate::tool::tool`] first whether it is installed.
pub fn ffmpeg(source: &str, arguments: &str, name: &str) -> Bytes {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", source]);
    let output = command
        .args(arguments.split_whitespace())
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(path).unwrap().into()
}

/// Makes a still of one flat colour, such as `#e4572e`, with ffmpeg.
pub fn flat_still(colour: &str, width: u32, height: u32) -> Bytes {
    let source = format!("color=c={}:s={width}x{height}", colour.replace('#', "0x"));
    ffmpeg(&source, "-frames:v 1 -c:v mjpeg -q:v 2 -pix_fmt yuvj420p", "still.jpg")
}

/// Makes a short H.264 clip with its index in front, with ffmpeg.
pub fn clip(source: &str, seconds: u32) -> Bytes {
    let arguments = format!(
        "-t {seconds} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -movflags +faststart"
    );
    ffmpeg(source, &arguments, "clip.mp4")
}

/// Makes the same clip in fragments, as a camera writes it while it records.
pub fn fragmented_clip(source: &str, seconds: u32) -> Bytes {
    let arguments = format!(
        "-t {seconds} -c:v libx264 -preset ultrafast -g 15 -pix_fmt yuv420p -movflags \
         +frag_keyframe+empty_moov+default_base_moof"
    );
    ffmpeg(source, &arguments, "clip.mp4")
}

/// Makes a clip of several MiB: a fractal, without loss.
pub fn large_clip() -> Bytes {
    let arguments =
        "-t 4 -c:v libx264 -qp 0 -preset ultrafast -pix_fmt yuv420p -movflags +faststart";
    ffmpeg("mandelbrot=s=640x480:rate=15", arguments, "clip.mp4")
}

/// Makes a JPEG with a comment segment right after its first marker.
///
/// # Panics
/// If `jpeg` is no JPEG.
pub fn with_comment(jpeg: &[u8], comment: &[u8]) -> Bytes {
    let (start, rest) = jpeg.split_at(2);
    assert_eq!(start, [0xFF, 0xD8]);
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [start, &[0xFF, 0xFE], &length, comment, rest].concat().into()
}
