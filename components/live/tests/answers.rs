//! The answer to each question, against a scripted host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_live::{
    Answer, Footage, MAX_SEGMENTS, Part, Refusal, Segment, Stream, live, next, playlist, segment,
};
use serde_json::{Value, json};

/// A host with the segments of the main stream, and no other stream.
struct Host(Result<Vec<Segment>, Refusal>);

impl Footage for Host {
    fn list_segments(&self, of: Stream, limit: u32) -> Result<Vec<Segment>, Refusal> {
        assert!(limit <= MAX_SEGMENTS);
        match of {
            Stream::Main => self.0.clone().map(|segments| {
                let older = segments.len().saturating_sub(limit as usize);
                segments[older..].to_vec()
            }),
            Stream::Sub => Ok(Vec::new()),
        }
    }
}

fn id(number: u64) -> String {
    format!("018db2b0-0000-7000-8000-{number:012}")
}

/// Makes a whole segment of two seconds, which goes on from the one before.
fn whole(number: u64) -> Segment {
    let time = 1_708_075_800_250 + 2_000 * number;
    Segment {
        id: id(number),
        before: number.checked_sub(1).map(id),
        number: 40 + number,
        run: 7,
        key: true,
        codecs: "avc1.4d401e,mp4a.40.2".to_owned(),
        width: 640,
        height: 360,
        time_milliseconds: time,
        newest_milliseconds: time + 1_960,
        duration_milliseconds: Some(2_005),
    }
}

fn running(number: u64) -> Segment {
    Segment { duration_milliseconds: None, ..whole(number) }
}

fn host(segments: Vec<Segment>) -> Host {
    Host(Ok(segments))
}

fn sent(number: u64) -> Answer {
    Answer::Segment(Stream::Main, id(number), Part::Whole)
}

#[test]
fn a_stream_is_told_by_its_newest_segment() {
    let Answer::Json(text) = live(&host(vec![whole(0), whole(1), running(2)])) else {
        panic!("expected JSON");
    };
    let found: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({ "streams": [{
        "name": "main",
        "codecs": "avc1.4d401e,mp4a.40.2",
        "width": 640,
        "height": 360,
        "head": id(2),
        "run": 7,
        "arrived_milliseconds": 1_708_075_804_250_u64,
        "newest_milliseconds": 1_708_075_806_210_u64,
        "key_frame_milliseconds": 2_000,
    }]});
    assert_eq!(found, expected);
    assert_eq!(live(&host(Vec::new())), Answer::Json(r#"{"streams":[]}"#.to_owned()));
    let Answer::Json(text) = live(&host(vec![running(0)])) else { panic!("expected JSON") };
    assert!(text.contains("\"key_frame_milliseconds\":null"), "{text}");
}

#[test]
fn the_next_segment_goes_on_from_the_one_before() {
    let all = host(vec![whole(3), whole(4), running(5)]);
    assert_eq!(next(&all, Stream::Main, None), sent(5), "the head, if none is named");
    assert_eq!(next(&all, Stream::Main, Some(&id(3))), sent(4));
    assert_eq!(next(&all, Stream::Main, Some(&id(4))), sent(5));
    assert_eq!(next(&all, Stream::Main, Some(&id(5))), Answer::NotFound, "nothing came yet");
    assert_eq!(next(&all, Stream::Main, Some(&id(1))), sent(5), "that one is gone");
    let many = host((0..5).map(whole).chain([running(5)]).collect());
    assert_eq!(next(&many, Stream::Main, Some(&id(1))), sent(2), "whoever is behind goes on there");
    assert_eq!(next(&all, Stream::Sub, None), Answer::NotFound);
}

#[test]
fn a_player_starts_with_a_key_frame() {
    let forced = Segment { key: false, ..running(5) };
    let all = host(vec![whole(4), forced.clone()]);
    assert_eq!(next(&all, Stream::Main, None), sent(4));
    assert_eq!(next(&all, Stream::Main, Some(&id(4))), sent(5), "but it may go on with another");
    assert_eq!(next(&host(vec![forced]), Stream::Main, None), Answer::NotFound);
}

#[test]
fn a_new_run_is_found_from_the_old_one() {
    let anew = Segment { before: None, run: 8, ..running(5) };
    let all = host(vec![whole(3), whole(4), anew]);
    assert_eq!(next(&all, Stream::Main, Some(&id(4))), sent(5));
}

#[test]
fn a_playlist_has_whole_segments() {
    let mut segments: Vec<_> = (0..4).map(whole).collect();
    assert_eq!(playlist(&host(segments[..3].to_vec()), Stream::Main), Answer::NotFound);
    segments.insert(0, Segment { key: false, number: 39, ..whole(9) });
    segments.push(Segment { before: None, run: 8, ..whole(4) });
    segments.push(running(5));
    let Answer::Playlist(text) = playlist(&host(segments), Stream::Main) else {
        panic!("expected a playlist");
    };
    let entry = |time: &str, number| {
        format!("#EXT-X-PROGRAM-DATE-TIME:{time}Z\n#EXTINF:2.005,\n{}/media.m4s\n", id(number))
    };
    let expected = [
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:3\n",
        "#EXT-X-MEDIA-SEQUENCE:40\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n",
        "#EXT-X-MAP:URI=\"run-7/init.mp4\"\n",
        &entry("2024-02-16T09:30:00.250", 0),
        &entry("2024-02-16T09:30:02.250", 1),
        &entry("2024-02-16T09:30:04.250", 2),
        &entry("2024-02-16T09:30:06.250", 3),
        "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"run-8/init.mp4\"\n",
        &entry("2024-02-16T09:30:08.250", 4),
    ];
    assert_eq!(text, expected.concat());
    let mut segments: Vec<_> = (0..4).map(whole).collect();
    segments[2].key = false;
    let Answer::Playlist(text) = playlist(&host(segments), Stream::Main) else {
        panic!("expected a playlist");
    };
    assert!(!text.contains("INDEPENDENT"), "a segment needs the one before it");
}

#[test]
fn a_segment_is_named_by_itself_or_by_its_run() {
    let all = host(vec![whole(3), running(4)]);
    let ask = |name: &str| segment(&all, Stream::Main, name.to_owned(), Part::Init);
    assert_eq!(ask(&id(9)), Answer::Segment(Stream::Main, id(9), Part::Init), "the host decides");
    assert_eq!(ask("run-7"), Answer::Segment(Stream::Main, id(3), Part::Init));
    for bad in ["run-8", "run-", "run-07", "run-x"] {
        assert_eq!(ask(bad), Answer::NotFound, "{bad}");
    }
}

#[test]
fn each_refusal_has_its_answer() {
    for (refusal, expected) in [
        (Refusal::NotFound, Answer::NotFound),
        (Refusal::Unavailable, Answer::Unavailable),
        (Refusal::Invalid, Answer::Failed),
        (Refusal::Limit, Answer::Failed),
    ] {
        let ask = |answer: &dyn Fn(&Host) -> Answer| answer(&Host(Err(refusal)));
        assert_eq!(ask(&live), expected);
        assert_eq!(ask(&|host| next(host, Stream::Main, None)), expected);
        assert_eq!(ask(&|host| playlist(host, Stream::Main)), expected);
        let run = |host: &Host| segment(host, Stream::Main, "run-7".to_owned(), Part::Init);
        assert_eq!(ask(&run), expected);
    }
}
