//! The bindings of the world `front`, generated.
#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: ["../../../wit", "../wit"],
    world: "eyesonly:spin/front",
    generate_all,
});
