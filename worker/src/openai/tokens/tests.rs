#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const BOTH: [Encoding; 2] = [Encoding::O200k, Encoding::Cl100k];

/// The whole text at once, as the provider's own library does it.
fn reference(encoding: Encoding, text: &str) -> u64 {
    match encoding {
        Encoding::O200k => o200k_base_singleton().encode_ordinary(text).len() as u64,
        Encoding::Cl100k => cl100k_base_singleton().encode_ordinary(text).len() as u64,
    }
}

#[test]
fn known_texts_have_known_counts() {
    for (text, o200k, cl100k) in [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("antidisestablishmentarianism", 6, 6),
        ("お誕生日おめでとう", 8, 9),
        ("2 + 2 = 4", 7, 7),
    ] {
        assert_eq!((Encoding::O200k.count(text), Encoding::Cl100k.count(text)), (o200k, cl100k), "{text}");
    }
}

#[test]
fn special_tokens_in_a_text_are_only_characters() {
    for encoding in BOTH {
        for text in ["<|endoftext|>", "<|im_start|>system", "<|fim_prefix|><|endofprompt|>"] {
            assert!(encoding.count(text) > 3, "{text}");
        }
    }
}

#[test]
fn an_unknown_encoding_has_no_tokenizer() {
    assert_eq!(Encoding::from_name("o200k_base"), Some(Encoding::O200k));
    assert_eq!(Encoding::from_name("cl100k_base"), Some(Encoding::Cl100k));
    assert_eq!(Encoding::from_name("p50k_base"), None);
}

// Each of these is slow, huge or fatal for a plain tokenizer: a million spaces overflow its stack.
#[test]
fn hostile_megabytes_are_counted_in_seconds_and_never_below_their_tokens() {
    let size = 5_000_000;
    for unit in [" ", "x", "\n", "/\n", "!", "\u{1F600}", "漢", "ǅ", "'", "1", "Aa", "\u{301}", " \u{a0}"] {
        let text = unit.repeat(size / unit.len());
        let began = Instant::now();
        let tokens = Encoding::O200k.count(&text);
        assert!(began.elapsed() < Duration::from_secs(20), "{unit:?}: {:?}", began.elapsed());
        let sample = reference(Encoding::O200k, &unit.repeat(4_000 / unit.len()));
        assert!(tokens >= sample * 1_000, "{unit:?}: {tokens}");
        assert!(tokens <= text.len() as u64);
    }
}

#[test]
fn long_prose_code_and_base64_are_counted_exactly() {
    let prose =
        "It's 25 degrees, isn't it?  Très bien… 東京は晴れです。\r\n\r\n\tIndented   text\n".repeat(3_000);
    let code = "fn main() {\n    let x = vec![1, 22, 333];\n    println!(\"{}\", x[0]);\n}\n".repeat(3_000);
    let base64 = "QmFzZTY0IGlzIG5vdCBwcm9zZSwgYnV0IGl0IGhhcyBkaWdpdHM5+/".repeat(4_000);
    let chinese = "今天天气很好，我们去公园散步吧。".repeat(4_000);
    for text in [prose, code, base64, chinese] {
        for encoding in BOTH {
            assert_eq!(encoding.count(&text), reference(encoding, &text));
        }
    }
}

#[test]
fn a_cut_never_changes_the_count() {
    let text =
        "don't STOP 's 12345 a1b2 x\ty\n\n  z!? /\n/ é\u{301}t 東京。は '漢字' _under_ (par) 3.14\u{a0}end  ";
    for encoding in BOTH {
        let whole = reference(encoding, text);
        for cut in cuts(text) {
            let parts = reference(encoding, &text[..cut]) + reference(encoding, &text[cut..]);
            assert_eq!(parts, whole, "{encoding:?} at {:?}", &text[..cut]);
        }
    }
}

proptest! {
    #[test]
    fn cuts_are_exact_in_any_text(text in "[ a-zA-Z0-9'’.,!?/\\-_\n\r\t\u{a0}éß\u{301}東京は。，ア한ǅª²Ⅷ😀]{0,60}") {
        for encoding in BOTH {
            let whole = reference(encoding, &text);
            let mut from = 0;
            let mut parts = 0;
            for cut in cuts(&text).chain([text.len()]) {
                parts += reference(encoding, &text[from..cut]);
                from = cut;
            }
            prop_assert_eq!(parts, whole, "{:?}", encoding);
        }
    }
}
