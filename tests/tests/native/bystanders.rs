//! Whoever asks too much, hands in too much or makes the edge reject answers is in nobody else's
//! way: a bystander of another household gets every answer meanwhile.
//!
//! Each test prints how many answers the bystander had a second, before and meanwhile.

use std::future::Future;
use std::time::{Duration, Instant};

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_harness::paths;
use eyesonly_tests::footage::media;
use eyesonly_tests::{Answer, Camera, Edge, EdgeOptions, Home, Viewer};
use reqwest::Method;
use tokio::task::JoinSet;

/// How long the bystander looks, alone and beside the other one.
const LOOKS: Duration = Duration::from_secs(3);
/// The bystander's pause after a look, so that a viewer's own limit is not met: a look has two
/// entries in the ledger, and 50 are allowed a second.
const PAUSE: Duration = Duration::from_millis(50);
/// The connections of whoever asks too much.
const GREEDY: usize = 16;

/// Somebody who looks at events, clips and stills of a camera of their own.
struct Bystander {
    camera: Camera,
    viewer: Viewer,
    event: String,
}

impl Bystander {
    async fn of(edge: &Edge) -> Self {
        let household = edge.household("Birch Row 9");
        let (camera, account) = (household.camera("Hall"), household.viewer("birch"));
        let event = fresh_id();
        camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
        camera.put_event(&event, &description("a cat")).await.expect(201);
        camera.put_clip(&event, mp4_around(&noise("hall", 100_000))).await.expect(201);
        Self { camera, viewer: account.login().await, event }
    }

    /// Looks for a while. Returns how many answers came a second; each of them was the right one.
    async fn looks(&self) -> f64 {
        let (began, mut answers) = (Instant::now(), 0);
        while began.elapsed() < LOOKS {
            let camera = &self.camera.id;
            for path in [
                paths::event(camera, &self.event),
                paths::clip(camera, &self.event),
                paths::thumbnail(camera, 320),
            ] {
                // The very answer counts: whoever has to wait is held up by the other one.
                Answer::of(self.viewer.ask(Method::GET, &path)).await.expect(200);
                answers += 1;
            }
            tokio::time::sleep(PAUSE).await;
        }
        f64::from(answers) / began.elapsed().as_secs_f64()
    }

    /// Looks alone, and then beside what somebody else does meanwhile.
    async fn looks_beside(&self, who: &str, other: impl Future<Output = ()>) {
        let alone = self.looks().await;
        let beside = tokio::select! {
            beside = self.looks() => beside,
            () = other => panic!("{who} stopped"),
        };
        println!("{who}: the bystander had {alone:.0} answers a second alone, {beside:.0} beside");
    }
}

/// Does something over and over, many times at once.
async fn greedily<F: Future<Output = ()> + Send + 'static>(act: impl Fn(usize) -> F) {
    let mut all = JoinSet::new();
    (0..GREEDY).for_each(|nth| drop(all.spawn(act(nth))));
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_viewer_is_in_nobodys_way() {
    let home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let bystander = Bystander::of(&home.edge).await;
    let (limited, answered) = (Count::default(), Count::default());
    let asking = greedily(|_| {
        let (viewer, path) = (home.viewer.clone(), paths::event(&home.camera.id, &event));
        let (limited, answered) = (limited.clone(), answered.clone());
        async move {
            loop {
                match viewer.ask(Method::GET, &path).send().await.unwrap().status().as_u16() {
                    200 => answered.add(),
                    429 => limited.add(),
                    status => panic!("{status}"),
                }
            }
        }
    });
    bystander.looks_beside("one viewer who asks without end", asking).await;
    let (limited, answered) = (limited.get(), answered.get());
    println!("that viewer got {answered} answers, and was refused {limited} times");
    assert!(limited > answered, "{limited} were refused, and {answered} were not");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_camera_is_in_nobodys_way() {
    let home = Home::new().await;
    let bystander = Bystander::of(&home.edge).await;
    let taken = Count::default();
    let pushing = greedily(|_| {
        let (camera, taken) = (home.camera.clone(), taken.clone());
        async move {
            loop {
                let id = fresh_id();
                let answer = camera.put_event(&id, &description("again")).await;
                let clip = mp4_around(&noise(&id, 200_000));
                if answer.status == 201 && camera.put_clip(&id, clip).await.status == 201 {
                    taken.add();
                }
            }
        }
    });
    bystander.looks_beside("one camera that hands in without end", pushing).await;
    println!("that camera handed in {} clips", taken.get());
    assert!(taken.get() > 0);
}

/// A store that gives wrong bytes for one household's clip is asked for them without end.
#[tokio::test(flavor = "multi_thread")]
async fn one_liar_is_in_nobodys_way() {
    let home = Home::with(EdgeOptions { memory_tier_bytes: Some(0), ..EdgeOptions::default() });
    let home = home.await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    home.camera.put_clip(&event, mp4_around(&noise("a clip", 300_000))).await.expect(201);
    let [object] = &home.edge.objects()[..] else { panic!("one object was stored") };
    let mut bytes = std::fs::read(object).unwrap();
    bytes.iter_mut().skip(200).step_by(1000).for_each(|byte| *byte ^= 1);
    std::fs::write(object, bytes).unwrap();
    let bystander = Bystander::of(&home.edge).await;
    let refused = Count::default();
    let asking = greedily(|_| {
        let (viewer, refused) = (home.viewer.clone(), refused.clone());
        let path = paths::clip(&home.camera.id, &event);
        async move {
            loop {
                let answer = viewer.ask(Method::GET, &path).send().await.unwrap();
                if answer.status() != 200 || answer.bytes().await.is_err() {
                    refused.add();
                }
            }
        }
    });
    bystander.looks_beside("a store that lies about one clip", asking).await;
    println!("{} answers of it were refused", refused.get());
    assert!(refused.get() > 0);
}

/// A count that many share.
#[derive(Clone, Default)]
struct Count(std::sync::Arc<std::sync::atomic::AtomicU64>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}
