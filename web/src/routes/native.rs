//! The rows of the routes that only the native host has.

use super::{Handles, Name, Route, Who, route};
use eyesonly_gate::ledger::Handed;
use eyesonly_rights::Action;

const LIVE: Option<Handles> = Some(Handles::Live);

/// The routes that only the native host has. Live view: in the Spin edition a request can't wait on
/// another. Sharing: there an operator's commands do it.
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
    route(Name::Join, "GET", "/join", Who::Anyone, "The page to answer an invitation on"),
    route(Name::Look, "POST", "/v1/invitation", Who::Anyone, "What an invitation offers"),
    route(
        Name::NewAccount,
        "POST",
        "/v1/invitation/account",
        Who::Anyone,
        "Make an account, and ask for what an invitation offers",
    ),
    route(
        Name::Ask,
        "POST",
        "/v1/{tag}/invitation",
        Who::Viewer,
        "Ask for what an invitation offers",
    ),
    route(Name::SharingPage, "GET", "/v1/{tag}/sharing/", Who::Viewer, "Who sees what, as a page"),
    route(
        Name::Sharing,
        "GET",
        "/v1/{tag}/sharing",
        Who::Viewer,
        "What the viewer shares, and has from others",
    ),
    route(
        Name::Invite,
        "POST",
        "/v1/{tag}/households/{household}/invitations",
        Who::Viewer,
        "Make an invitation",
    ),
    route(
        Name::Withdraw,
        "DELETE",
        "/v1/{tag}/households/{household}/invitations/{invitation}",
        Who::Viewer,
        "Take an invitation back, and refuse who asked with it",
    ),
    route(
        Name::Confirm,
        "POST",
        "/v1/{tag}/households/{household}/invitations/{invitation}/confirmation",
        Who::Viewer,
        "Confirm who asked with an invitation",
    ),
    route(
        Name::PutShare,
        "PUT",
        "/v1/{tag}/shares/{camera}/{viewer}",
        Who::Viewer,
        "Change what is shared of a camera with a viewer",
    ),
    route(
        Name::DeleteShare,
        "DELETE",
        "/v1/{tag}/shares/{camera}/{viewer}",
        Who::Viewer,
        "Stop sharing a camera with a viewer",
    ),
    route(
        Name::PutMember,
        "PUT",
        "/v1/{tag}/households/{household}/members/{viewer}",
        Who::Viewer,
        "Give somebody of the household another role",
    ),
    route(
        Name::DeleteMember,
        "DELETE",
        "/v1/{tag}/households/{household}/members/{viewer}",
        Who::Viewer,
        "Take somebody out of the household",
    ),
    route(
        Name::Sessions,
        "GET",
        "/v1/{tag}/sessions",
        Who::Viewer,
        "Where the viewer is signed in",
    ),
    route(
        Name::EndSession,
        "DELETE",
        "/v1/{tag}/sessions/{session}",
        Who::Viewer,
        "End a session of the viewer",
    ),
    route(
        Name::Password,
        "PUT",
        "/v1/{tag}/password",
        Who::Viewer,
        "Change the password, which ends all sessions",
    ),
    route(
        Name::Viewed,
        "GET",
        "/v1/{tag}/households/{household}/viewed",
        Who::Viewer,
        "Who viewed the cameras of a household",
    ),
    route(
        Name::Watching,
        "GET",
        "/v1/{tag}/watching",
        Who::Viewer,
        "Who watches the viewer's own cameras live now",
    ),
    route(
        Name::Switch,
        "PUT",
        "/v1/{tag}/switches/{camera}",
        Who::Viewer,
        "Switch a camera off or on",
    ),
    route(
        Name::OfferCamera,
        "POST",
        "/v1/{tag}/transfers/{camera}",
        Who::Viewer,
        "Offer a camera to another household",
    ),
    route(
        Name::KeepCamera,
        "DELETE",
        "/v1/{tag}/transfers/{camera}",
        Who::Viewer,
        "Take the offer of a camera back",
    ),
    route(
        Name::TakeCamera,
        "POST",
        "/v1/{tag}/households/{household}/cameras",
        Who::Viewer,
        "Take a camera that was offered, with a new credential",
    ),
];
