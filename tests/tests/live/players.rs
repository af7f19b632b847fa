//! Players of HLS that are not ours: ffmpeg and ffprobe read the playlist, and two libraries parse
//! it.

use std::process::Command;

use eyesonly_tests::live::{Streaming, recording};
use eyesonly_tests::tool::tool;
use eyesonly_tests::{poll, variable};

use crate::Scene;

async fn playing() -> (Scene, Streaming, String) {
    let scene = Scene::new().await;
    let streaming = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    let path = scene.path("/index.m3u8");
    poll("four segments are whole", 60, async || scene.viewer.get(&path).await.status == 200).await;
    let address = format!("http://{}{}", scene.edge.door().authority(), scene.viewer.path(&path));
    (scene, streaming, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_reads_the_playlist_without_a_word() {
    if !tool("ffmpeg") {
        return;
    }
    let (scene, _streaming, address) = playing().await;
    let header = format!("Authorization: Bearer {}\r\n", scene.viewer.secret());
    let seconds = variable("EYESONLY_LIVE_SECONDS", 8).to_string();
    let run = |program: &str, words: Vec<String>| {
        let mut command = Command::new(program);
        command.args(["-v", "warning", "-headers", &header]).args(words);
        let output = tokio::task::block_in_place(|| command.output()).unwrap();
        // Whenever it reads the playlist again, ffmpeg also reads the init again, and says so.
        let told = String::from_utf8_lossy(&output.stderr);
        let is_word = |line: &&str| {
            !line.contains("Found duplicated MOOV Atom") && !line.contains("Last message repeated")
        };
        let told: String = told.lines().filter(is_word).collect();
        assert!(output.status.success() && told.is_empty(), "{program}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let streams =
        run("ffprobe", [words("-show_streams -of compact"), vec![address.clone()]].concat());
    assert!(streams.contains("codec_name=h264") && streams.contains("width=640"), "{streams}");
    let rest = format!("-t {seconds} -f null -");
    run("ffmpeg", [words("-re -i"), vec![address], words(&rest)].concat());
}

#[tokio::test]
async fn libraries_parse_the_playlist() {
    let (scene, _streaming, _) = playing().await;
    let text = scene.viewer.get(&scene.path("/index.m3u8")).await.expect(200);
    assert_eq!(text.header("content-type"), "application/vnd.apple.mpegurl");
    let list = m3u8_rs::parse_media_playlist_res(&text.body).unwrap();
    assert!(list.segments.len() >= 4 && list.independent_segments);
    let map = list.segments[0].map.as_ref().unwrap();
    assert!(map.uri.ends_with("/init.mp4"));
    let parsed = std::str::from_utf8(&text.body).unwrap();
    let mut reader =
        quick_m3u8::Reader::from_str(parsed, quick_m3u8::config::ParsingOptions::default());
    let mut uris = 0;
    while let Some(line) = reader.read_line().unwrap() {
        assert!(!matches!(line, quick_m3u8::HlsLine::UnknownTag(_)), "{line:?}");
        uris += u32::from(matches!(line, quick_m3u8::HlsLine::Uri(_)));
    }
    assert_eq!(uris as usize, list.segments.len());
    // Each address in it is answered.
    let segment = &list.segments[list.segments.len() - 1];
    for uri in [&map.uri, &segment.uri] {
        let bytes = scene.viewer.get(&scene.path(&format!("/{uri}"))).await.expect(200).body;
        assert!(!bytes.is_empty(), "{uri}");
    }
}
