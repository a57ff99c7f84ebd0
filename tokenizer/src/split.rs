//! Splits text into the pieces that byte-pair encoding works within, as the two encodings' regular expressions do.
//!
//! Written out by hand because a backtracking matcher overflows its stack on a million spaces and panics; here no
//! piece is looked at more than a fixed number of times. Each function is one alternative of the expression, given
//! in its comment; the first that matches decides.

use super::classes::{at, run};
use super::table::CharClass::{Caseless, LineEnd, Lower, Mark, Number, Other, Space, Upper};
use super::{Encoding, table::CharClass};

/// The end of the piece that starts at `from`, which is not the end of the text.
pub(crate) fn piece_end(encoding: Encoding, text: &str, from: usize) -> usize {
    let end = match encoding {
        Encoding::O200k => o200k_word(text, from)
            .or_else(|| digits(text, from))
            .or_else(|| symbols(text, from, |c| matches!(c, '\r' | '\n' | '/'))),
        Encoding::Cl100k => contraction(text, from)
            .or_else(|| cl100k_word(text, from))
            .or_else(|| digits(text, from))
            .or_else(|| symbols(text, from, |c| matches!(c, '\r' | '\n'))),
    };
    end.unwrap_or_else(|| white_space(encoding, text, from))
}

const fn is_letter(class: CharClass) -> bool {
    matches!(class, Upper | Lower | Caseless)
}

/// `[^\r\n\p{L}\p{N}]?`: the position after one character that may stand before a word.
fn after_lead(text: &str, from: usize) -> Option<usize> {
    let (_, class, next) = at(text, from)?;
    matches!(class, Other | Mark | Space).then_some(next)
}

/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|…)?`, else the same with
/// `+` on the capitals and `*` on the rest.
fn o200k_word(text: &str, from: usize) -> Option<usize> {
    let lead = after_lead(text, from);
    let end = lead
        .and_then(|start| lower_word(text, start))
        .or_else(|| lower_word(text, from))
        .or_else(|| lead.and_then(|start| upper_word(text, start)))
        .or_else(|| upper_word(text, from))?;
    Some(contraction(text, end).unwrap_or(end))
}

/// Capitals, then at least one character that is not a capital. Marks and caseless letters count as both, so when
/// no lower case follows, the greedy capitals give back from their end up to the last such character.
fn lower_word(text: &str, from: usize) -> Option<usize> {
    let mut end = from;
    let mut after_last_both = None;
    while let Some((_, class, next)) = at(text, end) {
        match class {
            Upper => {}
            Caseless | Mark => after_last_both = Some(next),
            Lower => return Some(run(text, end, |_, class| matches!(class, Lower | Caseless | Mark))),
            _ => break,
        }
        end = next;
    }
    after_last_both
}

/// At least one capital, after `lower_word` has failed: nothing else can follow them.
fn upper_word(text: &str, from: usize) -> Option<usize> {
    let end = run(text, from, |_, class| class == Upper);
    (end > from).then_some(end)
}

/// `[^\r\n\p{L}\p{N}]?+\p{L}++`
fn cl100k_word(text: &str, from: usize) -> Option<usize> {
    let start = after_lead(text, from).unwrap_or(from);
    let end = run(text, start, |_, class| is_letter(class));
    (end > start).then_some(end)
}

/// `'(?i:[sdmt]|ll|ve|re)`; the long s folds to an s.
fn contraction(text: &str, from: usize) -> Option<usize> {
    let mut rest = text[from..].strip_prefix('\'')?.chars();
    let (first, second) = (rest.next()?, rest.next());
    let length = match (first.to_ascii_lowercase(), second.map(|c| c.to_ascii_lowercase())) {
        ('s' | 'd' | 'm' | 't' | 'ſ', _) => 1 + first.len_utf8(),
        ('l', Some('l')) | ('v' | 'r', Some('e')) => 3,
        _ => return None,
    };
    Some(from + length)
}

/// `\p{N}{1,3}`
fn digits(text: &str, from: usize) -> Option<usize> {
    let mut end = from;
    for _ in 0..3 {
        match at(text, end) {
            Some((_, Number, next)) => end = next,
            _ => break,
        }
    }
    (end > from).then_some(end)
}

/// ` ?[^\s\p{L}\p{N}]+` and a run of what may trail it.
fn symbols(text: &str, from: usize, trails: fn(char) -> bool) -> Option<usize> {
    let start = from + usize::from(text[from..].starts_with(' '));
    let end = run(text, start, |_, class| matches!(class, Other | Mark));
    (end > start).then(|| run(text, end, |c, _| trails(c)))
}

/// `\s*[\r\n]+`, else `\s+(?!\S)`, else what is left: all of it, or for `cl100k` (`\s++$` first, `\s` last) one.
/// A run that ends the text is one piece; one before a word leaves its last character to the word.
fn white_space(encoding: Encoding, text: &str, from: usize) -> usize {
    let mut end = from;
    let mut after_line_end = None;
    let mut last = from;
    while let Some((_, class @ (Space | LineEnd), next)) = at(text, end) {
        if class == LineEnd {
            after_line_end = Some(next);
        }
        last = end;
        end = next;
    }
    let at_text_end = end == text.len();
    match after_line_end {
        Some(_) if at_text_end && encoding == Encoding::Cl100k => end,
        Some(after) => after,
        None if at_text_end || last == from => end,
        None => last,
    }
}
