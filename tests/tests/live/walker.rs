//! The walker of fragments against files of ffmpeg, and against another parser.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use eyesonly_service::live::fragments::testing::{refused, split, walk, whole};
use eyesonly_service::live::fragments::*;
use eyesonly_tests::tool::tool;
use mp4_atom::{Any, Decode as _};

const FLAGS: &str = "-movflags frag_keyframe+empty_moov+default_base_moof -f mp4 pipe:1";
const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10";
const VIDEO: &str = "-f lavfi -i testsrc=s=160x120:r=10:d=3";
const AUDIO: &str = "-f lavfi -i sine=d=3";

/// Runs ffmpeg with `words`, gives it `input`, and returns what it writes.
fn ffmpeg(words: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-xerror", "-y"])
        .args(words.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("SVT_LOG", "1")
        .spawn()
        .expect("ffmpeg runs");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{words}: {errors}");
    output.stdout
}

static PLAIN: LazyLock<Vec<u8>> =
    LazyLock::new(|| ffmpeg(&format!("{VIDEO} {AUDIO} {X264} -c:a aac {FLAGS}"), &[]));

fn joined(parts: &[Part]) -> Vec<u8> {
    let bytes = parts.iter().map(|part| match part {
        Part::Init(init) => &init.bytes[..],
        Part::Fragment(fragment) => &fragment.bytes[..],
    });
    bytes.collect::<Vec<_>>().concat()
}

/// Checks all that must hold for a body that ffmpeg made, and returns its parts.
fn agrees(body: &[u8]) -> (Init, Vec<Fragment>) {
    let parts = whole(body).unwrap();
    assert_eq!(walk(body, || 1).unwrap(), parts);
    for size in [7, 997, 4099] {
        assert_eq!(walk(body, || size).unwrap(), parts);
    }
    let joined = joined(&parts);
    ffmpeg("-i pipe:0 -map 0 -f null -", &joined);
    let packets = "-i pipe:0 -map 0 -c copy -f framecrc pipe:1";
    let packets = [ffmpeg(packets, body), ffmpeg(packets, &joined)];
    let lines = packets.map(|text| String::from_utf8(text).unwrap());
    assert_eq!(lines[0], lines[1]);

    let (init, fragments) = split(parts);
    let mut samples = 0;
    let mut ends = [0; 10];
    for fragment in &fragments {
        let moof = oracle_moof(&fragment.bytes);
        assert_eq!(moof.mfhd.sequence_number, fragment.sequence);
        let timing = fragment.timing(&init).unwrap();
        assert_eq!(moof.traf.len(), timing.len());
        for (traf, timing) in moof.traf.iter().zip(timing) {
            let entries = || traf.trun.iter().flat_map(|trun| trun.samples.iter());
            let default = traf.tfhd.default_sample_duration.unwrap_or_default();
            let duration = entries().map(|entry| u64::from(entry.duration.unwrap_or(default)));
            assert_eq!(traf.tfhd.track_id, timing.track);
            assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, timing.decode_time);
            assert_eq!(entries().count(), timing.samples as usize);
            assert_eq!(duration.sum::<u64>(), timing.duration);
            let first = entries().next().unwrap().flags.or(traf.tfhd.default_sample_flags);
            assert_eq!(first.unwrap() & 0x1_0000 == 0, timing.starts_with_key);
            let end = &mut ends[timing.track as usize];
            assert!(timing.decode_time >= *end, "{timing:?} begins before {end}");
            *end = timing.decode_time + timing.duration;
            samples += timing.samples as usize;
        }
    }
    let counted = lines[0].lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples, counted);
    (init, fragments)
}

fn oracle_moof(mut bytes: &[u8]) -> mp4_atom::Moof {
    loop {
        if let Any::Moof(moof) = Any::decode(&mut bytes).unwrap() {
            return moof;
        }
    }
}

fn keys(init: &Init, fragments: &[Fragment]) -> Vec<bool> {
    let first = |fragment: &Fragment| fragment.timing(init).unwrap()[0].starts_with_key;
    fragments.iter().map(first).collect()
}

/// A folder of this test alone, which goes with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("walker-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn files_of_key_frames_agree() {
    if !tool("ffmpeg") {
        return;
    }
    let (init, fragments) = agrees(&PLAIN);
    assert_eq!(fragments.len(), 3);
    assert_eq!(keys(&init, &fragments), [true; 3]);
    assert_eq!(init.codecs(), "avc1.42c00a,mp4a.40.2");
    let video = init.video().unwrap();
    assert_eq!(video.media, Media::Video { width: 160, height: 120 });
    assert_eq!(init.tracks[1].media, Media::Audio);
    assert_eq!(init.tracks[1].timescale, 44_100);
    let seconds = fragments[1].timing(&init).unwrap()[0].duration / u64::from(video.timescale);
    assert_eq!(seconds, 1);
    assert!(fragments.iter().all(|fragment| fragment.wallclock_milliseconds.is_none()));
}

