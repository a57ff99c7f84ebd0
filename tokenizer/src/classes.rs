//! Characters of a text with their classes.

use super::table::{CLASS_BLOCK, CharClass};

static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/char_classes.bin"));

/// Blocks of the whole code space.
const BLOCKS: usize = 0x11_0000 / CLASS_BLOCK;

/// The class of a character.
pub(crate) fn class_of(c: char) -> CharClass {
    let code = c as usize;
    let block = TABLE[code / CLASS_BLOCK] as usize;
    match TABLE[BLOCKS + block * CLASS_BLOCK + code % CLASS_BLOCK] {
        1 => CharClass::Upper,
        2 => CharClass::Lower,
        3 => CharClass::Caseless,
        4 => CharClass::Mark,
        5 => CharClass::Number,
        6 => CharClass::Space,
        7 => CharClass::LineEnd,
        _ => CharClass::Other,
    }
}

/// The character at a position with its class and where the next one starts; `None` at the end.
pub(crate) fn at(text: &str, position: usize) -> Option<(char, CharClass, usize)> {
    let c = text[position..].chars().next()?;
    Some((c, class_of(c), position + c.len_utf8()))
}

/// Where a run of characters that satisfy a condition ends.
pub(crate) fn run(text: &str, from: usize, belongs: impl Fn(char, CharClass) -> bool) -> usize {
    let mut end = from;
    while let Some((c, class, next)) = at(text, end) {
        if !belongs(c, class) {
            break;
        }
        end = next;
    }
    end
}
