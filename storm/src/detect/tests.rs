//! Tests the detector with answers that are made here.

use super::*;

fn town() -> Town {
    Town::new(3, 4, 0, 2, 1_800_000_000_000)
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    Reply {
        status,
        comes_back: status == StatusCode::SERVICE_UNAVAILABLE,
        from_cache: false,
        location: None,
        body: body.into(),
        whole: true,
    }
}

const MINE: Place = Place { household: 1, camera: 0 };
const OTHER: Place = Place { household: 1, camera: 1 };
const FOREIGN: Place = Place { household: 2, camera: 0 };

#[test]
fn each_verdict_is_told_from_bytes_alone() {
    let town = town();
    let detector = Detector::new(&town, 1);
    let ok = |body: Bytes| reply(StatusCode::OK, body);
    let still = |place, number| {
        detector.still(&ok(town.still(place, What::Still, number)), MINE, What::Still, 3..=4)
    };
    assert_eq!(still(MINE, 3), Verdict::Right);
    assert_eq!(still(MINE, 4), Verdict::Right);
    assert_eq!(still(MINE, 2), Verdict::Stale);
    assert_eq!(still(MINE, 5), Verdict::Wrong);
    assert_eq!(still(OTHER, 3), Verdict::Wrong);
    assert_eq!(still(FOREIGN, 3), Verdict::Exposed(2));
    let clip = |place, number| detector.clip(&ok(town.clip(place, number)), MINE, 1, None);
    assert_eq!(clip(MINE, 1), Verdict::Right);
    assert_eq!(clip(MINE, 2), Verdict::Wrong);
    assert_eq!(clip(FOREIGN, 1), Verdict::Exposed(2));
    let mut flipped = town.clip(MINE, 1).to_vec();
    flipped[20_000] ^= 1;
    assert_eq!(detector.clip(&ok(flipped.into()), MINE, 1, None), Verdict::Wrong);
    let long = town.long_clip(MINE);
    let stream = |body: Bytes| detector.stream(&ok(body), MINE);
    assert_eq!(stream(long.slice(..1 << 20)), Verdict::Right);
    assert_eq!(stream(long.clone()), Verdict::Stale);
    assert_eq!(stream(town.clip(MINE, 1)), Verdict::Wrong);
    assert_eq!(stream(town.long_clip(FOREIGN).slice(..1 << 20)), Verdict::Exposed(2));
    let refused = reply(StatusCode::SERVICE_UNAVAILABLE, "");
    assert_eq!(detector.clip(&refused, MINE, 1, None), Verdict::Refused { shed: true });
    let told_anyway = reply(StatusCode::NOT_FOUND, town.clip(FOREIGN, 1));
    assert_eq!(detector.nothing(&told_anyway, FOREIGN), Verdict::Exposed(2));
    assert_eq!(detector.nothing(&reply(StatusCode::NOT_FOUND, "{}"), FOREIGN), Verdict::Right);
    assert_eq!(detector.nothing(&ok(town.clip(MINE, 1)), MINE), Verdict::Exposed(1));
}

#[test]
fn a_segment_of_live_video_is_judged_by_its_pictures() {
    let town = town();
    let detector = Detector::new(&town, 1);
    let body = |place, init, numbers: std::ops::Range<u32>| {
        let mut body = town.live_init(init).to_vec();
        numbers.for_each(|number| body.extend(town.live_fragment(place, number % NUMBERS)));
        reply(StatusCode::OK, body)
    };
    let judge = |reply: &Reply, after, until| {
        let live = Live { begun: 2100, after, early: None, until, starts: vec![2064] };
        detector.live(reply, MINE, &live)
    };
    let check = |numbers, after, until, expected| {
        assert_eq!(judge(&body(MINE, MINE, numbers), after, until).0, expected);
    };
    assert_eq!(judge(&body(MINE, MINE, 2064..2080), None, None), (Verdict::Right, Some(2079)));
    check(2032..2048, None, None, Verdict::Right);
    check(2064..2080, Some(2063), None, Verdict::Right);
    check(2064..2080, Some(2064), None, Verdict::Wrong);
    check(2064..2080, None, Some(2080), Verdict::Right);
    check(2064..2080, None, Some(2079), Verdict::Stale);
    check(2048..2060, None, None, Verdict::Right);
    check(2065..2080, None, None, Verdict::Wrong);
    check(1504..1520, None, None, Verdict::Right);
    check(1488..1504, None, None, Verdict::Stale);
    // A segment that ended early has to be the last one of its stream.
    let after_an_early = |early, starts| {
        let live =
            Live { begun: 2100, after: Some(early), early: Some(early), until: None, starts };
        detector.live(&body(MINE, MINE, 2064..2080), MINE, &live).0
    };
    assert_eq!(after_an_early(2050, vec![]), Verdict::Wrong);
    assert_eq!(after_an_early(2050, vec![2048, 2080]), Verdict::Wrong);
    assert_eq!(after_an_early(2050, vec![2064]), Verdict::Right);
    assert_eq!(after_an_early(2018, vec![2032, 2080]), Verdict::Right);
    let other = body(OTHER, MINE, 2064..2080);
    assert_eq!(judge(&other, None, None).0, Verdict::Wrong);
    let foreign = body(FOREIGN, MINE, 2064..2065);
    assert_eq!(judge(&foreign, None, None).0, Verdict::Exposed(2));
    assert_eq!(judge(&body(MINE, OTHER, 2064..2080), None, None).0, Verdict::Wrong);
    assert_eq!(judge(&body(MINE, FOREIGN, 2064..2080), None, None).0, Verdict::Exposed(2));
    let cut = Reply { whole: false, ..body(MINE, MINE, 2064..2070) };
    assert_eq!(judge(&cut, None, None).0, Verdict::Refused { shed: false });
    let nothing = reply(StatusCode::NOT_FOUND, "{}");
    assert_eq!(judge(&nothing, None, None).0, Verdict::Refused { shed: false });
}

#[test]
fn a_page_has_what_was_acknowledged_in_order_and_once() {
    let town = town();
    let detector = Detector::new(&town, 1);
    let check = |shown: &[(Place, u32)], expected| {
        let events: Vec<_> = shown
            .iter()
            .map(|(place, number)| {
                let id = town.event_id(*place, *number).unwrap().to_string();
                serde_json::json!({ "id": id, "label": detector.label(*place, *number) })
            })
            .collect();
        let body = serde_json::json!({ "events": events, "next": null }).to_string();
        let verdict =
            detector.page(&reply(StatusCode::OK, body), MINE, &[2, 1, 0], |number| number == 3);
        assert_eq!(verdict, expected, "{shown:?}");
    };
    check(&[(MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Right);
    check(&[(MINE, 3), (MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Right);
    check(&[(MINE, 3), (MINE, 2), (MINE, 1)], Verdict::Right);
    check(&[(MINE, 2), (MINE, 0)], Verdict::Stale);
    check(&[], Verdict::Stale);
    check(&[(MINE, 2), (MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Wrong);
    check(&[(MINE, 1), (MINE, 2), (MINE, 0)], Verdict::Wrong);
    check(&[(MINE, 4), (MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Wrong);
    check(&[(FOREIGN, 2), (MINE, 1), (MINE, 0)], Verdict::Exposed(2));
    check(&[(OTHER, 2), (MINE, 1), (MINE, 0)], Verdict::Wrong);
}
