//! The home that most tests start from. It must never hold more than they need.

use crate::{Account, Camera, Edge, EdgeOptions, Household, Viewer};

/// An edge with one household, one camera, and a viewer who is signed in.
pub struct Home {
    /// The edge.
    pub edge: Edge,
    /// Its household.
    pub household: Household,
    /// Its camera.
    pub camera: Camera,
    /// Its viewer's account.
    pub account: Account,
    /// The viewer's session.
    pub viewer: Viewer,
}

impl Home {
    /// Makes a home on an edge with the default options.
    pub async fn new() -> Self {
        Self::with(EdgeOptions::default()).await
    }

    /// Makes a home on an edge with these options.
    pub async fn with(options: EdgeOptions) -> Self {
        let edge = Edge::start(options);
        let household = edge.household("Alder Lane 4");
        let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
        let viewer = account.login().await;
        Self { edge, household, camera, account, viewer }
    }
}
