//! The allowed widths. They are few, so that few renditions of a still are made; it must never let
//! a client choose freely.

/// The widths that a still is made at, in pixels, ascending.
pub const ALLOWED_WIDTHS: [u32; 6] = [160, 320, 640, 960, 1280, 1920];

/// Returns the smallest allowed width that is at least `asked`; none for 0 and above the largest.
pub fn round_up(asked: u32) -> Option<u32> {
    if asked == 0 {
        return None;
    }
    ALLOWED_WIDTHS.into_iter().find(|allowed| *allowed >= asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_round_up_to_the_next_allowed_one() {
        let check = |asked, expected| assert_eq!(round_up(asked), expected, "asked for {asked}");
        check(0, None);
        check(1, Some(160));
        check(160, Some(160));
        check(161, Some(320));
        check(320, Some(320));
        check(900, Some(960));
        check(1281, Some(1920));
        check(1920, Some(1920));
        check(1921, None);
        check(u32::MAX, None);
    }
}
