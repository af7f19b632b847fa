//! Room on a disk: removed footage frees it, and a full disk refuses uploads.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::footage::media;
use eyesonly_tests::tool::skipped;
use eyesonly_tests::{EdgeOptions, poll};

use crate::Home;

/// A removed thing leaves nothing behind: no file in the store, no name in a list. Nothing of
/// anybody else goes with it.
#[tokio::test]
async fn removed_cameras_and_households_leave_no_footage() {
    let mut home = Home::new().await;
    let other = home.edge.household("Birch Court 9");
    let (first, second) = (other.camera("Hallway"), other.camera("Cellar"));
    let account = other.viewer("birch");
    let (event, clip) = (fresh_id(), mp4_around(&noise("kept", 300_000)));
    for camera in [&home.camera, &first, &second] {
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        camera.put_event(&event, &description("at all three")).await.expect(201);
        camera.put_clip(&event, clip.clone()).await.expect(201);
    }
    assert_eq!(home.edge.objects().len(), 6);
    let command_line = home.edge.command_line();
    let refused = |arguments: &[&str], why: &str| {
        let said = command_line.run(arguments, "").unwrap_err().to_string();
        assert!(said.contains(why), "{arguments:?}: {said}");
        // Each reason is said once.
        assert_eq!(said.matches(why).count(), 1, "{arguments:?}: {said}");
    };

    other.remove_camera(&first);
    refused(&["camera", "remove", &first.id], "has ended already");
    home.edge.restart();
    // A young file is kept for its day, at a start too.
    account.through(home.edge.door()).login().await;
    assert_eq!(home.edge.objects().len(), 6);
    home.edge.stop();
    home.edge.age_files();
    home.edge.restart();
    poll("the camera's files are collected", 30, async || home.edge.objects().len() == 4).await;
    let viewer = account.through(home.edge.door()).login().await;
    assert!(viewer.clip(&second, &event).await.expect(200).body == clip);

    command_line.run(&["household", "remove", &other.id], "").unwrap();
    refused(&["household", "remove", &other.id], "there is no such household");
    refused(&["camera", "remove", &second.id], "there is no such camera");
    let listed = command_line.run(&["camera", "list"], "").unwrap();
    assert_eq!(listed["camera"], home.camera.id.as_str(), "the only one: {listed}");
    viewer.get("cameras").await.expect_problem(401);
    home.edge.stop();
    home.edge.age_files();
    home.edge.restart();
    poll("the household's files are collected", 30, async || home.edge.objects().len() == 2).await;
    let viewer = home.account.through(home.edge.door()).login().await;
    assert!(viewer.clip(&home.camera, &event).await.expect(200).body == clip);
    viewer.thumbnail(&home.camera, 320).await.expect(200);
}

