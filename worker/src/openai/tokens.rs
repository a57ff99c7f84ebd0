//! Exact token counts of plain text, safe against text made to be slow.

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

/// A tokenizer, as named by `model_limits.encoding` in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o, GPT-4.1, GPT-5 and the o-series.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
}

/// Longest stretch without a word boundary that is tokenized, in bytes; a longer one counts a token per byte.
/// The tokenizer's memory and stack grow with such a stretch (a million spaces overflow its stack and panic),
/// and no prose, code or base64 has one.
pub const MAX_STRETCH_BYTES: usize = 8 * 1024;

impl Encoding {
    /// The encoding of an SQL name; `None` for a name this build does not know (refuse the model).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "o200k_base" => Some(Self::O200k),
            "cl100k_base" => Some(Self::Cl100k),
            _ => None,
        }
    }

    /// Tokens of `text` read as plain text: `<|endoftext|>` in it is eleven characters, not a command.
    /// Exact, except for stretches over [`MAX_STRETCH_BYTES`], which count more: a token has at least one byte.
    pub fn count(self, text: &str) -> u64 {
        let tokenizer = self.tokenizer();
        if text.len() <= MAX_STRETCH_BYTES {
            return tokenizer.encode_ordinary(text).len() as u64;
        }
        let mut tokens = 0;
        let mut counted_to = 0;
        let mut stretch_from = 0;
        for cut in cuts(text).chain([text.len()]) {
            if cut - stretch_from > MAX_STRETCH_BYTES {
                tokens += tokenizer.encode_ordinary(&text[counted_to..stretch_from]).len() as u64;
                tokens += (cut - stretch_from) as u64;
                counted_to = cut;
            } else if cut - counted_to > MAX_PIECE_BYTES {
                tokens += tokenizer.encode_ordinary(&text[counted_to..cut]).len() as u64;
                counted_to = cut;
            }
            stretch_from = cut;
        }
        tokens + tokenizer.encode_ordinary(&text[counted_to..]).len() as u64
    }

    /// Builds both tokenizers now, so that no request pays for it. Blocks for about 150 ms; call once at start.
    pub fn warm() {
        for encoding in [Self::O200k, Self::Cl100k] {
            encoding.count("warm");
        }
    }

    fn tokenizer(self) -> &'static CoreBPE {
        match self {
            Self::O200k => o200k_base_singleton(),
            Self::Cl100k => cl100k_base_singleton(),
        }
    }
}

/// Text handed to the tokenizer at once, in bytes: its token list takes four bytes a token.
const MAX_PIECE_BYTES: usize = 256 * 1024;

/// Byte positions where every token before ends, whatever follows: both encodings split words by a regular
/// expression that looks ahead only out of white space, so counting the two sides separately changes nothing.
fn cuts(text: &str) -> impl Iterator<Item = usize> {
    let mut left = '\n';
    text.char_indices().filter_map(move |(position, right)| {
        let cut = is_cut(left, right);
        left = right;
        cut.then_some(position)
    })
}

fn is_cut(left: char, right: char) -> bool {
    // A space is only ever the first character of what follows it.
    if right == ' ' {
        return !left.is_whitespace();
    }
    // Letters stay with letters and marks, and with an apostrophe as in "it's"; digits with digits.
    let ends_word = right.is_ascii() && !right.is_ascii_alphabetic() && right != '\'';
    if left.is_ascii_alphabetic() {
        return ends_word;
    }
    if left.is_ascii_digit() {
        return right.is_ascii() && !right.is_ascii_digit();
    }
    is_unspaced_letter(left) && (ends_word || is_wide_punctuation(right))
}

/// Letters of the scripts that are written without spaces and make long stretches.
fn is_unspaced_letter(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

fn is_wide_punctuation(c: char) -> bool {
    matches!(c, '、' | '。' | '「' | '」' | '，' | '！' | '？' | '：' | '；')
}

#[cfg(test)]
mod tests;
