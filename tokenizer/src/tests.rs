#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tiktoken_rs::{cl100k_base_singleton, o200k_base_singleton};

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

// A million spaces overflow the stack of a backtracking tokenizer; a long word takes a naive one hours.
#[test]
fn hostile_megabytes_are_counted_in_seconds_and_never_below_their_tokens() {
    let size = 2_000_000;
    let units = [
        " ",
        "x",
        "\n",
        "/\n",
        "!",
        "\u{1F600}",
        "漢",
        "ǅ",
        "'",
        "1",
        "Aa",
        "\u{301}",
        " \u{a0}",
        "AB\u{301}",
    ];
    for unit in units {
        for text in [
            unit.repeat(size / unit.len()),
            format!("{} ", unit.repeat(8_000 / unit.len())).repeat(size / 8_000),
        ] {
            let began = Instant::now();
            let tokens = Encoding::O200k.count(&text);
            assert!(began.elapsed() < Duration::from_secs(30), "{unit:?}: {:?}", began.elapsed());
            let sample = reference(Encoding::O200k, &unit.repeat(4_000 / unit.len()));
            assert!(tokens >= sample * 400, "{unit:?}: {tokens}");
            assert!(tokens <= text.len() as u64);
        }
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
fn every_token_of_the_vocabularies_is_counted_as_the_reference_does() {
    for (encoding, tokenizer) in
        [(Encoding::O200k, o200k_base_singleton()), (Encoding::Cl100k, cl100k_base_singleton())]
    {
        for rank in (0..100_256).step_by(23) {
            let bytes = tokenizer.decode_bytes(&[rank]).unwrap();
            if let Ok(text) = String::from_utf8(bytes) {
                for text in [text.clone(), format!("a{text}"), format!("{text}b"), text.repeat(2)] {
                    assert_eq!(encoding.count(&text), reference(encoding, &text), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn long_pieces_up_to_the_limit_are_counted_exactly() {
    for unit in ["x", "ab", "Zq", "=", "-+", "漢", "é", "\u{301}", " ", "AbC"] {
        for length in [63, 64, 65, 66, 127, 500, 4_000, MAX_PIECE_BYTES] {
            let text = unit.repeat(length / unit.len());
            for encoding in BOTH {
                assert_eq!(encoding.count(&text), reference(encoding, &text), "{unit:?} × {length}");
            }
        }
    }
}

#[test]
fn a_piece_beyond_the_limit_counts_its_bytes() {
    let text = "x".repeat(MAX_PIECE_BYTES + 1);
    assert_eq!(Encoding::O200k.count(&text), text.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn text_made_of_turning_points_is_counted_exactly(
        text in "[ a-zA-Z0-9'’.,!?/\\-_\n\r\t\u{a0}\u{2028}éßſKǅªʰ²Ⅷ\u{301}\u{93e}東京は。，ア한😀]{0,60}",
    ) {
        for encoding in BOTH {
            prop_assert_eq!(encoding.count(&text), reference(encoding, &text), "{:?}", encoding);
        }
    }

    #[test]
    fn any_text_is_counted_exactly(text in "\\PC{0,200}", tail in any::<String>()) {
        let text = text + &tail;
        for encoding in BOTH {
            prop_assert_eq!(encoding.count(&text), reference(encoding, &text), "{:?}", encoding);
        }
    }

    #[test]
    fn contractions_and_white_space_are_counted_exactly(
        text in prop::collection::vec(
            prop::sample::select(vec!["'s", "'S", "'ll", "'lL", "'re", "'Ve", "'t", "'ſ", "'x", "'", "a", "B", " ", "  ", "\n", "\r\n", "\t", "/", "1"]),
            0..24,
        ).prop_map(|parts| parts.concat()),
    ) {
        for encoding in BOTH {
            prop_assert_eq!(encoding.count(&text), reference(encoding, &text), "{:?}", encoding);
        }
    }
}
