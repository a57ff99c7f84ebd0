//! `count_tokens`: the tokens of a text, exactly, by OpenAI's own vocabularies.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

use crate::error::VerbError;

/// Tokens of `text` in `encoding` (`o200k_base` or `cl100k_base`). Special-token markers count as plain text.
///
/// The first call in a backend loads the vocabulary, which takes a moment. Raises 22023 for another encoding.
#[pg_extern(immutable, parallel_safe)]
fn count_tokens(encoding: &str, text: &str) -> Result<i64, ErrorReport> {
    Ok(i64::try_from(vocabulary(encoding)?.encode_ordinary(text).len()).unwrap_or(i64::MAX))
}

fn vocabulary(encoding: &str) -> Result<&'static CoreBPE, VerbError> {
    match encoding {
        "o200k_base" => Ok(o200k_base_singleton()),
        "cl100k_base" => Ok(cl100k_base_singleton()),
        other => Err(VerbError::UnknownEncoding(other.to_owned())),
    }
}