/// A small disk in memory, unmounted when it goes out of scope.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = std::ffi::CString::new(format!("size={mebibytes}m,mode=0700")).unwrap();
        let mounted = rustix::mount::mount(
            "tmpfs",
            at,
            "tmpfs",
            rustix::mount::MountFlags::empty(),
            options.as_c_str(),
        );
        mounted.ok().map(|()| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

/// Fills the rest of a disk with a file, to the last byte.
fn fill(path: &Path) {
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    let mut piece = 1 << 20;
    while piece > 0 {
        if file.write_all(&vec![1; piece]).is_err() {
            piece /= 2;
        }
    }
}

/// An edge on a small disk, with a still, an event and its clip.
struct Small {
    home: Home,
    event: String,
    clip: bytes::Bytes,
    data: PathBuf,
    _disk: SmallDisk,
    _folder: tempfile::TempDir,
}

impl Small {
    async fn new(reserve_bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let Some(disk) = SmallDisk::mount(&data, 48) else {
            skipped("the right to mount a tmpfs (run it as root)");
            return None;
        };
        let home = Home::with(EdgeOptions {
            data: Some(data.clone()),
            reserve_bytes: Some(reserve_bytes),
            ..EdgeOptions::default()
        })
        .await;
        let event = fresh_id();
        let clip = mp4_around(&noise("served", 3_000_000));
        home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
        home.camera.put_event(&event, &description("served")).await.expect(201);
        home.camera.put_event_still(&event, media("alder-driveway-car.jpg")).await.expect(201);
        home.camera.put_clip(&event, clip.clone()).await.expect(201);
        home.viewer.thumbnail(&home.camera, 320).await.expect(200);
        Some(Self { home, event, clip, data, _disk: disk, _folder: folder })
    }

    /// The answers that [`Small::serves`] waits for.
    const ANSWERS: u32 = 7;

    async fn serves(&self) {
        let home = &self.home;
        assert!(home.viewer.clip(&home.camera, &self.event).await.expect(200).body == self.clip);
        home.viewer.thumbnail(&home.camera, 320).await.expect(200);
        // A rendition that was not made yet can't be kept, but is shown.
        home.viewer.thumbnail(&home.camera, 640).await.expect(200);
        home.viewer.event_thumbnail(&home.camera, &self.event, 160).await.expect(200);
        assert!(home.viewer.events(&home.camera).await.len() >= 2);
        home.viewer.cameras().await;
        home.edge.door().get("/healthz").await.expect(200);
    }
}

#[tokio::test]
async fn uploads_leave_a_reserve_and_serving_goes_on() {
    const RESERVE: u64 = 12 << 20;
    const ROUNDS: u32 = 3;
    let Some(small) = Small::new(RESERVE).await else { return };
    let home = &small.home;
    let spare = small.data.join("spare");
    std::fs::write(&spare, vec![1; 4 << 20]).unwrap();
    // Upload until there is no more room.
    let large = mp4_around(&noise("large", 5_000_000));
    let mut refused = None;
    for _ in 0..20 {
        let id = fresh_id();
        home.camera.put_event(&id, &description("filling")).await.expect(201);
        let answer = home.camera.put_clip(&id, large.clone()).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    refused.expect("a disk of 48 MiB took 100 MB").expect_problem(507);
    poll("what was staged is gone", 30, async || home.edge.store_files() == home.edge.objects())
        .await;
    let free = || {
        let disk = rustix::fs::statvfs(&small.data).unwrap();
        disk.f_bavail * disk.f_frsize
    };
    // Something else takes what uploads left, down into the reserve.
    let filler = small.data.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    // The edge gives room back when it folds its write-ahead log, also between two lines of this.
    let mut fill = || {
        while free() > RESERVE / 2 {
            file.write_all(&[1; 1 << 16]).unwrap();
        }
    };
    let mut served = Duration::ZERO;
    for _ in 0..ROUNDS {
        fill();
        home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect_problem(507);
        fill();
        let again = media("alder-driveway-car.jpg");
        home.camera.put_event_still(&small.event, again).await.expect_problem(507);
        fill();
        home.camera.put_event(&fresh_id(), &description("none")).await.expect_problem(507);
        let began = Instant::now();
        small.serves().await;
        served += began.elapsed();
    }
    let goodput = f64::from(ROUNDS * Small::ANSWERS) / served.as_secs_f64();
    println!("a disk without room for uploads: a viewer had {goodput:.0} answers a second");
    // The system keeps the room of a file that is open.
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    std::fs::remove_file(&spare).unwrap();
    home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    home.camera.put_event(&fresh_id(), &description("room again")).await.expect(201);
    small.serves().await;
}

/// What can't be entered in the ledger does not leave. Once there is room again, the next start
/// finds all that was kept.
#[tokio::test]
async fn on_a_full_disk_nothing_leaves() {
    let Some(mut small) = Small::new(0).await else { return };
    let filler = small.data.join("filler");
    poll("there is no room left", 30, async || {
        fill(&filler);
        let home = &small.home;
        let still = media("alder-front-door.jpg");
        home.camera.put_still(&fresh_id(), still).await.status == 507
            && home.viewer.clip(&home.camera, &small.event).await.status == 503
    })
    .await;
    let home = &small.home;
    home.viewer.event_thumbnail(&home.camera, &small.event, 160).await.expect_problem(503);
    home.viewer.get("cameras").await.expect_problem(503);
    home.edge.door().get("/healthz").await.expect_problem(503);
    small.home.edge.stop();
    std::fs::remove_file(&filler).unwrap();
    small.home.edge.restart();
    small.home.viewer = small.home.account.through(small.home.edge.door()).login().await;
    small.home.camera = small.home.camera.through(small.home.edge.door());
    let home = &small.home;
    home.camera.put_event(&fresh_id(), &description("room again")).await.expect(201);
    small.serves().await;
    let said = home.edge.command_line().run(&["ledger", "verify"], "").unwrap();
    assert_eq!(said["faults"], serde_json::json!([]), "{said}");
}
