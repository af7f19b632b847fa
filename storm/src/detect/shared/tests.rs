//! Tests the judgement by right and time: a camera of household 2 is shared with the viewer of
//! household 1.

use super::*;
use crate::shares::{Course, Held, Share};
use crate::town::Town;
use crate::video::GROUP;
use axum::body::Bytes;
use axum::http::StatusCode;
use eyesonly_rights::Kinds;

const MINE: Place = Place { household: 1, camera: 1 };
const SHARED: Place = Place { household: 2, camera: 1 };
const OTHER_THERE: Place = Place { household: 2, camera: 0 };
const FOREIGN: Place = Place { household: 3, camera: 1 };
/// The share ends by itself at this second.
const ENDS: u64 = 100;
const RIGHT: Right = Right { kinds: Kinds::ALL, from: 1, expires_at_seconds: Some(ENDS) };

fn town() -> Town {
    Town::new(3, 4, 0, 2, 1_800_000_000_000)
}

/// Returns the share, given by an act from 10 to 20.
fn held() -> Held {
    let held = Held::new(Share { place: SHARED, guest: 1, course: Course::TakenBack });
    held.asks(Some(RIGHT), 10);
    held.acknowledged(20, 0);
    held
}

/// Returns the judge of an answer that was asked for at `since` and has come at `now`.
fn judge<'a>(town: &'a Town, held: &Held, since: u64, now: u64) -> Detector<'a> {
    Detector { given: vec![held.given(since, now)], ..Detector::new(town, 1) }
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    Reply {
        status,
        comes_back: false,
        from_cache: false,
        location: None,
        body: body.into(),
        whole: true,
    }
}

fn ok(body: impl Into<Bytes>) -> Reply {
    reply(StatusCode::OK, body)
}

#[test]
fn what_is_older_than_the_window_is_an_exposure_through_the_share() {
    let (town, held) = (town(), held());
    let detector = judge(&town, &held, 30, 40);
    let clip = |place, number| detector.clip(&ok(town.clip(place, number)), place, number, None);
    assert_eq!(clip(SHARED, 1), Verdict::Right);
    assert_eq!(clip(SHARED, 0), Verdict::Outside(2));
    assert_eq!(clip(OTHER_THERE, 1), Verdict::Exposed(2), "another camera is not shared");
    assert_eq!(clip(FOREIGN, 1), Verdict::Exposed(3));
    let event = |number| detector.event(&ok(town.details(SHARED, number)), SHARED, number);
    assert_eq!(event(0), Verdict::Outside(2));
    for (what, number, expected) in [
        (What::Still, 0, Verdict::Outside(2)),
        (What::Still, 1, Verdict::Right),
        (What::EventStill, 0, Verdict::Outside(2)),
        (What::EventStill, 1, Verdict::Right),
    ] {
        let still = ok(town.still(SHARED, what, number));
        assert_eq!(detector.still(&still, SHARED, what, 0..=1), expected, "{what:?} {number}");
    }
    // What is shared is right where it was asked for, and nowhere else.
    let still = ok(town.still(SHARED, What::Still, 1));
    assert_eq!(detector.still(&still, MINE, What::Still, 1..=1), Verdict::Wrong);
    let both = [town.clip(SHARED, 0), town.clip(FOREIGN, 1)].concat();
    assert_eq!(detector.clip(&ok(both), SHARED, 0, None), Verdict::Exposed(3));
    assert_eq!(detector.sure(SHARED, What::Clip, 1..=1), Sure::Yes);
    assert_eq!(detector.sure(SHARED, What::Clip, 0..=0), Sure::No);
    assert_eq!(detector.sure(SHARED, What::Clip, 0..=1), Sure::Maybe);
    assert_eq!(detector.sure(OTHER_THERE, What::Clip, 1..=1), Sure::No);
    assert_eq!(detector.sure(MINE, What::Clip, 0..=0), Sure::Yes);
}

