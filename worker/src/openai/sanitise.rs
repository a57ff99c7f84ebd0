//! Takes the operator's ids and keys out of text that a client may see.

use std::borrow::Cow;

/// Prefixes of ids and keys that provider messages quote ("… in organization org-AbC on tokens per min").
const PREFIXES: &[&[u8]] =
    &[b"org-", b"org_", b"proj_", b"proj-", b"sk-", b"sess-", b"user-", b"key_", b"acct_"];

/// Shortest tail that makes an id of a prefix; "user-defined" has seven letters, ids have more than ten.
const MIN_ID_BYTES: usize = 10;

const REPLACEMENT: &[u8] = b"[redacted]";

/// Replaces ids and keys. Works on bytes: what it replaces is ASCII, and so is the replacement, so JSON and UTF-8
/// stay whole.
pub(super) fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    let mut clean: Option<Vec<u8>> = None;
    let mut copied_to = 0;
    let mut index = 0;
    while index < text.len() {
        let at_word_start = index == 0 || !is_id_byte(text[index - 1]);
        match id_length(&text[index..]).filter(|_| at_word_start) {
            Some(length) => {
                let target = clean.get_or_insert_default();
                target.extend_from_slice(&text[copied_to..index]);
                target.extend_from_slice(REPLACEMENT);
                index += length;
                copied_to = index;
            }
            None => index += 1,
        }
    }
    match clean {
        Some(mut clean) => {
            clean.extend_from_slice(&text[copied_to..]);
            Cow::Owned(clean)
        }
        None => Cow::Borrowed(text),
    }
}

/// As [`redact`], for text.
pub(super) fn redact_text(text: &str) -> String {
    String::from_utf8_lossy(&redact(text.as_bytes())).into_owned()
}

fn id_length(text: &[u8]) -> Option<usize> {
    let prefix = PREFIXES.iter().find(|prefix| text.starts_with(prefix))?;
    let tail = text[prefix.len()..].iter().take_while(|byte| is_id_byte(**byte)).count();
    (tail >= MIN_ID_BYTES).then_some(prefix.len() + tail)
}

// A key in a message is masked with stars ("sk-proj-****abcd"), which still gives away its end.
fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_keys_disappear_and_the_rest_stays() {
        for (text, clean) in [
            (
                "Rate limit for gpt-4o in organization org-AbCdEf012345 on tokens.",
                "Rate limit for gpt-4o in organization [redacted] on tokens.",
            ),
            ("Project `proj_abcdefghij12345` lacks access", "Project `[redacted]` lacks access"),
            ("key sk-proj-****************abcd.", "key [redacted]."),
            ("a user-defined task-force, org-wide", "a user-defined task-force, org-wide"),
            ("", ""),
        ] {
            assert_eq!(redact_text(text), clean);
        }
    }
}
