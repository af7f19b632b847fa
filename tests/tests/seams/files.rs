//! Sealed files of the store: swapped, changed, cut, extended, emptied, deleted.

use std::fs;

use crate::cell::Expect::{self, Cut, Refused, Right};
use crate::cell::{Cell, Swap, cell};
use crate::hands::{change_file, swap_files};
use crate::run;
use crate::world::{CLIP, EVENT_STILL, EXTENT_CHUNKS, HEADER_BYTES, SEALED_CHUNK_BYTES, STILL};

/// Swaps the sealed files of two cameras' objects. If `rendition` is set, they are the renditions
/// of 320 pixels.
pub fn files(one: &'static str, other: &'static str, kind: u8, rendition: bool) -> Swap {
    Box::new(move |world| {
        let (one, other) =
            (world.row(one, kind, rendition).file, world.row(other, kind, rendition).file);
        swap_files(&one, &other);
    })
}

#[tokio::test]
async fn two_cameras_sealed_files() {
    // Both ways to ask the store count: first the coalescer, then the store itself.
    const WRONG_SEAL: &[(&str, &str)] = &[("coalescer", "wrong_seal"), ("store", "wrong_seal")];
    const EITHER: &[(&str, &str)] = &[
        ("coalescer", "wrong_seal"),
        ("store", "wrong_seal"),
        ("coalescer", "wrong_length"),
        ("store", "wrong_length"),
    ];
    run(vec![
        Cell {
            name: "clips of two households, equally long",
            swap: files("a1", "b1", CLIP, false),
            expected: &[("a1/clip*", Refused(503)), ("b1/clip*", Refused(503))],
            counted: WRONG_SEAL,
        },
        Cell {
            name: "clips of one household, one longer",
            swap: files("a1", "a2", CLIP, false),
            expected: &[("a1/clip*", Refused(503)), ("a2/clip*", Refused(503))],
            counted: EITHER,
        },
        Cell {
            name: "clips of two households, one longer",
            swap: files("a2", "b1", CLIP, false),
            expected: &[("a2/clip*", Refused(503)), ("b1/clip*", Refused(503))],
            counted: EITHER,
        },
        Cell {
            // The small rendition is an object of its own, so it is served without its source.
            name: "stills of two households, equally long",
            swap: files("a1", "b1", STILL, false),
            expected: &[("a1/thumb-640", Refused(503)), ("b1/thumb-640", Refused(503))],
            counted: WRONG_SEAL,
        },
        Cell {
            name: "stills of one household, one longer",
            swap: files("a1", "a2", STILL, false),
            expected: &[("a1/thumb-640", Refused(503)), ("a2/thumb-640", Refused(503))],
            counted: EITHER,
        },
        Cell {
            name: "events' stills of two households, equally long",
            swap: files("a1", "b1", EVENT_STILL, false),
            expected: &[("a1/of-event-640", Refused(503)), ("b1/of-event-640", Refused(503))],
            counted: WRONG_SEAL,
        },
        Cell {
            // A rendition that does not prove itself is made again, from its own source.
            name: "renditions of two households",
            swap: files("a1", "b1", STILL, true),
            expected: &[("a1/thumb-320", Right), ("b1/thumb-320", Right)],
            counted: EITHER,
        },
        Cell {
            name: "a rendition of one household, and the source of another",
            swap: Box::new(|world| {
                fs::copy(world.row("b1", STILL, false).file, world.row("a1", STILL, true).file)
                    .unwrap();
            }),
            expected: &[("a1/thumb-320", Right)],
            counted: WRONG_SEAL,
        },
    ])
    .await;
}

/// Changes the bytes of `a1`'s sealed clip.
fn clip(change: impl Fn(&mut Vec<u8>) + 'static) -> Swap {
    Box::new(move |world| change_file(&world.row("a1", CLIP, false).file, &change))
}

/// Returns the offset at which a chunk starts.
const fn chunk(number: usize) -> usize {
    HEADER_BYTES + number * SEALED_CHUNK_BYTES
}

fn swap_chunks(bytes: &mut [u8], one: usize, other: usize) {
    for offset in 0..SEALED_CHUNK_BYTES {
        bytes.swap(chunk(one) + offset, chunk(other) + offset);
    }
}

const WHOLE_CLIP_REFUSED: &[(&str, Expect)] = &[("a1/clip*", Refused(503))];
/// The last extent is sound, so the edge can state a total. The first extent is not.
const FIRST_EXTENT_REFUSED: &[(&str, Expect)] =
    &[("a1/clip", Refused(503)), ("a1/clip-first", Refused(503))];
const BAD_CHUNK: &[(&str, &str)] = &[("coalescer", "bad_chunk"), ("store", "bad_chunk")];
pub const SEAL_BROKEN: &[(&str, &str)] = &[("coalescer", "wrong_seal"), ("store", "wrong_seal")];
const WRONG_LENGTH: &[(&str, &str)] = &[("coalescer", "wrong_length"), ("store", "wrong_length")];
const MISSING: &[(&str, &str)] = &[("coalescer", "missing"), ("store", "missing")];