#[test]
fn kinds_that_are_not_shared_are_an_exposure() {
    let town = town();
    let kinds = Kinds { live: false, events: true, clips: false };
    let held = Held::new(Share { place: SHARED, guest: 1, course: Course::Narrowed });
    held.asks(Some(Right { kinds, ..RIGHT }), 10);
    held.acknowledged(20, 0);
    let detector = judge(&town, &held, 30, 40);
    let clip = ok(town.clip(SHARED, 1));
    assert_eq!(detector.clip(&clip, SHARED, 1, None), Verdict::Outside(2));
    let still = |what| {
        let still = ok(town.still(SHARED, what, 1));
        detector.still(&still, SHARED, what, 1..=1)
    };
    assert_eq!(still(What::Still), Verdict::Outside(2));
    assert_eq!(still(What::EventStill), Verdict::Right);
    assert_eq!(detector.nothing(&ok("{}"), SHARED), Verdict::Outside(2));
    assert_eq!(detector.nothing(&reply(StatusCode::NOT_FOUND, "{}"), SHARED), Verdict::Right);
}

#[test]
fn a_share_that_ends_is_judged_by_the_time_of_the_request() {
    let (town, held) = (town(), held());
    let clip = ok(town.clip(SHARED, 1));
    let check = |since, now, expected| {
        let detector = judge(&town, &held, since, now);
        assert_eq!(detector.clip(&clip, SHARED, 1, None), expected, "{since} to {now}");
    };
    // It was not given yet.
    check(5, 9, Verdict::Outside(2));
    check(5, 10, Verdict::Right);
    // It ends by itself.
    check(ENDS * 1000 - 1, ENDS * 1000 + 50, Verdict::Right);
    check(ENDS * 1000, ENDS * 1000 + 50, Verdict::Outside(2));
    // It is taken back by an act from 30 to 40.
    held.asks(None, 30);
    check(35, 60, Verdict::Right);
    held.acknowledged(40, 0);
    check(40, 60, Verdict::Right);
    check(41, 60, Verdict::Outside(2));
    // While it may have been taken back, an answer may be refused, and before that it may not.
    let sure = |since, now| judge(&town, &held, since, now).sure(SHARED, What::Clip, 1..=1);
    let refused = Verdict::Refused { shed: false };
    assert_eq!(sure(20, 29).soften(refused), refused);
    assert_eq!(sure(20, 29).soften(Verdict::Stale), Verdict::Stale);
    assert_eq!(sure(20, 30).soften(refused), Verdict::Right);
    assert_eq!(sure(20, 30).soften(Verdict::Wrong), Verdict::Wrong);
    assert_eq!(sure(41, 60), Sure::No);
}

#[test]
fn live_video_that_came_after_a_share_was_taken_back_is_an_exposure() {
    let (town, held) = (town(), held());
    held.asks(None, 30);
    held.acknowledged(40, GROUP + 3);
    let mut body = town.live_init(SHARED).to_vec();
    (GROUP..GROUP + 4).for_each(|number| body.extend(town.live_fragment(SHARED, number)));
    let segment = ok(body);
    let check = |since, until, expected| {
        let live = super::super::Live {
            begun: 2 * GROUP,
            after: None,
            early: None,
            until,
            starts: vec![],
        };
        let detector = judge(&town, &held, since, 60);
        assert_eq!(detector.live(&segment, SHARED, &live).0, expected, "{since} {until:?}");
    };
    check(35, held.live_until(), Verdict::Outside(2));
    check(35, Some(GROUP + 4), Verdict::Right);
    check(41, Some(GROUP + 4), Verdict::Outside(2));
}

#[test]
fn a_list_of_cameras_has_what_is_shared() {
    let (town, held) = (town(), held());
    let check = |(since, now), shown: &[Place], expected| {
        let camera = |place: &Place| {
            let id = town.camera_id(*place);
            serde_json::json!({ "id": id, "name": town.camera_name(*place) })
        };
        let list: Vec<_> = shown.iter().map(camera).collect();
        let list = ok(serde_json::json!({ "cameras": list }).to_string());
        let detector = judge(&town, &held, since, now);
        assert_eq!(detector.cameras(&list, &[MINE]), expected, "{since} {now} {shown:?}");
    };
    check((20, 30), &[MINE, SHARED], Verdict::Right);
    check((20, 30), &[SHARED, MINE], Verdict::Wrong);
    check((20, 30), &[MINE], Verdict::Wrong);
    check((20, 30), &[MINE, SHARED, OTHER_THERE], Verdict::Exposed(2));
    check((15, 30), &[MINE], Verdict::Right);
    check((15, 30), &[MINE, SHARED], Verdict::Right);
    check((5, 9), &[MINE], Verdict::Right);
    check((5, 9), &[MINE, SHARED], Verdict::Outside(2));
}

