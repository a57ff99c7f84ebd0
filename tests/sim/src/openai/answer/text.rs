//! The words of the answers: pieces whose token counts add up exactly, in any order they may follow.

use std::sync::LazyLock;

use super::random::Random;
use crate::openai::tokens::Encoding;

/// A word begins with a space, so that the tokenizer never merges it with what stands before it.
const WORDS: &[&str] = &[
    " the",
    " a",
    " of",
    " and",
    " to",
    " in",
    " is",
    " that",
    " for",
    " with",
    " as",
    " on",
    " by",
    " from",
    " this",
    " city",
    " gate",
    " toll",
    " road",
    " water",
    " market",
    " people",
    " often",
    " small",
    " large",
    " first",
    " second",
    " time",
    " day",
    " year",
    " work",
    " house",
    " river",
    " bread",
    " light",
    " stone",
    " made",
    " found",
    " given",
    " taken",
    " known",
    " called",
    " through",
    " between",
    " under",
    " against",
    " before",
    " after",
    " while",
    " because",
    " still",
    " every",
    " same",
    " other",
    " new",
    " old",
    " open",
    " clear",
    " answer",
    " question",
    " reason",
    " example",
    " result",
    " number",
    " measure",
    " value",
    " price",
    " trade",
    " café",
    " naïve",
    " über",
    " Zürich",
    " señor",
    " 東京",
    " Привет",
    " 🙂",
];
const OPENINGS: &[&str] = &["The", "This", "In", "When", "It", "There", "Every", "With"];
const SENTENCE_OPENINGS: &[&str] = &[" The", " This", " In", " When", " It", " There", " Every", " With"];

/// One piece of an answer, sent as one delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Its length in tokens.
    pub tokens: u64,
}

struct Vocabulary {
    words: Vec<Piece>,
    openings: Vec<Piece>,
    sentence_openings: Vec<Piece>,
    comma: Piece,
    stop: Piece,
    paragraph: Piece,
}

impl Vocabulary {
    fn new(encoding: Encoding) -> Self {
        let piece = |text: &&str| Piece { text: (*text).to_owned(), tokens: encoding.count(text) };
        let pieces = |texts: &[&str]| texts.iter().map(piece).collect();
        Self {
            words: pieces(WORDS),
            openings: pieces(OPENINGS),
            sentence_openings: pieces(SENTENCE_OPENINGS),
            comma: piece(&","),
            stop: piece(&"."),
            paragraph: piece(&".\n\n"),
        }
    }
}

static O200K: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(Encoding::O200k));
static CL100K: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(Encoding::Cl100k));

/// Loads the tokenizers and the words, which takes a fraction of a second each.
pub fn warm() {
    LazyLock::force(&O200K);
    LazyLock::force(&CL100K);
}

/// Prose of exactly `tokens` tokens.
pub fn prose(encoding: Encoding, tokens: u64, random: &mut Random) -> Vec<Piece> {
    let vocabulary: &Vocabulary = match encoding {
        Encoding::O200k => &O200K,
        Encoding::Cl100k => &CL100K,
    };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut left = tokens;
    let mut words_in_sentence = 0;
    while left > 0 {
        let piece = next(vocabulary, pieces.last(), words_in_sentence, left, random);
        words_in_sentence = if piece.text.starts_with('.') { 0 } else { words_in_sentence + 1 };
        left -= piece.tokens;
        pieces.push(piece.clone());
    }
    pieces
}

fn next<'v>(
    vocabulary: &'v Vocabulary,
    last: Option<&Piece>,
    words_in_sentence: u64,
    left: u64,
    random: &mut Random,
) -> &'v Piece {
    let Some(last) = last else { return random.pick(&vocabulary.openings) };
    if last.text.starts_with('.') {
        // A paragraph's first word has no space before it; the tokenizer would keep one apart.
        let paragraph = last.text.ends_with('\n');
        return random.pick(if paragraph { &vocabulary.openings } else { &vocabulary.sentence_openings });
    }
    // The tokenizer joins an emoji and the punctuation after it, and two marks in a row.
    let may_punctuate = last.text.ends_with(char::is_alphabetic);
    if may_punctuate && (left == 1 || (words_in_sentence > 6 && random.below(8) == 0)) {
        let paragraph = left > 20 && random.below(6) == 0;
        return if paragraph { &vocabulary.paragraph } else { &vocabulary.stop };
    }
    if may_punctuate && words_in_sentence > 2 && random.below(12) == 0 {
        return &vocabulary.comma;
    }
    let word = random.pick(&vocabulary.words);
    // The first words of the list are one token each, so an answer can end exactly.
    if word.tokens <= left { word } else { &vocabulary.words[random.below(8) as usize] }
}

/// Words that might stand where another does, from a place that `hash` chooses on.
pub fn alternatives(hash: u64) -> impl Iterator<Item = &'static str> {
    let start = (hash % WORDS.len() as u64) as usize;
    WORDS.iter().cycle().skip(start).take(WORDS.len()).copied()
}

/// `text` cut at its token borders, or whole where a border splits a character.
pub fn cut(encoding: Encoding, text: &str) -> Vec<Piece> {
    let bpe = encoding.bpe();
    let mut pieces = Vec::new();
    let mut pending: Vec<u32> = Vec::new();
    for token in bpe.encode_ordinary(text) {
        pending.push(token);
        if let Ok(text) = bpe.decode(&pending) {
            pieces.push(Piece { text, tokens: pending.len() as u64 });
            pending.clear();
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_has_exactly_the_tokens_that_were_asked_for() {
        for encoding in [Encoding::O200k, Encoding::Cl100k] {
            for tokens in (0..200_u64).chain([1000, 5000]) {
                let mut random = Random::seeded(&tokens.to_le_bytes());
                let pieces = prose(encoding, tokens, &mut random);
                let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
                assert_eq!(encoding.count(&text), tokens, "{encoding:?} counts {text:?} otherwise");
            }
        }
    }

    #[test]
    fn the_same_bytes_always_give_the_same_words() {
        let write = || prose(Encoding::O200k, 100, &mut Random::seeded(b"a request"));
        assert_eq!(write(), write());
    }

    #[test]
    fn cut_text_adds_up_even_inside_characters() {
        let text = r#"{"city":"Zürich 東京 🏳️‍🌈"}"#;
        let pieces = cut(Encoding::O200k, text);
        let joined: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(joined, text);
        assert_eq!(pieces.iter().map(|piece| piece.tokens).sum::<u64>(), Encoding::O200k.count(text));
    }
}
