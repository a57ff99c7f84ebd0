//! The allow-list of `POST /v1/embeddings`.

use serde_json::{Map, Value};

use super::error::RequestError;
use super::rules::{Check, Field, drop, keep, need};
use super::shared;
use super::taken::Taken;

/// Inputs in one request, as the provider has it.
const MAX_INPUTS: usize = 2048;

/// Token ids in one input. The provider's context is 8,192; it, not this, gives the precise error.
const MAX_TOKEN_IDS: usize = 100_000;

/// Above any vocabulary.
const TOKEN_ID: Check = Check::Integer(0, 1_000_000);

const TOKEN_IDS: Check = Check::List { max_items: MAX_TOKEN_IDS, item: &TOKEN_ID };

const INPUT: Check = Check::Either(&[
    Check::Text,
    Check::List { max_items: MAX_INPUTS, item: &Check::Text },
    TOKEN_IDS,
    Check::List { max_items: MAX_INPUTS, item: &TOKEN_IDS },
]);

/// Every field of a request.
pub(super) const FIELDS: &[Field] = &[
    need("model", Check::Name),
    need("input", INPUT),
    keep("dimensions", Check::Integer(1, 100_000)),
    keep("encoding_format", Check::OneOf(&["float", "base64"])),
    drop("user", shared::IDENTIFIER),
];

/// Reads nothing but refuses empty inputs, which the provider refuses too and which would hold nothing.
pub(super) fn take(body: &Map<String, Value>) -> Result<Taken, RequestError> {
    let empty = |value: &Value| match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let input = body.get("input");
    let inner_empty = input.and_then(Value::as_array).is_some_and(|items| items.iter().any(empty));
    if inner_empty || input.is_some_and(empty) {
        return Err(RequestError::InvalidValue {
            param: "input".to_owned(),
            message: "expected no empty text and no empty array".to_owned(),
        });
    }
    Ok(Taken { choices: 1, wanted_output_tokens: Some(0), ..Taken::default() })
}
