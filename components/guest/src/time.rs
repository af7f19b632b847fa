//! Times as text: RFC 3339 in UTC with milliseconds. It must never fail: every u64 of milliseconds
//! has a text. Years above 9999 (which no UUIDv7 of today has) only get more digits.

use std::fmt::Write as _;

const MILLISECONDS_PER_DAY: u64 = 86_400_000;

/// Appends `milliseconds` since 1970-01-01T00:00:00Z as RFC 3339, for example
/// `2024-02-16T09:30:00.250Z`.
pub fn push_rfc3339(text: &mut String, milliseconds: u64) {
    let (year, month, day) = date_of_day(milliseconds / MILLISECONDS_PER_DAY);
    let rest = milliseconds % MILLISECONDS_PER_DAY;
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, millisecond) = (rest / 1000 % 60, rest % 1000);
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"
    );
}

/// Returns the Gregorian date of a day counted from 1970-01-01.
///
/// The years counted here start on 1 March, so that the leap day is a year's last day. They are
/// counted in cycles of 400 years, which all have 146,097 days.
fn date_of_day(day: u64) -> (u64, u64, u64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let day = day + 719_468;
    let (cycle, day_of_cycle) = (day / 146_097, day % 146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    // Months counted from March: their lengths repeat 31, 30, 31, 30, 31, which is 153 days in
    // five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (cycle * 400 + year_of_cycle + next_year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let check = |milliseconds, expected: &str| {
            let mut text = String::new();
            push_rfc3339(&mut text, milliseconds);
            assert_eq!(text, expected);
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(1, "1970-01-01T00:00:00.001Z");
        check(951_782_399_999, "2000-02-28T23:59:59.999Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(951_868_800_000, "2000-03-01T00:00:00.000Z");
        check(1_708_075_800_250, "2024-02-16T09:30:00.250Z");
        check(4_107_542_399_000, "2100-02-28T23:59:59.000Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
        // The largest time that a UUIDv7 can hold.
        check((1 << 48) - 1, "10889-08-02T05:31:50.655Z");
    }

    #[test]
    fn every_day_of_two_cycles_follows_the_one_before() {
        let leap = |year: u64| {
            (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
        };
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for count in 0..2 * 146_097 {
            assert_eq!(date_of_day(count), (year, month, day));
            let length = match month {
                2 if leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn no_time_is_too_large() {
        let mut text = String::new();
        push_rfc3339(&mut text, u64::MAX);
        assert!(text.ends_with('Z'));
    }
}
