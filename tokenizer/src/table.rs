//! The shape of the tables, shared by the build script that writes them and the code that reads them.

/// Hash slots per token, at least: few enough probes, small enough to stay in cache.
#[allow(dead_code)]
pub const MIN_SLOTS_PER_TOKEN: usize = 2;

/// Characters in one block of the class table.
pub const CLASS_BLOCK: usize = 256;

/// What a character is to the word-splitting rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CharClass {
    /// Punctuation, symbols, controls, unassigned.
    Other,
    /// Upper and title case letters.
    Upper,
    /// Lower case letters.
    Lower,
    /// Letters without case, and modifiers.
    Caseless,
    /// Combining marks.
    Mark,
    /// Numbers of any script.
    Number,
    /// White space but for line ends.
    Space,
    /// CR and LF.
    LineEnd,
}

/// The slot where the search for a token begins; `slot_count` is a power of two.
pub fn slot_of(token: &[u8], slot_count: usize) -> usize {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = token.len() as u64;
    for chunk in token.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    // The high bits of a product depend on all of its factors.
    (hash >> 32) as usize & (slot_count - 1)
}