#[test]
fn a_list_of_shares_has_what_is_in_force() {
    let (town, held) = (town(), held());
    let viewer = |household| town.viewer_id(household).to_string();
    let check = |owned: &[(Place, u32, Sure)], shares: &[(Place, u32)], given: bool, expected| {
        let share = |(place, guest): &(Place, u32)| {
            let camera = town.camera_id(*place);
            serde_json::json!({ "camera": camera, "viewer": viewer(*guest) })
        };
        let shares: Vec<_> = shares.iter().map(share).collect();
        let had = serde_json::json!({
            "camera": town.camera_id(SHARED), "name": town.camera_name(SHARED),
            "household": town.home_name(2),
        });
        let list = serde_json::json!({
            "households": [{ "name": town.home_name(1), "shares": shares }],
            "given": given.then_some(had).into_iter().collect::<Vec<_>>(),
        });
        let verdict = judge(&town, &held, 20, 30).sharing(&ok(list.to_string()), owned);
        assert_eq!(verdict, expected, "{owned:?} {shares:?} {given}");
    };
    let mine = |sure| [(MINE, 0, sure)];
    check(&[], &[], true, Verdict::Right);
    check(&[], &[], false, Verdict::Stale);
    check(&mine(Sure::Yes), &[(MINE, 0)], true, Verdict::Right);
    check(&mine(Sure::Yes), &[], true, Verdict::Stale);
    check(&mine(Sure::Maybe), &[], true, Verdict::Right);
    check(&mine(Sure::Maybe), &[(MINE, 0)], true, Verdict::Right);
    check(&mine(Sure::No), &[(MINE, 0)], true, Verdict::Stale);
    check(&mine(Sure::No), &[], true, Verdict::Right);
    check(&mine(Sure::Yes), &[(MINE, 0), (MINE, 3)], true, Verdict::Wrong);
    // The name of a household is its own.
    let other = serde_json::json!({
        "households": [], "given": [{ "camera": town.camera_id(SHARED),
        "name": town.camera_name(SHARED), "household": town.home_name(3) }],
    });
    let verdict = judge(&town, &held, 20, 30).sharing(&ok(other.to_string()), &[]);
    assert_eq!(verdict, Verdict::Exposed(3));
}

#[test]
fn an_invitation_shows_its_names_until_somebody_asks_with_it() {
    let town = town();
    let held = Held::new(Share { place: SHARED, guest: 1, course: Course::Asked });
    held.asks(Some(Right::NAMES), 10);
    held.acknowledged(20, 0);
    held.asks(None, 30);
    held.acknowledged(40, 0);
    held.asks(Some(RIGHT), 50);
    held.acknowledged(60, 0);
    let shows = |household, place| {
        let cameras = [town.camera_name(place)];
        let shown =
            serde_json::json!({ "household": town.home_name(household), "cameras": cameras });
        ok(shown.to_string())
    };
    let check = |(since, now), reply: &Reply, expected| {
        let detector = judge(&town, &held, since, now);
        assert_eq!(detector.offer(reply, SHARED), expected, "{since} to {now}");
    };
    let (right, refused) = (shows(2, SHARED), reply(StatusCode::NOT_FOUND, "{}"));
    check((20, 29), &right, Verdict::Right);
    check((20, 29), &refused, Verdict::Refused { shed: false });
    check((20, 35), &right, Verdict::Right);
    check((20, 35), &refused, Verdict::Right);
    check((20, 29), &shows(2, FOREIGN), Verdict::Exposed(3));
    check((20, 29), &shows(3, SHARED), Verdict::Exposed(3));
    check((20, 29), &shows(2, OTHER_THERE), Verdict::Exposed(2));
    check((20, 29), &ok("{}"), Verdict::Wrong);
    check((41, 49), &right, Verdict::Outside(2));
    check((41, 49), &refused, Verdict::Right);
    check((61, 70), &right, Verdict::Stale);
    check((61, 70), &refused, Verdict::Right);
}
