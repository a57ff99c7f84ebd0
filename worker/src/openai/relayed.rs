//! What was handed to the client: its text, kept only to estimate what an answer without usage cost, and whether every
//! choice of it was finished.

use octroi_tokenizer::Encoding;

/// How much text of one stream is kept, in bytes. 500 streams keep at most 16 MB; a longer text is extrapolated.
pub const MAX_KEPT_BYTES: usize = 32 * 1024;

/// Output text relayed so far. Collecting it is a copy of a few bytes; tokens are counted only when asked for.
#[derive(Clone, Debug, Default)]
pub struct RelayedText {
    /// By choice: their texts come in turns, and would be counted as one word where they meet.
    kept: Vec<String>,
    kept_bytes: usize,
    total_bytes: u64,
    /// One bit for each choice that was begun, and for each that was finished.
    begun: u128,
    finished: u128,
}

impl RelayedText {
    /// Adds text that the model produced for a choice: content, refusals, tool arguments, visible reasoning.
    pub fn push(&mut self, choice: u64, text: &str) {
        self.total_bytes = self.total_bytes.saturating_add(text.len() as u64);
        // Once full it stays full: what is kept is a prefix, so the ratio below is of real text.
        let room = MAX_KEPT_BYTES.saturating_sub(self.kept_bytes);
        let text = &text[..text.floor_char_boundary(room)];
        if text.is_empty() {
            return;
        }
        self.kept_bytes += text.len();
        let index = usize::from(place(choice));
        if self.kept.len() <= index {
            self.kept.resize_with(index + 1, String::new);
        }
        self.kept[index].push_str(text);
    }

    /// Notes that a choice of this index has begun.
    pub fn begin(&mut self, index: u64) {
        self.begun |= bit(index);
    }

    /// Notes that a choice of this index has ended of its own accord.
    pub fn finish(&mut self, index: u64) {
        self.begin(index);
        self.finished |= bit(index);
    }

    /// Whether every choice that was begun is finished: nothing more is generated.
    pub fn is_whole(&self) -> bool {
        self.begun != 0 && self.begun == self.finished
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
        let kept_tokens = self.kept.iter().map(|text| encoding.count(text)).sum();
        let kept_bytes = self.kept_bytes as u64;
        if kept_bytes == 0 || kept_bytes == self.total_bytes {
            return kept_tokens;
        }
        let scaled = u128::from(kept_tokens) * u128::from(self.total_bytes);
        u64::try_from(scaled.div_ceil(u128::from(kept_bytes))).unwrap_or(u64::MAX)
    }
}

/// A choice beyond the 128 that a request may ask for counts as the last of them.
fn place(choice: u64) -> u8 {
    choice.min(127) as u8
}

fn bit(choice: u64) -> u128 {
    1 << place(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_answer_is_counted_exactly() {
        let mut text = RelayedText::default();
        assert!(text.is_empty());
        for part in ["Hello", ",", " world"] {
            text.push(0, part);
        }
        assert_eq!(text.tokens(Encoding::O200k), Encoding::O200k.count("Hello, world"));
    }

    #[test]
    fn choices_that_come_in_turns_are_counted_each_by_itself() {
        let mut text = RelayedText::default();
        for (one, other) in ["ham", "ster", "s"].into_iter().zip(["hand", "writ", "ing"]) {
            text.push(0, one);
            text.push(1, other);
        }
        let count = |word| Encoding::O200k.count(word);
        assert_eq!(text.tokens(Encoding::O200k), count("hamsters") + count("handwriting"));
    }

    #[test]
    fn an_answer_is_whole_once_each_of_its_choices_is() {
        let mut text = RelayedText::default();
        assert!(!text.is_whole());
        text.begin(0);
        text.finish(1);
        assert!(!text.is_whole());
        text.finish(0);
        assert!(text.is_whole());
        text.begin(u64::MAX);
        assert!(!text.is_whole());
    }

    #[test]
    fn a_long_answer_keeps_a_bounded_prefix_and_extrapolates() {
        let mut text = RelayedText::default();
        let line = "the quick brown fox jumps over the lazy dog é. ";
        for _ in 0..4000 {
            text.push(0, line);
        }
        assert!(text.kept_bytes <= MAX_KEPT_BYTES);
        let exact = Encoding::O200k.count(&line.repeat(4000));
        let estimate = text.tokens(Encoding::O200k);
        assert!(estimate.abs_diff(exact) * 100 <= exact, "{estimate} for {exact}");
    }
}
