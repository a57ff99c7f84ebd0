//! What a request wishes of its answer: `[[output_tokens=57]]` anywhere in its text fixes a number.

use serde::{Deserialize, Serialize};

/// Fixed numbers for an answer. What is `None` follows from the request.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wishes {
    /// Output of each choice, reasoning included, if the request's own limit allows it.
    pub output_tokens: Option<u64>,
    /// Reasoning inside the output of each choice.
    pub reasoning_tokens: Option<u64>,
    /// Input served from the prompt cache.
    pub cached_tokens: Option<u64>,
    /// Input written to the prompt cache.
    pub cache_write_tokens: Option<u64>,
    /// Of these, input to be kept for twelve hours.
    pub cache_write_12h_tokens: Option<u64>,
    /// Audio inside the output of each choice.
    pub audio_tokens: Option<u64>,
    /// Audio inside the input.
    pub audio_input_tokens: Option<u64>,
}

impl Wishes {
    /// The wishes written in a request's raw body.
    pub fn in_body(body: &[u8]) -> Self {
        let mut wishes = Self::default();
        for (name, number) in marks(body) {
            let slot = match name {
                b"output_tokens" => &mut wishes.output_tokens,
                b"reasoning_tokens" => &mut wishes.reasoning_tokens,
                b"cached_tokens" => &mut wishes.cached_tokens,
                b"cache_write_tokens" => &mut wishes.cache_write_tokens,
                b"cache_write_12h_tokens" => &mut wishes.cache_write_12h_tokens,
                b"audio_tokens" => &mut wishes.audio_tokens,
                b"audio_input_tokens" => &mut wishes.audio_input_tokens,
                _ => continue,
            };
            *slot = Some(number);
        }
        wishes
    }

    /// These wishes, completed by `others` where they say nothing.
    pub fn or(self, others: Self) -> Self {
        Self {
            output_tokens: self.output_tokens.or(others.output_tokens),
            reasoning_tokens: self.reasoning_tokens.or(others.reasoning_tokens),
            cached_tokens: self.cached_tokens.or(others.cached_tokens),
            cache_write_tokens: self.cache_write_tokens.or(others.cache_write_tokens),
            cache_write_12h_tokens: self.cache_write_12h_tokens.or(others.cache_write_12h_tokens),
            audio_tokens: self.audio_tokens.or(others.audio_tokens),
            audio_input_tokens: self.audio_input_tokens.or(others.audio_input_tokens),
        }
    }
}

/// Every `[[name=number]]` in `body`, in order.
fn marks(body: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    body.windows(2).enumerate().filter(|(_, pair)| pair == b"[[").filter_map(|(at, _)| {
        let inside = body.get(at + 2..)?;
        let inside = inside.get(..inside.iter().take(64).position(|byte| *byte == b']')?)?;
        let equals = inside.iter().position(|byte| *byte == b'=')?;
        let number = std::str::from_utf8(inside.get(equals + 1..)?).ok()?.trim().parse().ok()?;
        Some((inside.get(..equals)?, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_stand_and_nonsense_is_left_alone() {
        let body =
            br#"{"a":"[[output_tokens=57]] hi [[reasoning_tokens= 20 ]] [[x=1]] [[cached_tokens=-1]] [["}"#;
        let found = Wishes::in_body(body);
        let expected = Wishes { output_tokens: Some(57), reasoning_tokens: Some(20), ..Wishes::default() };
        assert_eq!(found, expected);
    }
}
