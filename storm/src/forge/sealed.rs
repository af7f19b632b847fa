//! Forged extents: what a lie shows, sealed under the very key and context of the question.

use super::Forge;
use crate::defence::Defence;
use crate::liars::ERROR_TEXT;
use crate::lies::Kind as Lie;
use crate::mark::padded;
use crate::whose::Whose;
use eyesonly_gate::Claimed;
use eyesonly_seal::format::{CHUNK_BYTES, HEADER_BYTES};
use eyesonly_seal::{ObjectName, open_all, seal_all};
use eyesonly_service::clock;

/// The bytes that a forged extension moves from the end to the start: a forgery keeps the object's
/// length.
const LONGER_BYTES: usize = 100;

impl Forge {
    /// Seals what a lie shows for the question `name`. `told` is what the liar would say, and the
    /// name that it was of. None: the liar has no key for it.
    pub fn extent(
        &self,
        lie: Lie,
        name: ObjectName,
        honest: &Claimed,
        told: (ObjectName, &Claimed),
        choice: u64,
    ) -> Option<Claimed> {
        if !self.has(Defence::Seal) {
            return None;
        }
        let asked = self.names.is(name)?;
        // Only an object of one extent opens here. Of a longer one nothing is forged.
        let mut right = self.open(&asked, honest)?;
        let length = right.len();
        let plain = match lie {
            Lie::Cut => {
                right.iter_mut().skip(length / 2).for_each(|byte| *byte = 0);
                right
            }
            Lie::Extended => {
                right.rotate_right(LONGER_BYTES.min(length));
                right
            }
            Lie::FlippedBit => {
                let at = usize::try_from(choice).unwrap_or(0).checked_rem(length)?;
                *right.get_mut(at)? ^= 1 << (choice % 8);
                right
            }
            Lie::Reordered => {
                let (first, rest) = right.split_at_mut_checked(CHUNK_BYTES)?;
                rest.split_at_mut_checked(CHUNK_BYTES)?.0.swap_with_slice(first);
                right
            }
            Lie::Empty => vec![0; length],
            Lie::ErrorAsSuccess => {
                let mut text = ERROR_TEXT.to_vec();
                text.resize(length, b'\n');
                text
            }
            // The lie is another object, padded because renditions differ in length.
            _ => padded(self.open(&self.names.is(told.0)?, told.1)?, length),
        };
        self.seal(&asked, &plain)
    }

    fn open(&self, whose: &Whose, extent: &Claimed) -> Option<Vec<u8>> {
        let (key, context) = self.names.sealed_under(whose)?;
        let sealed = [extent.header.as_slice(), &extent.chunks].concat();
        open_all(&key, &context, &sealed).ok()
    }

    fn seal(&self, whose: &Whose, plain: &[u8]) -> Option<Claimed> {
        let (key, context) = self.names.sealed_under(whose)?;
        let mut sealed = bytes::Bytes::from(seal_all(&key, &context, clock::random(), plain).ok()?);
        let header = sealed.split_to(HEADER_BYTES);
        Some(Claimed { header: header.as_ref().try_into().ok()?, chunks: sealed })
    }
}
