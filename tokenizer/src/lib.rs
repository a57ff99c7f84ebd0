//! Exact token counts of plain text, in time that grows with its length whatever it says.
//!
//! The vocabularies are those of `tiktoken-rs`, which the tests compare against; the code is not, because a hostile
//! text makes that one panic (`split`) and because its tables would take most of this process's memory (`build.rs`).

mod classes;
mod merge;
mod split;
mod table;
mod vocabulary;

/// A tokenizer, as named by `model_limits.encoding` in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o, GPT-4.1, GPT-5 and the o-series.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
}

/// Longest word, line of dashes or run of spaces that is merged into tokens, in bytes; a longer one counts a token
/// per byte. Merging takes 16 times a piece's size in memory, and no prose, code or base64 has such a piece.
pub const MAX_PIECE_BYTES: usize = 16 * 1024;

impl Encoding {
    /// The encoding of an SQL name; `None` for a name this build does not know (refuse the model).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "o200k_base" => Some(Self::O200k),
            "cl100k_base" => Some(Self::Cl100k),
            _ => None,
        }
    }

    /// Tokens of `text` read as plain text: `<|endoftext|>` in it is thirteen characters, not a command.
    /// Exact, except for pieces over [`MAX_PIECE_BYTES`], which count more: a token has at least one byte.
    pub fn count(self, text: &str) -> u64 {
        let vocabulary = match self {
            Self::O200k => &vocabulary::O200K,
            Self::Cl100k => &vocabulary::CL100K,
        };
        let mut tokens = 0;
        let mut start = 0;
        while start < text.len() {
            let end = split::piece_end(self, text, start);
            let piece = &text.as_bytes()[start..end];
            tokens += match piece.len() {
                1 => 1,
                2..=MAX_PIECE_BYTES => merge::count(vocabulary, piece),
                long => long as u64,
            };
            start = end;
        }
        tokens
    }

    /// Reads both tables once, so that no request waits for their pages to come from disk. Takes milliseconds.
    pub fn warm() {
        for encoding in [Self::O200k, Self::Cl100k] {
            encoding.count("The tables are read where a text leads; this one leads to a few hundred places.");
        }
    }
}

#[cfg(test)]
mod tests;
