//! Live view behind real proxies, set up as docs/running.md says: each fragment passes at once.

use bytes::Bytes;
use eyesonly_tests::live::{Stream, numbered, numbers, recording};
use eyesonly_tests::proxy::{Program, Proxy};
use eyesonly_tests::tool::tool;

use crate::{Following, Scene};

async fn check(program: Program) {
    if !tool(program.name()) {
        return;
    }
    let scene = Scene::new().await;
    let proxy = Proxy::start(program, &scene.edge);
    let viewer = scene.viewer.through(&proxy.door(&scene.edge));
    let (line, live) = (Stream::open(&scene.camera, "main"), recording("alder-front-door"));
    line.send(Bytes::from_static(live.init()));
    line.send(numbered(&live, 0));
    scene.is_live().await;
    let mut following = Following::of(&viewer, &scene.path("/next")).await;
    let mut got = Vec::new();
    for number in 0..20 {
        if number > 0 {
            line.send(numbered(&live, number));
        }
        // A proxy that kept a fragment back would end the test here.
        while numbers(&got).last() != Some(&number) {
            got.extend_from_slice(&following.piece().await.unwrap().unwrap());
        }
    }
    // After a logout the proxy has nothing to give.
    viewer.logout().await.expect(204);
    line.send(numbered(&live, 20));
    let (rest, is_cut) = following.rest().await;
    assert!(is_cut && numbers(&rest).is_empty(), "{}: {} bytes", program.name(), rest.len());
    viewer.get(&scene.path("/next")).await.expect_problem(401);
}

#[tokio::test]
async fn nginx_passes_each_fragment() {
    check(Program::Nginx).await;
}

#[tokio::test]
async fn haproxy_passes_each_fragment() {
    check(Program::Haproxy).await;
}
