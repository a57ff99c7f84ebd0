//! The output text that was handed to the client, kept only to estimate what a cut stream cost.

use octroi_tokenizer::Encoding;

/// How much text of one stream is kept, in bytes. 500 streams keep at most 16 MB; a longer text is extrapolated.
pub const MAX_KEPT_BYTES: usize = 32 * 1024;

/// Output text relayed so far. Collecting it is a copy of a few bytes; tokens are counted only when asked for.
#[derive(Clone, Debug, Default)]
pub struct RelayedText {
    kept: String,
    total_bytes: u64,
}

impl RelayedText {
    /// Adds text that the model produced: content, refusals, tool arguments, visible reasoning.
    pub fn push(&mut self, text: &str) {
        self.total_bytes = self.total_bytes.saturating_add(text.len() as u64);
        // Once full it stays full: what is kept is a prefix, so the ratio below is of real text.
        let room = MAX_KEPT_BYTES.saturating_sub(self.kept.len());
        self.kept.push_str(&text[..text.floor_char_boundary(room)]);
    }

    /// Whether the model has said anything yet (time to first token).
    pub fn is_empty(&self) -> bool {
        self.total_bytes == 0
    }

    /// Bytes of output text relayed, kept or not.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Estimated output tokens: exact for the kept prefix, extrapolated at its ratio beyond it.
    /// Hidden reasoning is not in it; the caller caps it at the hold.
    pub fn tokens(&self, encoding: Encoding) -> u64 {
        let kept_tokens = encoding.count(&self.kept);
        let kept_bytes = self.kept.len() as u64;
        if kept_bytes == 0 || kept_bytes == self.total_bytes {
            return kept_tokens;
        }
        let scaled = u128::from(kept_tokens) * u128::from(self.total_bytes);
        u64::try_from(scaled.div_ceil(u128::from(kept_bytes))).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_answer_is_counted_exactly() {
        let mut text = RelayedText::default();
        assert!(text.is_empty());
        for part in ["Hello", ",", " world"] {
            text.push(part);
        }
        assert_eq!(text.tokens(Encoding::O200k), Encoding::O200k.count("Hello, world"));
    }

    #[test]
    fn a_long_answer_keeps_a_bounded_prefix_and_extrapolates() {
        let mut text = RelayedText::default();
        let line = "the quick brown fox jumps over the lazy dog é. ";
        for _ in 0..4000 {
            text.push(line);
        }
        assert!(text.kept.len() <= MAX_KEPT_BYTES);
        let exact = Encoding::O200k.count(&line.repeat(4000));
        let estimate = text.tokens(Encoding::O200k);
        assert!(estimate.abs_diff(exact) * 100 <= exact, "{estimate} for {exact}");
    }
}
