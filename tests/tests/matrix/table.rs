//! The tables: the specification of who gets what. It must never be made to follow the edge without
//! a reason.
//!
//! A line without an indent is a route. The indented lines below it are its rows, one for each
//! object.

/// The routes that viewers and anybody ask. The households are Alder and Birch. The actors:
/// - `alder`: a viewer of Alder (the owner);
/// - `birch`: a viewer of Birch; both use their own tag;
/// - `nobody`: no session;
/// - `expired`: a session of Alder's viewer that has ended by time;
/// - `other-tag`: Alder's viewer with the tag of another session of theirs;
/// - `birch-tag`: Alder's viewer with the tag of Birch's session;
/// - `camera`: the credential of Alder's camera.
///
/// The objects are `alder`'s, `birch`'s, and objects that do not exist (`absent`). If a route names
/// camera and event, there is also every mixture (`mixed`): a camera with an event that is not its
/// own. `-` means that the route names no object.
pub const VIEWER_TABLE: &str = "
  object alder birch nobody expired other-tag birch-tag camera
GET /
  -      200   200   200    200     200       200       200
GET /assets/{file}
  own    200   200   200    200     200       200       200
  absent 404   404   404    404     404       404       404
GET /v1/openapi.json
  -      200   200   200    200     200       200       200
GET /healthz
  -      200   200   200    200     200       200       200
POST /v1/session
  -      201   201   201    201     201       201       201
DELETE /v1/session
  -      204   204   401    401     204       204       401
GET /v1/{tag}/
  -      200   200   401    401     404       404       401
GET /v1/{tag}/cameras
  -      200   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}
  alder  204   404   401    401     404       404       401
  birch  404   204   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
";

/// The routes that cameras ask. The actors:
/// - `alder`, `birch`: a camera of each household;
/// - `nobody`: no credential;
/// - `viewer`: the token of Alder's viewer;
/// - `removed`: a camera of Alder whose enrolment has ended;
/// - `cut`: a credential made of the start of one credential and the end of another, cut at each
///   place.
///
/// A camera names nothing but its own ids. The objects are an event that the actor described
/// (`own`), one that only Alder's other camera has (`foreign`), and one that nobody has (`absent`).
/// Ids are unique per camera, so a camera may use an id that another camera uses.
pub const CAMERA_TABLE: &str = "
  object  alder birch nobody viewer removed cut
PUT /v1/ingest/stills/{still}
  foreign 201   201   401    401    401     401
  absent  201   201   401    401    401     401
PUT /v1/ingest/events/{event}
  foreign 201   201   401    401    401     401
  absent  201   201   401    401    401     401
PUT /v1/ingest/events/{event}/still
  own     201   201   401    401    401     401
  foreign 409   409   401    401    401     401
  absent  409   409   401    401    401     401
PUT /v1/ingest/events/{event}/clip
  own     201   201   401    401    401     401
  foreign 409   409   401    401    401     401
  absent  409   409   401    401    401     401
";

/// The routes of live view that viewers ask. Only the native host has them. The actors and objects
/// are those of [`VIEWER_TABLE`]; the segment is the running one of the camera, and with `mixed`
/// another camera's.
pub const NATIVE_VIEWER_TABLE: &str = "
  object alder birch nobody expired other-tag birch-tag camera
GET /v1/{tag}/cameras/{camera}/live
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/live/next
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/live/index.m3u8
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/live/{segment}
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/live/{segment}/init.mp4
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/live/{segment}/media.m4s
  alder  200   404   401    401     404       404       401
  birch  404   200   401    401     404       404       401
  mixed  404   404   401    401     404       404       401
  absent 404   404   401    401     404       404       401
";

/// The routes of live view that cameras ask. Only the native host has them. The actors are those of
/// [`CAMERA_TABLE`].
pub const NATIVE_CAMERA_TABLE: &str = "
  object  alder birch nobody viewer removed cut
PUT /v1/ingest/live/{stream}
  own     200   200   401    401    401     401
  absent  404   404   401    401    401     401
PUT /v1/ingest/live/{session}/{file}
  own     201   201   401    401    401     401
PUT /v1/ingest/live/{session}/{track}/{file}
  own     201   201   401    401    401     401
DELETE /v1/ingest/live/{session}/{file}
  own     204   204   401    401    401     401
