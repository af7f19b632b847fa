//! The tables: the specification of who gets what. It must never be made to follow the edge without a reason.

/// Routes that viewers and anybody ask. Households: Alder and Birch. The actors:
/// - `alder`: a viewer of Alder (the owner); `birch`: a viewer of Birch, each with their own tag;
/// - `nobody`: no session; `expired`: a session of Alder's viewer that has ended by time;
/// - `other-tag`: Alder's viewer with the tag of another session of theirs; `birch-tag`: with the tag of Birch's session;
/// - `camera`: the credential of Alder's camera.
///
/// The objects: `alder`'s, `birch`'s, and such as do not exist (`absent`); where a route names camera and event, also every mixture
/// of the two (`mixed`: a camera with an event that is not its own). `-`: the route names no object.
pub const VIEWER_TABLE: &str = "
route                                                     object alder birch nobody expired other-tag birch-tag camera
GET /                                                     -      200   200   200    200     200       200       200
GET /assets/{file}                                        own    200   200   200    200     200       200       200
GET /assets/{file}                                        absent 404   404   404    404     404       404       404
GET /v1/openapi.json                                      -      200   200   200    200     200       200       200
GET /healthz                                              -      200   200   200    200     200       200       200
POST /v1/session                                          -      201   201   201    201     201       201       201
DELETE /v1/session                                        -      204   204   401    401     204       204       401
GET /v1/{tag}/                                            -      200   200   401    401     404       404       401
GET /v1/{tag}/cameras                                     -      200   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail                  alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail                  birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail                  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events                     alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events                     birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events                     absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             mixed  404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   mixed  404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        mixed  404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        absent 404   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          alder  204   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          birch  404   204   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          mixed  404   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          absent 404   404   401    401     404       404       401
";

/// Routes that cameras ask. The actors:
/// - `alder`, `birch`: a camera of each household; `nobody`: no credential; `viewer`: the token of Alder's viewer;
/// - `removed`: a camera of Alder whose enrolment has ended;
/// - `cut`: a credential cut from Alder's and Birch's, at every place where the one could end and the other begin.
///
/// A camera names nothing but its own ids. The objects: an event that the actor described (`own`), one that only Alder's other camera has
/// (`foreign`), one that nobody has (`absent`). An id that another camera uses is free to be used: ids are unique per camera.
pub const CAMERA_TABLE: &str = "
route                                object  alder birch nobody viewer removed cut
PUT /v1/ingest/stills/{still}        foreign 201   201   401    401    401     401
PUT /v1/ingest/stills/{still}        absent  201   201   401    401    401     401
PUT /v1/ingest/events/{event}        foreign 201   201   401    401    401     401
PUT /v1/ingest/events/{event}        absent  201   201   401    401    401     401
PUT /v1/ingest/events/{event}/still  own     201   201   401    401    401     401
PUT /v1/ingest/events/{event}/still  foreign 409   409   401    401    401     401
PUT /v1/ingest/events/{event}/still  absent  409   409   401    401    401     401
PUT /v1/ingest/events/{event}/clip   own     201   201   401    401    401     401
PUT /v1/ingest/events/{event}/clip   foreign 409   409   401    401    401     401
PUT /v1/ingest/events/{event}/clip   absent  409   409   401    401    401     401
";

/// One row of a table.
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub object: &'static str,
    /// Actor and expected status.
    pub cells: Vec<(&'static str, u16)>,
}

impl Row {
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

pub fn rows(table: &'static str) -> Vec<Row> {
    let mut lines =
        table.lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace());
    let actors: Vec<_> = lines.next().unwrap().skip(2).collect();
    lines
        .map(|mut words| {
            let mut word = || words.next().unwrap();
            let (method, path, object) = (word(), word(), word());
            let cells = actors
                .iter()
                .map(|actor| (*actor, words.next().unwrap().parse().unwrap()))
                .collect();
            Row { method, path, object, cells }
        })
        .collect()
}
