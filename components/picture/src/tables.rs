//! Huffman tables that lack codes, and data that has such a code all the same.
//!
//! libjpeg reads 17 bits of such data as symbol 0, which is no change of brightness or the end of a
//! block, and goes on. The decoder here would refuse the still, or leave all of it grey up to the
//! next restart marker. So tables get the codes that they lack, of 16 bits. Those of DC
//! coefficients mean a change by one, which has one further bit, so that what follows is read from
//! the same place as by libjpeg. Where a table has no room for so many, they have fewer bits, and
//! mean a larger change with more bits. It must never change a code that a table has.

use crate::restarts::next_marker;

/// The most bytes of Huffman tables in a still. Four whole tables for each of 64 scans have less.
pub const TABLE_BYTES_MAX: usize = 128 * 1024;
/// The longest code, in bits.
const CODE_BITS_MAX: usize = 16;
/// The most codes of a table.
const CODES_MAX: u32 = 256;
/// The most codes of one length.
const CODES_OF_LENGTH_MAX: u32 = 255;
/// The bits that libjpeg reads. The symbol of a change of DC coefficients is the number of bits
/// that come behind its code.
const BITS_READ: u8 = 17;
/// The symbol of AC coefficients for the end of a block.
const END_OF_BLOCK: u8 = 0;

/// A segment with tables that got all the codes that they lacked.
#[derive(Debug, PartialEq, Eq)]
struct Completed {
    start: usize,
    end: usize,
    segment: Vec<u8>,
}

/// Completes the tables of all scans. Returns none if the file has more than [`TABLE_BYTES_MAX`] of
/// them.
pub fn complete(jpeg: Vec<u8>) -> Option<Vec<u8>> {
    let completed = all(&jpeg)?;
    if completed.is_empty() {
        return Some(jpeg);
    }
    let more = completed.iter().map(|one| one.segment.len()).sum::<usize>();
    let (mut whole, mut at) = (Vec::with_capacity(jpeg.len() + more), 0);
    for Completed { start, end, segment } in completed {
        whole.extend_from_slice(jpeg.get(at..start)?);
        whole.extend(segment);
        at = end;
    }
    whole.extend_from_slice(jpeg.get(at..)?);
    Some(whole)
}

fn all(jpeg: &[u8]) -> Option<Vec<Completed>> {
    let (mut at, mut completed, mut bytes) = (2, Vec::new(), 0);
    while let Some(start) = next_marker(jpeg, at) {
        let Some([code, high, low]) = jpeg.get(start + 1..).and_then(<[u8]>::first_chunk) else {
            break;
        };
        let end = start + 2 + usize::from(u16::from_be_bytes([*high, *low]));
        match code {
            0xd9 => break,
            // A restart marker is alone.
            0xd0..=0xd7 => {
                at = start + 2;
                continue;
            }
            0xc4 => {
                bytes += end - start;
                if bytes > TABLE_BYTES_MAX {
                    return None;
                }
                let segment = jpeg.get(start + 4..end).and_then(completed_segment);
                completed.extend(segment.map(|segment| Completed { start, end, segment }));
            }
            _ => {}
        }
        at = end;
    }
    Some(completed)
}

/// Returns a segment of tables whose body is this one, with the codes that its tables lack. Returns
/// none if there is nothing to do, or if the body has no form.
fn completed_segment(body: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut tables, mut is_changed) = (body, Vec::new(), false);
    while let Some((head, more)) = rest.split_first_chunk::<{ 1 + CODE_BITS_MAX }>() {
        let [class, mut counts @ ..] = *head;
        let total: u32 = counts.iter().copied().map(u32::from).sum();
        let (symbols, more) = more.split_at_checked(usize::try_from(total).ok()?)?;
        let (bits, added) = lacking(&counts)?;
        let symbol = if class < 0x10 { BITS_READ.checked_sub(bits)? } else { END_OF_BLOCK };
        let count = counts.get_mut(usize::from(bits).checked_sub(1)?)?;
        *count = count.checked_add(added)?;
        tables.push(class);
        tables.extend(counts);
        tables.extend(symbols);
        tables.extend((0..added).map(|_| symbol));
        is_changed |= added > 0;
        rest = more;
    }
    let length = u16::try_from(tables.len() + 2).ok()?.to_be_bytes();
    (rest.is_empty() && is_changed).then(|| [&[0xff, 0xc4], length.as_slice(), &tables].concat())
}