DELETE /v1/ingest/live/{session}/{track}/{file}
  own     204   204   401    401    401     401
";

/// The routes of sharing that the Spin edition answers with 501.
pub const NOT_IN_SPIN: [&str; 2] =
    ["GET /v1/{tag}/sessions", "GET /v1/{tag}/households/{household}/viewed"];

/// The routes of sharing, sessions and passwords. The actors:
/// - `owner`, `member`, `guest`, `installer`: of Alder, by those roles;
/// - `birch`: the owner of Birch;
/// - `nobody`, `expired`, `other-tag` (the owner's), `camera`: as in [`VIEWER_TABLE`].
///
/// The objects are Alder's (`own`), Birch's (`birch`), and what does not exist or is another
/// household's (`absent`). What stands in an address (a share, a member, an invitation) is made
/// anew for each cell. A member and a guest may give up what is their own.
pub const SHARING_TABLE: &str = "
  object owner birch member guest installer nobody expired other-tag camera
GET /join
  -      200   200   200    200   200       200    200     200       200
POST /v1/invitation
  own    200   200   200    200   200       200    200     200       200
  absent 410   410   410    410   410       410    410     410       410
POST /v1/invitation/account
  absent 410   410   410    410   410       410    410     410       410
POST /v1/{tag}/invitation
  own    409   200   200    409   409       401    401     404       401
  absent 410   410   410    410   410       401    401     404       401
GET /v1/{tag}/sharing/
  -      200   200   200    200   200       401    401     404       401
GET /v1/{tag}/sharing
  -      200   200   200    200   200       401    401     404       401
GET /v1/{tag}/sessions
  -      200   200   200    200   200       401    401     404       401
GET /v1/{tag}/watching
  -      200   200   200    200   200       401    401     404       401
GET /v1/{tag}/households/{household}/viewed
  own    200   404   404    404   404       401    401     404       401
  birch  404   200   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
POST /v1/{tag}/households/{household}/invitations
  own    201   404   404    404   404       401    401     404       401
  birch  404   201   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
DELETE /v1/{tag}/households/{household}/invitations/{invitation}
  own    204   404   404    404   404       401    401     404       401
  birch  404   204   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
POST /v1/{tag}/households/{household}/invitations/{invitation}/confirmation
  own    204   404   404    404   404       401    401     404       401
PUT /v1/{tag}/shares/{camera}/{viewer}
  own    204   404   404    404   404       401    401     404       401
  birch  404   204   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
DELETE /v1/{tag}/shares/{camera}/{viewer}
  own    204   404   404    204   404       401    401     404       401
  birch  404   204   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
PUT /v1/{tag}/households/{household}/members/{viewer}
  own    204   404   404    404   404       401    401     404       401
  birch  404   204   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
DELETE /v1/{tag}/households/{household}/members/{viewer}
  own    204   404   204    404   404       401    401     404       401
  birch  404   204   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
PUT /v1/{tag}/switches/{camera}
  own    204   404   404    404   404       401    401     404       401
  birch  404   204   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
POST /v1/{tag}/transfers/{camera}
  own    201   404   404    404   404       401    401     404       401
  birch  404   201   404    404   404       401    401     404       401
  absent 404   404   404    404   404       401    401     404       401
DELETE /v1/{tag}/transfers/{camera}
  absent 404   404   404    404   404       401    401     404       401
POST /v1/{tag}/households/{household}/cameras
  absent 410   410   410    410   410       401    401     404       401
DELETE /v1/{tag}/sessions/{session}
  absent 404   404   404    404   404       401    401     404       401
PUT /v1/{tag}/password
  -      401   401   401    401   401       401    401     404       401
";

/// The routes that name a camera, by role. The household has a camera that is `shared` and one that
/// is `unshared`; `foreign` is another household's. Each camera's newest still is in the window. Of
/// the shared camera there are events `before`, `in` and `after` the window. The roles:
/// - `owner`; `installer`, for some hours, who came after all of the footage;
/// - `member` and `guest`: all kinds of the shared camera, within the window;
/// - `idle`: a member with whom nothing is shared;
/// - `live`, `events`, `clips`: guests with one kind, of any time;
/// - `former`: a guest from whom all was taken back.
///
/// All but the owner were owners before.
pub const ROLES_TABLE: &str = "
  object   owner member idle guest live events clips installer former
