//! The check of stills at the door: a component that says whether a file is a still that the
//! thumbnail handler can show. It holds no grant and imports nothing, and must never do so: it
//! reads what any camera sends, before anybody has looked at it.

#[cfg(target_arch = "wasm32")]
mod component {
    #[allow(missing_docs, clippy::all, clippy::restriction)]
    mod bindings {
        wit_bindgen::generate!({ world: "still-checker", path: "../../wit" });
    }

    use bindings::exports::eyesonly::edge::still_check::{Fault, Guest};
    use eyesonly_picture::StillError;

    struct Check;

    bindings::export!(Check with_types_in bindings);

    impl Guest for Check {
        fn check(jpeg: Vec<u8>) -> Result<(), Fault> {
            eyesonly_picture::check(jpeg).map_err(|error| match error {
                StillError::NotJpeg => Fault::NotJpeg,
                StillError::Unusual(_) => Fault::Unusual,
                StillError::TooManyPixels { .. } => Fault::TooManyPixels,
                StillError::TooHeavy => Fault::TooHeavy,
                StillError::Damaged(_) => Fault::Damaged,
            })
        }
    }
}