/// Returns the length, in bits, of the codes that a table gets, and how many of these: as many as
/// have room in it. Returns none for a table that has more codes than there are.
fn lacking(counts: &[u8; CODE_BITS_MAX]) -> Option<(u8, u8)> {
    let total: u32 = counts.iter().copied().map(u32::from).sum();
    let taken = counts.iter().fold(0_u32, |taken, count| 2 * taken + u32::from(*count));
    let lacked = (1_u32 << CODE_BITS_MAX).checked_sub(taken)?;
    let longest = counts.iter().rposition(|count| *count > 0).map_or(0, |place| place + 1);
    let room = |bits: usize| {
        let there = counts.get(bits - 1).copied().map_or(0, u32::from);
        CODES_MAX.saturating_sub(total).min(CODES_OF_LENGTH_MAX - there)
    };
    // A code that is shorter by a bit stands for two.
    let lacked = |bits: usize| lacked >> (CODE_BITS_MAX - bits);
    let mut lengths = (longest.max(1)..=CODE_BITS_MAX).rev();
    let bits = lengths.find(|bits| lacked(*bits) <= room(*bits)).unwrap_or(CODE_BITS_MAX);
    let added = lacked(bits).min(room(bits));
    Some((u8::try_from(bits).ok()?, u8::try_from(added).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with codes of these lengths, as many as said, and the symbols 0, 1, 2 and so on.
    fn table(class: u8, lengths: &[(usize, u8)]) -> Vec<u8> {
        let mut counts = [0; CODE_BITS_MAX];
        for (bits, count) in lengths {
            counts[bits - 1] = *count;
        }
        let total = counts.iter().sum();
        [&[class], counts.as_slice(), &(0..total).collect::<Vec<u8>>()].concat()
    }

    fn file(segments: &[&[u8]]) -> Vec<u8> {
        let mut file = b"\xff\xd8".to_vec();
        for body in segments {
            let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
            file.extend([&[0xff, 0xc4], length.as_slice(), body].concat());
        }
        file.extend(b"\xff\xda\0\x02data\xff\xd9");
        file
    }

    fn check(before: &[u8], expected: &[u8]) {
        assert_eq!(complete(before.to_vec()).unwrap(), expected);
    }

    #[test]
    fn tables_have_a_limit() {
        let whole = table(1, &[(1, 2)]);
        let segment_bytes = whole.len() + 4;
        let count = TABLE_BYTES_MAX / segment_bytes;
        let with = |count: usize| complete(file(&vec![&*whole; count]));
        assert!(with(count).is_some());
        assert!(with(count + 1).is_none());
    }

    #[test]
    fn codes_that_are_lacking_are_added() {
        // Three codes of 2 bits, and one each of 3 to 9: 128 codes of 16 bits are left.
        let lengths = [(2, 3), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 1)];
        let before = table(0, &lengths);
        let mut after = before.clone();
        after[16] = 128;
        after.extend([1; 128]);
        check(&file(&[&before]), &file(&[&after]));
        // All tables of a segment get theirs, if they lack any.
        let (whole, ac) = (table(1, &[(1, 2)]), table(0x10, &[(1, 1), (2, 1), (16, 128)]));
        let mut ac_after = ac.clone();
        ac_after[16] = 254;
        ac_after.extend([END_OF_BLOCK; 126]);
        let many = [&*whole, &before, &ac].concat();
        let expected = [&*whole, &after, &ac_after].concat();
        check(&file(&[&ac, &many, &before]), &file(&[&ac_after, &expected, &after]));
    }

    #[test]
    fn no_more_codes_are_added_than_there_is_room_for() {
        let check_one = |lengths: &[(usize, u8)], bits: usize, added: u8, symbol: u8| {
            let before = table(0, lengths);
            let mut after = before.clone();
            after[bits] += added;
            after.extend(vec![symbol; usize::from(added)]);
            check(&file(&[&before]), &file(&[&after]));
        };
        check_one(&[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1)], 14, 128, 3);
        check_one(&[(2, 3), (3, 1), (4, 1)], 11, 128, 6);
        check_one(&[(1, 1)], 8, 128, 9);
        check_one(&[], 7, 128, 10);
        // Its longest codes leave no choice.
        check_one(&[(1, 1), (16, 3)], 16, 252, 1);
    }

    #[test]
    fn what_is_complete_or_has_no_form_stays() {
        let too_many = table(0, &[(1, 3)]);
        let cut = &table(0, &[(2, 3)])[..18];
        for body in [&*table(0, &[(1, 1), (2, 2)]), &too_many, cut, b"", &[0; 16]] {
            check(&file(&[body]), &file(&[body]));
        }
        for broken in [b"\xff\xd8".as_slice(), b"\xff\xd8\xff\xc4", b"\xff\xd8\xff\xc4\xff\xff\0"] {
            check(broken, broken);
        }
        // What comes behind the end marker is no segment.
        let mut later = file(&[]);
        later.extend(&file(&[&table(0, &[(2, 3)])])[2..]);
        check(&later, &later);
    }

    #[test]
    fn tables_between_scans_are_completed_too() {
        let scan = b"\xff\xda\0\x02data\xff\xd0data\xff\0data";
        let between = |body: &[u8]| [&file(&[])[..2], scan, &file(&[body])[2..]].concat();
        let before = table(0, &[(1, 1), (2, 1)]);
        let mut after = before.clone();
        after[9] += 128;
        after.extend([8; 128]);
        check(&between(&before), &between(&after));
    }
}
