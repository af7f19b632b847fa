//! A guest that looks for the traces of another instance, and leaves traces itself.
//!
//! The width asked for is `seed << 4 | mode`. The guest first looks through its whole memory (data,
//! stack, heap, freshly grown pages) for a canary. It then writes canaries everywhere, and ends as
//! its mode says. It answers with the number of canaries found (8 bytes) and the address of its
//! first local variable (8 bytes). The stack pointer is a WebAssembly global, so that address must
//! be the same in every instance. It must never keep a canary word as data: it would find its own.
#![cfg(target_arch = "wasm32")]

use core::arch::wasm32::{memory_grow, memory_size, unreachable};
use core::hint::black_box;

#[allow(missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ world: "footage-handler", path: "../../../wit" });
}

use bindings::exports::eyesonly::edge::handler::{
    Body, Guest, MediaType, Question, Response, Status,
};
use bindings::eyesonly::edge::footage::Grant;

const PAGE_BYTES: usize = 65536;
/// The upper half of every canary word; the lower half is the seed.
const MARK: u32 = 0xC0A7_51DE;
/// The number of words in each static and on the stack.
const WORDS: usize = 512;

/// Answers with the number of canaries found.
const ANSWER: u32 = 0;
/// Writes, then traps.
const TRAP: u32 = 1;
/// Writes, then never ends.
const SPIN: u32 = 2;
/// Grows far beyond what a pool keeps resident, and writes all of it.
const GROW: u32 = 3;
/// Writes from the deepest point of a recursion, so that the stack pointer is far from where it
/// started, then traps.
const DEEP_TRAP: u32 = 4;

/// Stands for an initialised table of a handler: part of the memory image.
static mut TABLE: [u64; WORDS] = [1; WORDS];
/// Stands for zeroed globals of a handler.
static mut GLOBALS: [u64; WORDS] = [0; WORDS];

struct Canary;
bindings::export!(Canary with_types_in bindings);

impl Guest for Canary {
    fn handle(_grant: Grant, question: Question) -> Response {
        let mut first_local = 0_u64;
        let address = black_box(&mut first_local) as *mut u64 as u64;
        let Question::Still(still) = question else {
            return answer(Vec::new());
        };
        let (mode, seed) = (still.width & 0xf, still.width >> 4);
        let mut found = scan(8, memory_bytes());
        let start = memory_bytes();
        let pages = if mode == GROW { 32 } else { 2 };
        if memory_grow(0, pages) != usize::MAX {
            found += scan(start, memory_bytes());
        }
        write_all(seed, start);
        match mode {
            TRAP => unreachable(),
            SPIN => loop {
                black_box(seed);
            },
            DEEP_TRAP => {
                write_stack_deep(seed, 40);
                unreachable()
            }
            ANSWER | GROW => {}
            _ => return answer(Vec::new()),
        }
        let mut report = found.to_le_bytes().to_vec();
        report.extend_from_slice(&address.to_le_bytes());
        answer(report)
    }
}

fn answer(bytes: Vec<u8>) -> Response {
    Response { status: Status::Ok, media_type: MediaType::Json, body: Body::Bytes(bytes) }
}

fn memory_bytes() -> usize {
    memory_size(0) * PAGE_BYTES
}

/// Counts canary words from address `from` up to `to`, both multiples of 8.
fn scan(from: usize, to: usize) -> u64 {
    let mut found = 0;
    for address in (from..to).step_by(8) {
        // SAFETY: the address is below the memory's size and aligned, and any bytes there are a
        // valid u64. The read is volatile, because the compiler knows of no object there.
        let word = unsafe { (address as *const u64).read_volatile() };
        found += u64::from((word >> 32) as u32 == MARK);
    }
    found
}

/// Writes canaries to statics, heap, stack, and everything from `start` to the memory's end.
fn write_all(seed: u32, start: usize) {
    let word = canary(seed);
    for index in 0..WORDS {
        // SAFETY: there is one thread, and the index is within both.
        unsafe {
            (&raw mut TABLE).cast::<u64>().add(index).write_volatile(word);
            (&raw mut GLOBALS).cast::<u64>().add(index).write_volatile(word);
        }
    }
    core::mem::forget(black_box(vec![word; WORDS]));
    write_stack_deep(seed, 4);
    for address in (start..memory_bytes()).step_by(8) {
        // SAFETY: this call grew the memory and gave it to nobody else (the heap allocator grows
        // for itself).
        unsafe { (address as *mut u64).write_volatile(word) };
    }
}

#[inline(never)]
fn write_stack_deep(seed: u32, depth: u32) {
    let mut frame = [0_u64; 128];
    black_box(&mut frame).fill(canary(seed));
    if depth > 0 {
        write_stack_deep(seed, depth - 1);
    }
    black_box(&frame);
}

fn canary(seed: u32) -> u64 {
    (u64::from(MARK) << 32) | u64::from(seed)
}
