//! A guest that is a handler in every respect, but also imports a clock. The host must refuse to
//! load it.
#![cfg(target_arch = "wasm32")]

#[allow(missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package eyesonly:guest;

            world wasi-import {
                import wasi:clocks/monotonic-clock@0.2.0;
                include eyesonly:edge/footage-handler@0.3.0;
            }

            package wasi:clocks@0.2.0 {
                interface monotonic-clock {
                    now: func() -> u64;
                }
            }
        ",
        world: "eyesonly:guest/wasi-import",
        generate_all,
    });
}

use bindings::exports::eyesonly::edge::handler::{
    Body, Guest, MediaType, Question, Response, Status,
};
use bindings::eyesonly::edge::footage::Grant;
use bindings::wasi::clocks::monotonic_clock::now;

struct WasiImport;
bindings::export!(WasiImport with_types_in bindings);

impl Guest for WasiImport {
    fn handle(_grant: Grant, _question: Question) -> Response {
        Response {
            status: Status::Ok,
            media_type: MediaType::Json,
            body: Body::Bytes(now().to_le_bytes().to_vec()),
        }
    }
}
