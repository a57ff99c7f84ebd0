//! Turns the vocabularies that `tiktoken-rs` carries into read-only tables, and Unicode's categories into one.
//!
//! Built at run time, its two tokenizers take 70 MB of heap and 130 ms; as tables in the binary they take 6 MB of
//! shared, file-backed memory and no time. The categories come from the tables its regular expressions use.

#[path = "src/table.rs"]
mod table;

use std::collections::HashMap;
use std::path::Path;
use std::{env, fs, io};

use regex_syntax::hir::{Class, HirKind};
use table::{CLASS_BLOCK, CharClass, MIN_SLOTS_PER_TOKEN, slot_of};

/// Classes in order; a later one overrides an earlier one it overlaps.
const CLASSES: &[(CharClass, &str)] = &[
    (CharClass::Upper, r"[\p{Lu}\p{Lt}]"),
    (CharClass::Lower, r"\p{Ll}"),
    (CharClass::Caseless, r"[\p{Lm}\p{Lo}]"),
    (CharClass::Mark, r"\p{M}"),
    (CharClass::Number, r"\p{N}"),
    (CharClass::Space, r"\s"),
    (CharClass::LineEnd, r"[\r\n]"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/table.rs");
    let folder = env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    write_vocabulary(&folder.join("o200k_base.vocabulary"), &tiktoken_rs::o200k_base()?)?;
    write_vocabulary(&folder.join("cl100k_base.vocabulary"), &tiktoken_rs::cl100k_base()?)?;
    fs::write(folder.join("char_classes.bin"), char_classes()?)?;
    Ok(())
}

/// Ranks run from 0 without a gap; the special tokens stand beyond one and are left out, so text cannot name them.
fn write_vocabulary(path: &Path, tokenizer: &tiktoken_rs::CoreBPE) -> io::Result<()> {
    let tokens: Vec<Vec<u8>> = (0..).map_while(|rank| tokenizer.decode_bytes(&[rank]).ok()).collect();
    let slot_count = (tokens.len() * MIN_SLOTS_PER_TOKEN).next_power_of_two();
    let mut slots = vec![0_u32; slot_count];
    let mut starts = vec![0_u32];
    let mut text = Vec::new();
    for (rank, token) in (0_u32..).zip(&tokens) {
        let mut slot = slot_of(token, slot_count);
        while slots[slot] != 0 {
            slot = (slot + 1) % slot_count;
        }
        slots[slot] = rank + 1;
        text.extend_from_slice(token);
        starts.push(u32::try_from(text.len()).map_err(io::Error::other)?);
    }
    let counts = [tokens.len(), slot_count].map(|count| u32::try_from(count).map_err(io::Error::other));
    let [token_count, slot_count] = counts;
    let numbers = [token_count?, slot_count?].into_iter().chain(starts).chain(slots);
    let mut table: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
    table.extend_from_slice(&text);
    fs::write(path, table)
}

/// Two levels: the number of the block of each 256 characters, then the distinct blocks.
fn char_classes() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut classes = vec![CharClass::Other as u8; 0x11_0000];
    for (class, pattern) in CLASSES {
        let HirKind::Class(Class::Unicode(ranges)) = regex_syntax::parse(pattern)?.into_kind() else {
            return Err(format!("{pattern} is not a class").into());
        };
        for range in ranges.iter() {
            classes[range.start() as usize..=range.end() as usize].fill(*class as u8);
        }
    }
    let mut numbers = Vec::new();
    let mut blocks = Vec::new();
    let mut known = HashMap::new();
    for block in classes.chunks(CLASS_BLOCK) {
        let next = known.len();
        let number = *known.entry(block).or_insert_with(|| {
            blocks.extend_from_slice(block);
            next
        });
        numbers.push(u8::try_from(number)?);
    }
    Ok([numbers, blocks].concat())
}
