//! The rows of the routes that only the native host has.

use super::{Handles, Name, Route, Who, route};
use eyesonly_gate::ledger::Handed;
use eyesonly_rights::Action;

const LIVE: Option<Handles> = Some(Handles::Live);

/// The routes that only the native host has. Live view: in the Spin edition a request can't wait on
/// another. The list of sessions and who viewed: there a request can list nothing, and the log is
/// with whoever administers the store.
pub const NATIVE_ROUTES: &[Route] = &[
    route(
        Name::Live,
        "GET",
        "/v1/{tag}/cameras/{camera}/live",
        Who::Viewer,
        "The live streams that the camera sends now",
    )
    .serves(Action::Live, LIVE, Handed::Live),
    route(
        Name::LiveNext,
        "GET",
        "/v1/{tag}/cameras/{camera}/live/next",
        Who::Viewer,
        "The next segment of a live stream, while it is made",
    )
    .serves(Action::Live, LIVE, Handed::Live),
    route(
        Name::LivePlaylist,
        "GET",
        "/v1/{tag}/cameras/{camera}/live/index.m3u8",
        Who::Viewer,
        "The playlist of a live stream (HLS)",
    )
    .serves(Action::Live, LIVE, Handed::Live),
    route(
        Name::LiveSegment,
        "GET",
        "/v1/{tag}/cameras/{camera}/live/{segment}",
        Who::Viewer,
        "A segment of a live stream, with its init",
    )
    .serves(Action::Live, LIVE, Handed::Live),
    route(
        Name::LiveInit,
        "GET",
        "/v1/{tag}/cameras/{camera}/live/{segment}/init.mp4",
        Who::Viewer,
        "The init of a segment, for HLS",
    )
    .serves(Action::Live, LIVE, Handed::Live),
    route(
        Name::LiveMedia,
        "GET",
        "/v1/{tag}/cameras/{camera}/live/{segment}/media.m4s",
        Who::Viewer,
        "The fragments of a segment, for HLS",
    )
    .serves(Action::Live, LIVE, Handed::Live),
    route(
        Name::PutLive,
        "PUT",
        "/v1/ingest/live/{stream}",
        Who::Camera,
        "Hand in a live stream, main or sub, in one endless body (fragmented MP4)",
    ),
    route(
        Name::PutLiveFile,
        "PUT",
        "/v1/ingest/live/{session}/{file}",
        Who::Camera,
        "Hand in a file of a live stream (DASH or HLS with fragmented MP4)",
    ),
    route(
        Name::PutLiveTrack,
        "PUT",
        "/v1/ingest/live/{session}/{track}/{file}",
        Who::Camera,
        "Hand in a file of a track of a live stream (CMAF)",
    ),
    route(
        Name::DeleteLiveFile,
        "DELETE",
        "/v1/ingest/live/{session}/{file}",
        Who::Camera,
        "Nothing: live files are not kept",
    ),
    route(
        Name::DeleteLiveTrack,
        "DELETE",
        "/v1/ingest/live/{session}/{track}/{file}",
        Who::Camera,
        "Nothing: live files are not kept",
    ),
    route(
        Name::Sessions,
        "GET",
        "/v1/{tag}/sessions",
        Who::Viewer,
        "Where the viewer is signed in",
    ),
    route(
        Name::Viewed,
        "GET",
        "/v1/{tag}/households/{household}/viewed",
        Who::Viewer,
        "Who viewed the cameras of a household",
    ),
];
