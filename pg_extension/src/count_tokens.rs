//! `count_tokens`: the tokens of a text, exactly, by OpenAI's own vocabularies.

use octroi_tokenizer::Encoding;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::VerbError;

/// Tokens of `text` in `encoding` (`o200k_base` or `cl100k_base`). Special-token markers count as plain text.
///
/// Raises 22023 for another encoding.
#[pg_extern(immutable, parallel_safe)]
fn count_tokens(encoding: &str, text: &str) -> Result<i64, ErrorReport> {
    let encoding =
        Encoding::from_name(encoding).ok_or_else(|| VerbError::UnknownEncoding(encoding.to_owned()))?;
    Ok(i64::try_from(encoding.count(text)).unwrap_or(i64::MAX))
}
