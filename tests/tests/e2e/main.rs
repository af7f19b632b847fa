//! End to end: the real binary, fed as cameras feed it, read as viewers read it.
//!
//! Nothing here looks into the host; what a test knows comes through HTTP, the command line, the data folder and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod administration;
mod clips;
mod events;
mod large;
mod protocols;
mod room;
mod secrecy;
mod sessions;
mod thumbnails;
mod uploads;

use eyesonly_tests::{Account, Camera, Edge, EdgeOptions, Household, Viewer};

/// An edge with one household, one camera, and a viewer who is signed in.
struct Home {
    edge: Edge,
    household: Household,
    camera: Camera,
    account: Account,
    viewer: Viewer,
}

impl Home {
    async fn new() -> Self {
        Self::with(EdgeOptions::default()).await
    }

    async fn with(options: EdgeOptions) -> Self {
        let edge = Edge::start(options);
        let household = edge.household("Alder Lane 4");
        let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
        let viewer = account.login().await;
        Self {
            edge,
            household,
            camera,
            account,
            viewer,
        }
    }
}
