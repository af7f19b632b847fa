//! Through the router: what a camera shows to a right that has expired, or that is of a foreign
//! household.

use super::{Direct, routes};
use crate::config::Config;
use crate::edge::{Seams, assemble};
use crate::handlers::Handlers;
use crate::keyring::Keyring;
use crate::sandbox::{Limits, Sandbox};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use eyesonly_gate::registry::Expect;
use eyesonly_gate::{Keys as _, Seam};
use eyesonly_rights::{CameraRight, Mint};
use eyesonly_seal::{CameraId, HouseholdId};
use eyesonly_service::clock::{self, System};
use eyesonly_service::index::memory::MemoryIndex;
use eyesonly_service::keys::Keyring as _;
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_service::live::MemoryHub;
use eyesonly_service::registry::memory::MemoryRegistry;
use eyesonly_service::store::memory::MemoryStore;
use eyesonly_service::testing::Residents;
use eyesonly_service::tiers::{Flights, MemoryTier};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt as _;

const EVENT: &str = "018bcfe5-6800-7abc-9def-0123456789ab";

async fn get(router: &Router, credential: &str, method: &str, path: &str) -> (StatusCode, String) {
    let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "edge.test")
        .header(header::AUTHORIZATION, format!("Bearer {credential}"))
        .extension(peer)
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_has_run_out_or_is_of_a_foreign_household_names_no_camera() {
    let folder = tempfile::tempdir().unwrap();
    let config: Config = toml::from_str(&format!("data = {:?}", folder.path())).unwrap();
    let sandbox = Sandbox::new(Limits::default(), None).unwrap();
    let handlers = Handlers::load(&sandbox, None, |_| ()).unwrap();
    let seams = Seams {
        registry: Arc::new(MemoryRegistry::default()),
        index: Arc::new(MemoryIndex::default()),
        store: Arc::new(MemoryStore::default()),
        tiers: vec![(Seam::MemoryTier, Arc::new(MemoryTier::new(1 << 20)))],
        coalescer: Arc::new(Flights::default()),
        inlet: Arc::new(Direct),
        outlet: Arc::new(Direct),
        hub: Arc::new(MemoryHub::new(1 << 20)),
        clock: Arc::new(System),
    };
    let keyring = Arc::new(Keyring::open(folder.path()).unwrap());
    let edge = assemble(&config, &keyring, seams, handlers, Arc::new(MemoryLedger::default()));
    let (mint, records, residents) =
        (Mint::new(keyring.edge()), edge.admission.records(), Residents::new(0));
    keyring.add_household(residents.household).unwrap();
    residents.move_in(records, &mint).await;
    // Written by hand: no administration command writes such a record.
    let own = residents.right();
    let run_out = CameraRight {
        camera: CameraId::from_bytes([0x71; 16]),
        name: "Run out".into(),
        expires_at_seconds: Some(clock::now_seconds() - 1),
        ..own.clone()
    };
    let foreign = CameraRight {
        camera: CameraId::from_bytes([0x72; 16]),
        household: HouseholdId::from_bytes([0x99; 16]),
        name: "Foreign".into(),
        ..own.clone()
    };
    let rights = vec![run_out.clone(), own.clone(), foreign.clone()];
    residents.write_rights(records, &mint, rights, Expect::Any).await;

    let router = routes::router(Arc::clone(&edge));
    let (raw, tag) = residents.presents(&*keyring);
    for list in [format!("/v1/{tag}/cameras"), format!("/v1/{tag}/")] {
        let (status, body) = get(&router, raw.text(), "GET", &list).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        assert!(
            body.contains(&own.name) && body.contains(&own.camera.to_string()),
            "{list}: {body}"
        );
        for hidden in [&run_out, &foreign] {
            let shows = body.contains(&hidden.name) || body.contains(&hidden.camera.to_string());
            assert!(!shows, "{list} names {}: {body}", hidden.name);
        }
    }
    let nobodys = CameraId::from_bytes([0x73; 16]).to_string();
    for hidden in [&run_out, &foreign] {
        for route in eyesonly_web::routes::ROUTES.iter().filter(|route| route.serves.is_some()) {
            let path = |camera: &str| {
                let path = route.path.replace("{tag}", &tag).replace("{camera}", camera);
                path.replace("{event}", EVENT)
            };
            let asked =
                get(&router, raw.text(), route.method, &path(&hidden.camera.to_string())).await;
            assert_eq!(asked.0, StatusCode::NOT_FOUND, "{} {}", route.method, route.path);
            let absent = get(&router, raw.text(), route.method, &path(&nobodys)).await;
            assert_eq!(asked, absent, "{} {}: byte for byte", route.method, route.path);
        }
    }
}
