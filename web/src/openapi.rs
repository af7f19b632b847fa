//! `GET /v1/openapi.json`: an OpenAPI 3.1 document made from the table of routes, so that it is
//! never out of date.

use crate::routes::{LIVE_ROUTES, ROUTES, Route, Who};
use serde_json::{Map, Value, json};

/// Returns the document, as text. Only the native host has the routes of live view.
pub fn document(has_live: bool) -> String {
    describe(if has_live { LIVE_ROUTES } else { &[] }).to_string()
}

fn describe(live: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in ROUTES.iter().chain(live) {
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
        operation.insert(
            "requestBody".into(),
            json!({ "required": true, "content": { media_type: {} } }),
        );
    }
    operation
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
    match (route.method, route.path.rsplit('/').next()) {
        ("POST", Some("session")) => Some("application/json"),
        ("PUT", Some("clip")) => Some("video/mp4"),
        ("PUT", Some("still" | "{still}")) => Some("image/jpeg"),
        ("PUT", Some("{event}")) => Some("application/json"),
        ("PUT", Some("{stream}" | "{file}")) => Some("video/mp4"),
        _ => None,
    }
}
