//! A vocabulary as a read-only table: which bytes are a token, and how early they merge.

use super::table::slot_of;

/// A table written by the build script: token count, slot count, where each token's text starts, slots, text.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary {
    slot_count: usize,
    starts: &'static [[u8; 4]],
    slots: &'static [[u8; 4]],
    text: &'static [u8],
}

/// `o200k_base`.
pub(crate) static O200K: Vocabulary =
    Vocabulary::read(include_bytes!(concat!(env!("OUT_DIR"), "/o200k_base.vocabulary")));

/// `cl100k_base`.
pub(crate) static CL100K: Vocabulary =
    Vocabulary::read(include_bytes!(concat!(env!("OUT_DIR"), "/cl100k_base.vocabulary")));

impl Vocabulary {
    const fn read(table: &'static [u8]) -> Self {
        let (numbers, _) = table.as_chunks::<4>();
        let (header, rest) = numbers.split_at(2);
        let token_count = u32::from_le_bytes(header[0]) as usize;
        let slot_count = u32::from_le_bytes(header[1]) as usize;
        let (starts, rest) = rest.split_at(token_count + 1);
        let (slots, _) = rest.split_at(slot_count);
        let (_, text) = table.split_at((2 + token_count + 1 + slot_count) * 4);
        Self { slot_count, starts, slots, text }
    }

    /// The rank of a token, lower merging earlier; `None` if these bytes are no token.
    pub(crate) fn rank(&self, bytes: &[u8]) -> Option<u32> {
        let mut slot = slot_of(bytes, self.slot_count);
        loop {
            let rank = u32::from_le_bytes(self.slots[slot]).checked_sub(1)?;
            if self.token(rank as usize) == bytes {
                return Some(rank);
            }
            slot = (slot + 1) & (self.slot_count - 1);
        }
    }

    fn token(&self, rank: usize) -> &'static [u8] {
        let start = u32::from_le_bytes(self.starts[rank]) as usize;
        let end = u32::from_le_bytes(self.starts[rank + 1]) as usize;
        &self.text[start..end]
    }
}
