//! `POST /v1/embeddings`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::answer::Random;
use super::errors::ApiError;
use super::ledger::Pools;
use super::models::{Kind, MAX_EMBEDDING_INPUTS, Model};
use super::params::Params;
use super::script::Script;

const KNOWN: &[&str] = &["dimensions", "encoding_format", "input", "model", "user", "safety_identifier"];

/// One input: the bytes its vector follows from, and its length in tokens.
struct Input {
    seed: Vec<u8>,
    tokens: u64,
}

/// Answers an embeddings request.
pub fn answer(members: &Map<String, Value>) -> Result<Script, ApiError> {
    let params = Params::new(members, KNOWN)?;
    let model = params.model()?;
    let dimensions = dimensions(&params, model)?;
    let base64 = match params.text("encoding_format")? {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: 'float' and 'base64'.");
            return Err(ApiError::invalid(message, Some("encoding_format"), Some("invalid_value")));
        }
    };
    let inputs = inputs(&params, model)?;
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = vector(&input.seed, dimensions);
            let embedding = if base64 { json!(to_base64(&vector)) } else { json!(vector) };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens = inputs.iter().map(|input| input.tokens).sum();
    let body = json!({
        "object": "list",
        "data": data,
        "model": model.snapshot,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    });
    Ok(Script::plain(body, Pools { input_tokens: tokens, ..Pools::default() }))
}

fn dimensions(params: &Params<'_>, model: &Model) -> Result<usize, ApiError> {
    let Kind::Embedding { dimensions, shortens } = model.kind else {
        let message = "You are not allowed to generate embeddings from this model";
        return Err(ApiError::invalid(message, None, None));
    };
    match params.integer("dimensions", 1, dimensions as u64)? {
        Some(_) if !shortens => {
            let message = "This model does not support specifying dimensions.";
            Err(ApiError::invalid(message, Some("dimensions"), None))
        }
        Some(wanted) => Ok(usize::try_from(wanted).unwrap_or(dimensions)),
        None => Ok(dimensions),
    }
}

fn inputs(params: &Params<'_>, model: &Model) -> Result<Vec<Input>, ApiError> {
    let given = params.get("input").ok_or_else(|| ApiError::missing("input"))?;
    let inputs = match given {
        Value::Array(items) if items.first().is_some_and(Value::is_number) => vec![given],
        Value::Array(items) => items.iter().collect(),
        single => vec![single],
    };
    if inputs.is_empty() || inputs.len() > MAX_EMBEDDING_INPUTS {
        let message = format!("Invalid 'input': expected an array of 1 to {MAX_EMBEDDING_INPUTS} inputs.");
        return Err(ApiError::invalid(message, Some("input"), Some("invalid_value")));
    }
    inputs.into_iter().map(|value| input(value, model)).collect()
}

fn input(value: &Value, model: &Model) -> Result<Input, ApiError> {
    let wrong = || ApiError::wrong_type("input", "a string, or an array of strings or tokens");
    let input = match value {
        Value::String(text) => Input { seed: text.clone().into_bytes(), tokens: model.encoding.count(text) },
        Value::Array(tokens) if tokens.iter().all(Value::is_u64) => {
            Input { seed: value.to_string().into_bytes(), tokens: tokens.len() as u64 }
        }
        _ => return Err(wrong()),
    };
    if input.tokens == 0 {
        return Err(ApiError::invalid("Invalid 'input': it cannot be empty.", Some("input"), None));
    }
    if input.tokens > model.context_tokens {
        return Err(ApiError::context_length(model.context_tokens, input.tokens, "input"));
    }
    Ok(input)
}

/// A vector of length 1 that follows from `seed`.
fn vector(seed: &[u8], dimensions: usize) -> Vec<f32> {
    let mut random = Random::seeded(seed);
    let raw: Vec<f32> = (0..dimensions).map(|_| random.signed_unit()).collect();
    let norm = raw.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|value| value / norm).collect()
}

/// Little-endian 32-bit floats in base64, which is what the official packages ask for.
fn to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}
