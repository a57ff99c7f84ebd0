//! Reasoning that a client carries from turn to turn without being able to read it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use crate::openai::answer::Random;

/// What every sealed text of OpenAI's begins with.
const PREFIX: &str = "gAAAAA";
/// Sealed bytes for each token of reasoning; the letters are a third more.
const BYTES_PER_TOKEN: usize = 4;
const COUNT_BYTES: usize = size_of::<u64>();

/// Seals `tokens` of reasoning. `seed` makes two seals of the same length differ.
pub fn seal(tokens: u64, seed: &str) -> String {
    let mut random = Random::seeded(seed.as_bytes());
    let mut sealed = tokens.to_be_bytes().to_vec();
    sealed.extend((0..tokens as usize * BYTES_PER_TOKEN).map(|_| random.below(256) as u8));
    format!("{PREFIX}{}", URL_SAFE.encode(sealed))
}

/// The tokens of reasoning in it; nothing if the stand-in has not sealed it, or somebody has cut it since.
pub fn open(sealed: &str) -> Option<u64> {
    let bytes = URL_SAFE.decode(sealed.strip_prefix(PREFIX)?).ok()?;
    let (count, filler) = bytes.split_at_checked(COUNT_BYTES)?;
    let tokens = u64::from_be_bytes(count.try_into().ok()?);
    (filler.len() as u64 == tokens.checked_mul(BYTES_PER_TOKEN as u64)?).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let sealed = seal(64, "rs_1");
        assert_eq!(open(&sealed), Some(64));
        assert_ne!(sealed, seal(64, "rs_2"));
        assert_eq!(open(&sealed[..sealed.len() - 8]), None);
        assert_eq!(open("gAAAA"), None);
    }
}
