//! The tables of live view, which only the native host has. While they are asked, a camera of each
//! household streams.

use bytes::Bytes;
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::live::{Streaming, recording};
use eyesonly_tests::{Answer, Camera, Viewer, poll};
use reqwest::{Method, RequestBuilder};

use crate::cameras::credentials;
use crate::table::{NATIVE_CAMERA_TABLE, NATIVE_VIEWER_TABLE, Row, rows};
use crate::{Actors, Cells, Home, Named, request, two_homes};

/// Returns the segment that a camera makes just now.
pub async fn head(viewer: &Viewer, camera: &Camera) -> String {
    let live = viewer.get(&format!("cameras/{}/live", camera.id)).await.expect(200).json();
    live["streams"][0]["head"].as_str().unwrap().to_owned()
}

/// Returns every way to name the object of a cell: camera and segment.
async fn objects(row: &Row, alder: &Home, birch: &Home) -> Vec<Named> {
    let nobody = "0190a0a0-0000-7000-8000-000000000000".to_owned();
    let (of_alder, of_birch) =
        (head(&alder.viewer, &alder.camera).await, head(&birch.viewer, &birch.camera).await);
    match row.object {
        "alder" => vec![(alder.camera.id.clone(), of_alder)],
        "birch" => vec![(birch.camera.id.clone(), of_birch)],
        "mixed" => vec![
            (alder.camera.id.clone(), of_birch),
            (birch.camera.id.clone(), of_alder.clone()),
            (alder.other_camera.id.clone(), of_alder),
        ],
        _ => {
            let mut absent =
                vec![(nobody.clone(), of_alder.clone()), ("not-an-id".to_owned(), of_alder)];
            if row.path.contains("{segment}") {
                absent.push((alder.camera.id.clone(), nobody));
                absent.push((birch.camera.id.clone(), "not-an-id".to_owned()));
            }
            absent
        }
    }
}

#[tokio::test]
async fn viewers_follow_what_the_table_says_and_nothing_else() {
    let (edge, alder, birch, actors) = two_homes().await;
    if edition() == Edition::Spin {
        // There is no such route, so nobody is asked for a credential.
        for row in rows(NATIVE_VIEWER_TABLE) {
            let (camera, nobody) = (alder.camera.id.clone(), alder.event.clone());
            let request = request(&row, Method::GET, "alder", &(camera, nobody), &actors);
            Answer::of(request).await.expect_problem(404);
        }
        return;
    }
    let _streaming = [(&alder, "alder-front-door"), (&birch, "birch-hallway")]
        .map(|(home, name)| Streaming::start(&home.camera, "main", recording(name)));
    for home in [&alder, &birch] {
        let path = format!("cameras/{}/live/index.m3u8", home.camera.id);
        poll("four segments are whole", 60, async || home.viewer.get(&path).await.status == 200)
            .await;
    }
    let mut cells = Cells::default();
    for row in rows(NATIVE_VIEWER_TABLE) {
        for (actor, expected) in &row.cells {
            for named in objects(&row, &alder, &birch).await {
                let cell = format!("{} × {} × {actor} {named:?}", row.route(), row.object);
                let of = |method| request(&row, method, actor, &named, &actors);
                let head = Answer::of_look(of(Method::HEAD)).await;
                if head.status != *expected || !head.body.is_empty() {
                    cells.wrong.push(format!("{cell}: HEAD is {}", head.told()));
                }
                cells.judge(&row, actor, *expected, cell, Answer::of_look(of(Method::GET)).await);
            }
        }
    }
    cells.check();
    drop(edge);
}

fn put(row: &Row, credential: Option<&str>, actors: &Actors) -> RequestBuilder {
    let stream = if row.object == "absent" { "third" } else { "sub" };
    let path = row.path.replace("{stream}", stream).replace("{session}", "s1");
    let path = path.replace("{track}", "video").replace("{file}", "init.mp4");
    let method: Method = row.method.parse().unwrap();
    let mut request = actors.camera_door.request(method.clone(), &path);
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    if method == Method::DELETE {
        return request;
    }
    let live = recording("cedar-porch");
    let body = [live.init(), &live.fragment(0), &live.fragment(1)].concat();
    request.header("content-type", "video/mp4").body(Bytes::from(body))
}

#[tokio::test]
async fn cameras_stream_what_the_table_says() {
    let (_edge, alder, birch, actors) = two_homes().await;
    if edition() == Edition::Spin {
        for row in rows(NATIVE_CAMERA_TABLE) {
            let request = put(&row, Some(&alder.camera.credential), &actors);
            Answer::of_upload(request).await.expect_problem(404);
        }
        return;
    }
    let removed = alder.household.camera("Old");
    alder.household.remove_camera(&removed);
    let mut cells = Cells::default();
    for row in rows(NATIVE_CAMERA_TABLE) {
        for (actor, expected) in &row.cells {
            for credential in credentials(actor, &alder, &birch, &removed) {
                let request = put(&row, credential.as_deref(), &actors);
                let cell = format!("{} × {} × {actor}", row.route(), row.object);
                cells.judge(&row, actor, *expected, cell, Answer::of_upload(request).await);
            }
        }
    }
    cells.check();
}
