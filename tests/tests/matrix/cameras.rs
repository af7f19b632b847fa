//! The cameras' table, and credentials that are made of two.

use eyesonly_harness::footage::{description, footage_id, fresh_id, now_milliseconds};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Answer, Camera};
use reqwest::{Method, RequestBuilder};

use crate::table::{CAMERA_TABLE, Row, rows};
use crate::{Actors, Cells, Home, new_event, two_homes};

/// Returns every credential that starts as one and ends as the other, cut at each byte.
fn cut_from(one: &str, other: &str) -> Vec<String> {
    assert_eq!(one.len(), other.len());
    let prefix = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let mut cut: Vec<String> =
        (prefix + 1..one.len()).map(|at| format!("{}{}", &one[..at], &other[at..])).collect();
    cut.retain(|text| text != one && text != other);
    cut
}

/// Returns the credentials that an actor of the cameras' table sends.
pub fn credentials(
    actor: &str,
    alder: &Home,
    birch: &Home,
    removed: &Camera,
) -> Vec<Option<String>> {
    match actor {
        "alder" => vec![Some(alder.camera.credential.clone())],
        "birch" => vec![Some(birch.camera.credential.clone())],
        "nobody" => vec![None],
        "viewer" => vec![Some(alder.viewer.secret().to_owned())],
        "removed" => vec![Some(removed.credential.clone())],
        "cut" => {
            let cut = cut_from(&alder.camera.credential, &birch.camera.credential);
            let within = cut_from(&alder.camera.credential, &alder.other_camera.credential);
            assert!(cut.len() > 60 && within.len() > 60);
            // Every seventh of them is enough here. The test below tries all.
            cut.into_iter().chain(within).step_by(7).map(Some).collect()
        }
        other => panic!("there is no actor {other}"),
    }
}

#[tokio::test]
async fn cameras_get_what_the_table_says_and_reach_nothing_of_others() {
    let (_edge, alder, birch, actors) = two_homes().await;
    let removed = alder.household.camera("Old");
    removed.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    alder.household.remove_camera(&removed);
    let foreign = async || {
        let event = alder.viewer.event(&alder.other_camera, &alder.other_event).await;
        event.expect(200).seen()
    };
    let foreign_before = foreign().await;

    let mut cells = Cells::default();
    for row in rows(CAMERA_TABLE) {
        for (actor, expected) in &row.cells {
            for credential in credentials(actor, &alder, &birch, &removed) {
                let id = object_of(&row, actor, &alder, &birch).await;
                let answer =
                    Answer::of_upload(put(&row, &id, credential.as_deref(), &actors)).await;
                let cell = format!("{} × {} × {actor} {id}", row.route(), row.object);
                cells.judge(&row, actor, *expected, cell, answer);
            }
        }
    }
    cells.check();
    assert_eq!(foreign_before, foreign().await, "another camera's event was touched");
    // The events that the two cameras handed in under that id are their own.
    for (home, own) in [(&alder, "described by alder"), (&birch, "described by birch")] {
        let event = home.viewer.event(&home.camera, &alder.other_event).await.expect(200).json();
        assert_eq!(event["label"], own);
    }
}

async fn object_of(row: &Row, actor: &str, alder: &Home, birch: &Home) -> String {
    match row.object {
        // Both cameras describe this event, without still and clip.
        "own" => {
            let id = footage_id(now_milliseconds() - 1000);
            for home in [alder, birch] {
                home.camera.put_event(&id, &description("own")).await.expect(201);
            }
            id
        }
        // For still and clip, it is an event that the actor has not described. The actor describes
        // one of this id in a row of its own.
        "foreign" if row.path.ends_with("/{event}") || row.path.contains("{still}") => {
            alder.other_event.clone()
        }
        "foreign" => {
            new_event(if actor == "alder" { &birch.camera } else { &alder.other_camera }).await
        }
        _ => fresh_id(),
    }
}

fn put(row: &Row, id: &str, credential: Option<&str>, actors: &Actors) -> RequestBuilder {
    let path = row.path.replace("{still}", id).replace("{event}", id);
    let mut request = actors.camera_door.request(Method::PUT, &path);
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    if path.ends_with("/clip") {
        request
            .header("content-type", "video/mp4")
            .body(eyesonly_harness::footage::mp4_around(b"a clip"))
    } else if path.ends_with("/still") || path.contains("/stills/") {
        request.header("content-type", "image/jpeg").body(media("special/orientation-1.jpg"))
    } else {
        // The label tells whose event it is, so that a mixture would show.
        let whose = if credential == Some(&actors.camera_credential) { "alder" } else { "birch" };
        request.json(&description(&format!("described by {whose}")))
    }
}

/// A credential made of two, cut at any byte, is nobody's: neither a camera's nor a viewer's.
#[tokio::test]
async fn a_credential_cut_from_two_is_refused_wherever_it_is_cut() {
    let (edge, alder, birch, _actors) = two_homes().await;
    let second = alder.account.login().await;
    let cameras = [
        cut_from(&alder.camera.credential, &birch.camera.credential),
        cut_from(&birch.camera.credential, &alder.camera.credential),
    ];
    for credential in cameras.concat() {
        let camera = alder.camera.with_credential(&credential);
        camera.put_event(&fresh_id(), &description("cut")).await.expect_problem(401);
    }
    let viewers = [
        cut_from(alder.viewer.secret(), birch.viewer.secret()),
        cut_from(alder.viewer.secret(), second.secret()),
    ];
    for credential in viewers.concat() {
        for tag in [&alder.viewer.tag, &birch.viewer.tag] {
            let request = edge
                .door()
                .request(Method::GET, &format!("/v1/{tag}/cameras"))
                .bearer_auth(&credential);
            Answer::of(request).await.expect_problem(401);
        }
    }
    assert!(
        alder.viewer.events(&alder.camera).await.len() == 1
            && birch.viewer.events(&birch.camera).await.len() == 1
    );
}
