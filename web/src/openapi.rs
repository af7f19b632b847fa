//! `GET /v1/openapi.json`: an OpenAPI 3.1 document made from the table of routes, so that it is
//! never out of date.

use crate::routes::{NATIVE_ROUTES, Name, Route, Who, of_both};
use serde_json::{Map, Value, json};

/// Returns the document, as text. `is_native`: with the routes that only the native host has.
pub fn document(is_native: bool) -> String {
    describe(if is_native { NATIVE_ROUTES } else { &[] }).to_string()
}

fn describe(native: &'static [Route]) -> Value {
    let mut paths = Map::new();
    for route in of_both().chain(native) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.to_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Eyesonly",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "viewerToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A session's token, from POST /v1/session with \"bearer\": true"
                },
                "viewerCookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "eyesonly",
                    "description": "__Host-eyesonly over TLS"
                },
                "cameraCredential": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "What `eyesonly camera add` printed"
                },
            },
            "responses": {
                "Problem": {
                    "description": "RFC 9457 problem details",
                    "content": { "application/problem+json": { "schema": {
                        "type": "object",
                        "properties": {
                            "type": { "type": "string" },
                            "title": { "type": "string" },
                            "status": { "type": "integer" },
                            "detail": { "type": "string" },
                        }
                    } } },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({
                "name": name,
                "in": "path",
                "required": true,
                "schema": { "type": "string" }
            })
        })
        .chain(query(route.path, route.method))
        .collect();
    let security = match route.who {
        Who::Anyone => json!([]),
        Who::Viewer => json!([{ "viewerToken": [] }, { "viewerCookie": [] }]),
        Who::Camera => json!([{ "cameraCredential": [] }]),
    };
    let mut operation = json!({
        "operationId": format!("{:?}", route.name),
        "summary": route.summary,
        "parameters": parameters,
        "security": security,
        "responses": {
            "2XX": { "description": "Done" },
            "default": { "$ref": "#/components/responses/Problem" }
        },
    });
    if let (Some(media_type), Some(operation)) = (takes(route), operation.as_object_mut()) {
        let content =
            example(route.name).map_or(json!({}), |example| json!({ "example": example }));
        operation.insert(
            "requestBody".into(),
            json!({ "required": true, "content": { media_type: content } }),
        );
    }
    operation
}

/// Returns an example of the body that a route takes as JSON.
fn example(name: Name) -> Option<Value> {
    let camera = "01234567-89ab-7def-8123-456789abcdef";
    let kinds = json!({ "live": true, "events": true, "clips": false });
    let window = json!({ "from_milliseconds": null, "until_milliseconds": null });
    Some(match name {
        Name::Login => json!({ "name": "alder", "password": "correct horse", "bearer": true }),
        Name::PutEvent => json!({ "kind": "person", "label": "at the door" }),
        Name::Look | Name::Ask => json!({ "token": "ei1.…" }),
        Name::NewAccount => {
            json!({ "token": "ei1.…", "name": "fern", "password": "correct horse of fern" })
        }
        Name::Invite => json!({
            "cameras": [camera], "kinds": kinds, "window": window, "past": false,
            "expires_at_seconds": 1_800_000_000, "viewer": null, "seconds": 259_200,
        }),
        Name::Confirm => json!({ "viewer": camera }),
        Name::PutShare => json!({ "kinds": kinds, "window": window, "expires_at_seconds": null }),
        Name::PutMember => json!({ "role": "installer", "hours": 4 }),
        Name::Password => json!({ "old": "correct horse", "new": "another correct horse" }),
        Name::Switch => json!({ "on": false }),
        Name::TakeCamera => json!({ "token": "et1.…", "name": "Hall" }),
        _ => return None,
    })
}

fn query(path: &str, method: &str) -> Vec<Value> {
    let number = |name: &str, most: u32, default: u32| {
        json!({
            "name": name,
            "in": "query",
            "schema": { "type": "integer", "minimum": 1, "maximum": most, "default": default }
        })
    };
    let uuid = |name: &str| {
        let schema = json!({ "type": "string", "format": "uuid" });
        json!({ "name": name, "in": "query", "schema": schema })
    };
    let stream = || {
        let schema = json!({ "type": "string", "enum": ["main", "sub"], "default": "main" });
        json!({ "name": "stream", "in": "query", "schema": schema })
    };
    match path.rsplit('/').next() {
        Some("thumbnail") => vec![number("width", 1920, 320)],
        Some("events") if method == "GET" => {
            vec![number("limit", 100, 50), uuid("before")]
        }
        Some("next") => vec![stream(), uuid("after")],
        Some("index.m3u8" | "{segment}" | "init.mp4" | "media.m4s") => vec![stream()],
        _ => Vec::new(),
    }
}

fn takes(route: &Route) -> Option<&'static str> {
    if example(route.name).is_some() {
        return Some("application/json");
    }
    match (route.method, route.path.rsplit('/').next()) {
        ("PUT", Some("clip")) => Some("video/mp4"),
        ("PUT", Some("still" | "{still}")) => Some("image/jpeg"),
        ("PUT", Some("{stream}" | "{file}")) => Some("video/mp4"),
        _ => None,
    }
}