GET /v1/{tag}/cameras/{camera}/thumbnail
  shared   200   200    404  200   200  404    404   404       404
  unshared 200   404    404  404   404  404    404   404       404
  foreign  404   404    404  404   404  404    404   404       404
  absent   404   404    404  404   404  404    404   404       404
GET /v1/{tag}/cameras/{camera}/events
  shared   200   200    404  200   404  200    404   404       404
  unshared 200   404    404  404   404  404    404   404       404
  foreign  404   404    404  404   404  404    404   404       404
GET /v1/{tag}/cameras/{camera}/events/{event}
  before   200   404    404  404   404  200    404   404       404
  in       200   200    404  200   404  200    404   404       404
  after    200   404    404  404   404  200    404   404       404
  unshared 200   404    404  404   404  404    404   404       404
  foreign  404   404    404  404   404  404    404   404       404
  absent   404   404    404  404   404  404    404   404       404
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail
  before   200   404    404  404   404  200    404   404       404
  in       200   200    404  200   404  200    404   404       404
  after    200   404    404  404   404  200    404   404       404
  unshared 200   404    404  404   404  404    404   404       404
  foreign  404   404    404  404   404  404    404   404       404
  absent   404   404    404  404   404  404    404   404       404
GET /v1/{tag}/cameras/{camera}/events/{event}/clip
  before   200   404    404  404   404  404    200   404       404
  in       200   200    404  200   404  404    200   404       404
  after    200   404    404  404   404  404    200   404       404
  unshared 200   404    404  404   404  404    404   404       404
  foreign  404   404    404  404   404  404    404   404       404
  absent   404   404    404  404   404  404    404   404       404
DELETE /v1/{tag}/cameras/{camera}/events/{event}
  before   204   404    404  404   404  404    404   404       404
  in       204   404    404  404   404  404    404   404       404
  after    204   404    404  404   404  404    404   404       404
  unshared 204   404    404  404   404  404    404   404       404
  foreign  404   404    404  404   404  404    404   404       404
  absent   404   404    404  404   404  404    404   404       404
";

/// The routes of live view, by role. Both cameras stream now, after the window.
pub const ROLES_LIVE_TABLE: &str = "
  object   owner member idle guest live events clips installer former
GET /v1/{tag}/cameras/{camera}/live
  shared   200   200    404  200   200  404    404   200       404
  unshared 200   404    404  404   404  404    404   200       404
GET /v1/{tag}/cameras/{camera}/live/next
  shared   200   404    404  404   200  404    404   200       404
  unshared 200   404    404  404   404  404    404   200       404
GET /v1/{tag}/cameras/{camera}/live/index.m3u8
  shared   200   404    404  404   200  404    404   200       404
  unshared 200   404    404  404   404  404    404   200       404
GET /v1/{tag}/cameras/{camera}/live/{segment}
  shared   200   404    404  404   200  404    404   200       404
  unshared 200   404    404  404   404  404    404   200       404
GET /v1/{tag}/cameras/{camera}/live/{segment}/init.mp4
  shared   200   404    404  404   200  404    404   200       404
  unshared 200   404    404  404   404  404    404   200       404
GET /v1/{tag}/cameras/{camera}/live/{segment}/media.m4s
  shared   200   404    404  404   200  404    404   200       404
  unshared 200   404    404  404   404  404    404   200       404
";

/// One row of a table.
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub object: &'static str,
    /// Each actor with the expected status.
    pub cells: Vec<(&'static str, u16)>,
}

impl Row {
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

pub fn rows(table: &'static str) -> Vec<Row> {
    let mut lines = table.lines().filter(|line| !line.is_empty());
    let actors: Vec<_> = lines.next().unwrap().split_whitespace().skip(1).collect();
    let (mut method, mut path) = ("", "");
    let mut rows = Vec::new();
    for line in lines {
        if !line.starts_with(' ') {
            (method, path) = line.split_once(' ').unwrap();
            continue;
        }
        let mut words = line.split_whitespace();
        let object = words.next().unwrap();
        let cells =
            actors.iter().map(|actor| (*actor, words.next().unwrap().parse().unwrap())).collect();
        rows.push(Row { method, path, object, cells });
    }
    rows
}
