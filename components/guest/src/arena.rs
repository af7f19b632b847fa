//! The global allocator. It takes the rest of the initial memory, then a static arena, then grown
//! memory. It must never allocate while it serves an allocation.

use core::alloc::Layout;
use core::arch::wasm32::{memory_grow, memory_size};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use talc::base::{Talc, binning::Binning};
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

const PAGE_BYTES: usize = 64 * 1024;
/// The bytes that the allocator needs beside those asked for: tags, rounding and alignment.
const OVERHEAD_BYTES: usize = 64;

#[global_allocator]
static ALLOCATOR: TalcSyncCell<InitialThenGrown, WasmBinning> =
    TalcSyncCell::new_wasm(InitialThenGrown { next: Next::Rest, end: None });

static mut ARENA: [MaybeUninit<u8>; crate::ARENA_BYTES] =
    [MaybeUninit::uninit(); crate::ARENA_BYTES];

unsafe extern "C" {
    /// Set by the linker: the first byte that belongs neither to the stack nor to data.
    static __heap_base: u8;
}

/// The next source of memory. They are taken in this order.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The part of the initial memory that the linker left free at the end.
    Rest,
    /// The static array.
    Arena,
    /// New pages.
    Grow,
}

#[derive(Debug)]
struct InitialThenGrown {
    next: Next,
    /// The end of the heap that ends with memory. New pages that follow it directly make that heap
    /// longer.
    end: Option<NonNull<u8>>,
}

// SAFETY: acquire touches only the `Talc` that it is given, and calls no Rust allocator. Each step
// is taken once or adds pages, so `Ok` without new memory can be returned at most twice.
unsafe impl Source for InitialThenGrown {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        match talc.source.next {
            Next::Rest => {
                talc.source.next = Next::Arena;
                let base = (&raw const __heap_base).cast_mut();
                let bytes = (memory_size::<0>() * PAGE_BYTES).saturating_sub(base as usize);
                // SAFETY: from `__heap_base` to the end of memory nothing is placed. This step is
                // taken once, before any growth. A rest that is too small to hold anything is
                // declined.
                talc.source.end = unsafe { talc.claim(base, bytes) };
                Ok(())
            }
            Next::Arena => {
                talc.source.next = Next::Grow;
                // SAFETY: ARENA is named nowhere else, and this step is taken once. So the
                // allocator alone owns ARENA.
                unsafe { talc.claim((&raw mut ARENA).cast(), crate::ARENA_BYTES) };
                Ok(())
            }
            Next::Grow => grow(talc, layout),
        }
    }
}

fn grow<B: Binning>(talc: &mut Talc<InitialThenGrown, B>, layout: Layout) -> Result<(), ()> {
    let needed = layout.size().checked_add(layout.align()).ok_or(())?;
    let pages = needed.checked_add(OVERHEAD_BYTES).ok_or(())?.div_ceil(PAGE_BYTES);
    let before = memory_grow::<0>(pages);
    if before == usize::MAX {
        return Err(());
    }
    let base = (before * PAGE_BYTES) as *mut u8;
    let bytes = pages * PAGE_BYTES;
    talc.source.end = match talc.source.end.take() {
        // SAFETY: the pages from `base` are new and directly follow the heap that ends there.
        Some(end) if end.as_ptr() == base => {
            Some(unsafe { talc.extend(end, base.wrapping_add(bytes)) })
        }
        // SAFETY: the pages from `base` are new: nobody else knows them.
        _ => unsafe { talc.claim(base, bytes) },
    };
    talc.source.end.map(|_| ()).ok_or(())
}