#[test]
fn a_fragment_per_frame_has_its_wallclock() {
    if !tool("ffmpeg") {
        return;
    }
    let flags = "-movflags frag_every_frame+empty_moov+default_base_moof -f mp4 pipe:1";
    let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let body = ffmpeg(&format!("{VIDEO} {X264} -write_prft wallclock {flags}"), &[]);
    let after = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let (init, fragments) = agrees(&body);
    assert_eq!(fragments.len(), 30);
    for (index, key) in keys(&init, &fragments).into_iter().enumerate() {
        assert_eq!(key, index % 10 == 0, "{index}");
    }
    for fragment in &fragments {
        let time = fragment.wallclock_milliseconds.unwrap();
        assert!((before.saturating_sub(1)..=after + 1).contains(&time), "{before} {time} {after}");
        assert_eq!(&fragment.bytes[4..8], b"prft");
    }
}

#[test]
fn other_codecs_have_their_names() {
    if !tool("ffmpeg") {
        return;
    }
    let x265 = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none";
    let (init, _) = agrees(&ffmpeg(&format!("{VIDEO} {x265} -tag:v hvc1 {FLAGS}"), &[]));
    assert_eq!(init.codecs(), "hvc1.1.6.L30.90");
    let cases = [
        (VIDEO, "-pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8", "vp09.00.10.08"),
        (VIDEO, "-pix_fmt yuv420p10 -c:v libsvtav1 -preset 12", "av01.0.00M.10"),
        (AUDIO, "-c:a libopus", "opus"),
        (AUDIO, "-c:a flac -strict -2", "flac"),
        (AUDIO, "-c:a ac3", "ac-3"),
        (AUDIO, "-c:a eac3", "ec-3"),
        (AUDIO, "-c:a libmp3lame", "mp4a.6B"),
    ];
    for (source, encoder, name) in cases {
        let flags = FLAGS.replace("empty_moov", "empty_moov+delay_moov");
        let body = ffmpeg(&format!("{source} {encoder} {flags}"), &[]);
        let (init, _) = split(whole(&body).unwrap());
        assert_eq!(init.codecs(), name);
    }
}

#[test]
fn segments_of_hls_and_dash_agree() {
    if !tool("ffmpeg") {
        return;
    }
    let folder = Folder::new("segments");
    let path = folder.0.display();
    let hls = format!("-f hls -hls_time 1 -hls_segment_type fmp4 {path}/o.m3u8");
    ffmpeg(&format!("{VIDEO} {X264} {hls}"), &[]);
    let init = folder.read("init.mp4");
    let segments = [0, 1, 2].map(|index| folder.read(&format!("o{index}.m4s")));
    let (_, fragments) = agrees(&[init.clone(), segments.concat()].concat());
    assert_eq!(fragments.len(), 3);
    // Each segment on its own is a body too, and needs no init to be walked.
    for (segment, fragment) in segments.iter().zip(&fragments) {
        assert_eq!(&segment[4..8], b"styp");
        assert_eq!(whole(segment).unwrap(), [Part::Fragment(fragment.clone())]);
    }
    assert_eq!(split(whole(&init).unwrap()).1, []);

    let dash = format!("-f dash -seg_duration 1 -streaming 1 -frag_type every_frame {path}/o.mpd");
    ffmpeg(&format!("{VIDEO} {AUDIO} {X264} -c:a aac {dash}"), &[]);
    let manifest = String::from_utf8(folder.read("o.mpd")).unwrap();
    for (stream, count) in [(0, 30), (1, 1)] {
        let mut body = folder.read(&format!("init-stream{stream}.m4s"));
        for index in 1..=3 {
            body.extend(folder.read(&format!("chunk-stream{stream}-0000{index}.m4s")));
        }
        let (init, fragments) = agrees(&body);
        assert!(fragments.len() >= count);
        assert!(manifest.contains(&format!("codecs=\"{}\"", init.codecs())), "{manifest}");
    }
}

#[test]
fn other_flags_of_ffmpeg_are_taken_or_told() {
    if !tool("ffmpeg") {
        return;
    }
    for (flags, parts) in [
        ("cmaf+frag_keyframe", Ok(4)),
        ("dash+frag_keyframe", Ok(4)),
        ("frag_keyframe+delay_moov+default_base_moof+skip_trailer", Ok(4)),
        ("frag_keyframe+empty_moov+default_base_moof+separate_moof", Ok(7)),
        ("frag_keyframe+default_base_moof", Err(FragmentError::SamplesInInit)),
        ("frag_keyframe+empty_moov+omit_tfhd_offset", Err(FragmentError::FileOffsets)),
    ] {
        let form = format!("-c:a aac -movflags {flags} -f mp4 pipe:1");
        let body = ffmpeg(&format!("{VIDEO} {AUDIO} {X264} {form}"), &[]);
        assert_eq!(whole(&body).map(|parts| parts.len()), parts, "{flags}");
    }
}

#[test]
fn other_forms_of_ffmpeg_are_told_what_to_send() {
    if !tool("ffmpeg") {
        return;
    }
    for (form, error) in [
        ("-f mpegts pipe:1", FragmentError::TransportStream),
        ("-f h264 pipe:1", FragmentError::RawVideo),
        ("-movflags frag_keyframe+empty_moov -f mp4 pipe:1", FragmentError::FileOffsets),
    ] {
        let body = ffmpeg(&format!("{VIDEO} {X264} {form}"), &[]);
        assert_eq!(refused(&body), error);
    }
    let folder = Folder::new("plain");
    for flags in ["", "-movflags faststart"] {
        let path = folder.0.join("plain.mp4");
        ffmpeg(&format!("{VIDEO} {X264} {flags} {}", path.display()), &[]);
        assert_eq!(refused(&folder.read("plain.mp4")), FragmentError::NotFragmented);
    }
}