#[tokio::test]
async fn a_bit_of_a_sealed_file() {
    run(vec![
        cell("a bit of the salt", clip(|bytes| bytes[3] ^= 1), WHOLE_CLIP_REFUSED, SEAL_BROKEN),
        cell(
            "a bit of the commitment",
            clip(|bytes| bytes[HEADER_BYTES - 1] ^= 0x80),
            WHOLE_CLIP_REFUSED,
            SEAL_BROKEN,
        ),
        cell(
            "a bit of the first chunk",
            clip(|bytes| bytes[chunk(0)] ^= 1),
            FIRST_EXTENT_REFUSED,
            BAD_CHUNK,
        ),
        cell(
            "a bit of a chunk in the middle",
            clip(|bytes| bytes[chunk(EXTENT_CHUNKS + 20) + 999] ^= 0x10),
            &[("a1/clip", Cut), ("a1/clip-middle", Refused(503))],
            BAD_CHUNK,
        ),
        cell(
            "a bit of the last chunk",
            clip(|bytes| *bytes.last_mut().unwrap() ^= 1),
            WHOLE_CLIP_REFUSED,
            BAD_CHUNK,
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_length_of_a_sealed_file() {
    run(vec![
        cell(
            "cut by a byte",
            clip(|bytes| bytes.truncate(bytes.len() - 1)),
            WHOLE_CLIP_REFUSED,
            WRONG_LENGTH,
        ),
        cell(
            "cut after the first extent",
            clip(|bytes| bytes.truncate(chunk(EXTENT_CHUNKS))),
            WHOLE_CLIP_REFUSED,
            WRONG_LENGTH,
        ),
        cell(
            "cut within the header",
            clip(|bytes| bytes.truncate(20)),
            WHOLE_CLIP_REFUSED,
            WRONG_LENGTH,
        ),
        cell("emptied", clip(Vec::clear), WHOLE_CLIP_REFUSED, WRONG_LENGTH),
        cell(
            "deleted",
            Box::new(|world| fs::remove_file(world.row("a1", CLIP, false).file).unwrap()),
            WHOLE_CLIP_REFUSED,
            MISSING,
        ),
        // The edge never asks for bytes behind the proven length.
        cell("a byte more", clip(|bytes| bytes.push(7)), &[("a1/clip*", Right)], &[]),
        cell(
            "a chunk more",
            clip(|bytes| bytes.extend_from_within(chunk(0)..chunk(1))),
            &[("a1/clip*", Right)],
            &[],
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_order_of_a_sealed_file() {
    run(vec![
        cell(
            "two chunks of an extent exchanged",
            clip(|bytes| swap_chunks(bytes, 0, 1)),
            FIRST_EXTENT_REFUSED,
            BAD_CHUNK,
        ),
        cell(
            "two chunks of two extents exchanged",
            clip(|bytes| swap_chunks(bytes, 3, EXTENT_CHUNKS + 3)),
            &[
                ("a1/clip", Refused(503)),
                ("a1/clip-first", Refused(503)),
                ("a1/clip-middle", Refused(503)),
            ],
            BAD_CHUNK,
        ),
        cell(
            "a chunk twice",
            clip(|bytes| bytes.copy_within(chunk(0)..chunk(1), chunk(1))),
            FIRST_EXTENT_REFUSED,
            BAD_CHUNK,
        ),
    ])
    .await;
}

#[tokio::test]
async fn parts_of_another_sealed_file() {
    run(vec![
        cell(
            "one chunk of another household's clip",
            Box::new(|world| {
                let theirs = fs::read(world.row("b1", CLIP, false).file).unwrap();
                let change = |bytes: &mut Vec<u8>| {
                    bytes[chunk(2)..chunk(3)].copy_from_slice(&theirs[chunk(2)..chunk(3)])
                };
                change_file(&world.row("a1", CLIP, false).file, change);
            }),
            FIRST_EXTENT_REFUSED,
            BAD_CHUNK,
        ),
        cell(
            "all chunks of another household's clip under one's own header",
            Box::new(|world| {
                let theirs = fs::read(world.row("b1", CLIP, false).file).unwrap();
                let change =
                    |bytes: &mut Vec<u8>| bytes[chunk(0)..].copy_from_slice(&theirs[chunk(0)..]);
                change_file(&world.row("a1", CLIP, false).file, change);
            }),
            WHOLE_CLIP_REFUSED,
            BAD_CHUNK,
        ),
        cell(
            "another household's header before one's own chunks",
            Box::new(|world| {
                let theirs = fs::read(world.row("b1", CLIP, false).file).unwrap();
                let change = |bytes: &mut Vec<u8>| {
                    bytes[..HEADER_BYTES].copy_from_slice(&theirs[..HEADER_BYTES])
                };
                change_file(&world.row("a1", CLIP, false).file, change);
            }),
            WHOLE_CLIP_REFUSED,
            SEAL_BROKEN,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_sealed_picture() {
    let still = |change: fn(&mut Vec<u8>)| -> Swap {
        Box::new(move |world| change_file(&world.row("a1", STILL, false).file, change))
    };
    let rendition = |change: fn(&mut Vec<u8>)| -> Swap {
        Box::new(move |world| change_file(&world.row("a1", STILL, true).file, change))
    };
    let source_refused: &[_] = &[("a1/thumb-640", Refused(503))];
    let made_again: &[_] = &[("a1/thumb-320", Right)];
    run(vec![
        cell("a bit of a still", still(|bytes| bytes[70_000] ^= 1), source_refused, BAD_CHUNK),
        cell("a still, emptied", still(Vec::clear), source_refused, WRONG_LENGTH),
        cell(
            "a still, deleted",
            Box::new(|world| fs::remove_file(world.row("a1", STILL, false).file).unwrap()),
            source_refused,
            MISSING,
        ),
        cell(
            "a bit of a rendition",
            rendition(|bytes| *bytes.last_mut().unwrap() ^= 1),
            made_again,
            BAD_CHUNK,
        ),
        cell("a rendition, cut", rendition(|bytes| bytes.truncate(100)), made_again, WRONG_LENGTH),
        cell(
            "a rendition, deleted",
            Box::new(|world| fs::remove_file(world.row("a1", STILL, true).file).unwrap()),
            made_again,
            MISSING,
        ),
    ])
    .await;
}
