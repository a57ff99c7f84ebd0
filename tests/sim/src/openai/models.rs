//! The models the stand-in serves, with the limits that OpenAI publishes for each family.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::tokens::Encoding;

/// Largest number of inputs in one embeddings request.
pub const MAX_EMBEDDING_INPUTS: usize = 2048;
/// When the listed models were made, in Unix seconds; OpenAI's differ, and nothing depends on them.
const CREATED_AT_UNIX_SECONDS: i64 = 1_715_367_049;

/// What a model does and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers in text.
    Text {
        /// Thinks before it answers, and bills the thinking as output.
        reasoning: bool,
        /// Largest output in tokens, reasoning included.
        max_output_tokens: u64,
    },
    /// Turns text into vectors.
    Embedding {
        /// Length of the vector.
        dimensions: usize,
        /// Whether a request may ask for shorter vectors.
        shortens: bool,
    },
}

/// One model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name that requests use.
    pub alias: &'static str,
    /// The dated name that answers carry.
    pub snapshot: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Largest input and output together, in tokens.
    pub context_tokens: u64,
    /// How its text is cut into tokens.
    pub encoding: Encoding,
    /// Whether it thinks when nobody says how much.
    pub thinks_unasked: bool,
}

impl Model {
    /// A model that can think, and does not unless it is asked to.
    const fn quiet(self) -> Self {
        Self { thinks_unasked: false, ..self }
    }
}

const fn text(
    names: (&'static str, &'static str),
    context_tokens: u64,
    max_output_tokens: u64,
    reasoning: bool,
) -> Model {
    let (alias, snapshot) = names;
    Model {
        alias,
        snapshot,
        kind: Kind::Text { reasoning, max_output_tokens },
        context_tokens,
        encoding: Encoding::O200k,
        thinks_unasked: reasoning,
    }
}

const fn embedding(alias: &'static str, dimensions: usize, shortens: bool) -> Model {
    let kind = Kind::Embedding { dimensions, shortens };
    Model {
        alias,
        snapshot: alias,
        kind,
        context_tokens: 8192,
        encoding: Encoding::Cl100k,
        thinks_unasked: false,
    }
}

const MODELS: &[Model] = &[
    text(("gpt-6.2-sol", "gpt-6.2-sol"), 1_050_000, 128_000, true),
    text(("gpt-6.1-sol", "gpt-6.1-sol"), 1_050_000, 128_000, true),
    text(("gpt-6.1-terra", "gpt-6.1-terra"), 1_050_000, 128_000, true),
    text(("gpt-6-sol", "gpt-6-sol"), 1_050_000, 128_000, true),
    text(("gpt-6-luna", "gpt-6-luna"), 1_050_000, 128_000, true),
    text(("gpt-6.2-astra", "gpt-6.2-astra"), 1_050_000, 128_000, true),
    text(("gpt-6-astra", "gpt-6-astra"), 1_050_000, 128_000, true),
    text(("gpt-5.6", "gpt-5.6"), 1_050_000, 128_000, true),
    text(("gpt-5.6-sol", "gpt-5.6-sol"), 1_050_000, 128_000, true),
    text(("gpt-5.6-terra", "gpt-5.6-terra"), 1_050_000, 128_000, true),
    text(("gpt-5.6-luna", "gpt-5.6-luna"), 1_050_000, 128_000, true),
    text(("gpt-5.5", "gpt-5.5-2026-04-23"), 1_050_000, 128_000, true),
    text(("gpt-5.5-pro", "gpt-5.5-pro-2026-04-23"), 1_050_000, 128_000, true),
    text(("gpt-5.4", "gpt-5.4-2026-03-05"), 1_050_000, 128_000, true).quiet(),
    text(("gpt-5.4-pro", "gpt-5.4-pro-2026-03-05"), 1_050_000, 128_000, true),
    text(("gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"), 400_000, 128_000, true).quiet(),
    text(("gpt-5.4-nano", "gpt-5.4-nano-2026-03-17"), 400_000, 128_000, true).quiet(),
    text(("gpt-5.3-codex", "gpt-5.3-codex"), 400_000, 128_000, true),
    text(("gpt-5.2", "gpt-5.2-2025-12-11"), 400_000, 128_000, true).quiet(),
    text(("gpt-5.2-pro", "gpt-5.2-pro-2025-12-11"), 400_000, 128_000, true),
    text(("gpt-5.1", "gpt-5.1-2025-11-13"), 400_000, 128_000, true).quiet(),
    text(("chat-latest", "chat-latest"), 400_000, 128_000, true),
    text(("gpt-5", "gpt-5-2025-08-07"), 400_000, 128_000, true),
    text(("gpt-5-pro", "gpt-5-pro-2025-10-06"), 400_000, 272_000, true),
    text(("gpt-5-mini", "gpt-5-mini-2025-08-07"), 400_000, 128_000, true),
    text(("gpt-5-nano", "gpt-5-nano-2025-08-07"), 400_000, 128_000, true),
    text(("gpt-4.1", "gpt-4.1-2025-04-14"), 1_047_576, 32_768, false),
    text(("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"), 1_047_576, 32_768, false),
    text(("o3", "o3-2025-04-16"), 200_000, 100_000, true),
    text(("o3-pro", "o3-pro-2025-06-10"), 200_000, 100_000, true),
    text(("gpt-4o", "gpt-4o-2024-08-06"), 128_000, 16_384, false),
    text(("gpt-4o-2024-11-20", "gpt-4o-2024-11-20"), 128_000, 16_384, false),
    text(("gpt-4o-mini", "gpt-4o-mini-2024-07-18"), 128_000, 16_384, false),
    text(("gpt-audio-mini", "gpt-audio-mini-2025-12-15"), 128_000, 16_384, false),
    embedding("text-embedding-3-small", 1536, true),
    embedding("text-embedding-3-large", 3072, true),
    embedding("text-embedding-ada-002", 1536, false),
];

/// The model of this alias or dated name.
pub fn find(name: &str) -> Result<&'static Model, ApiError> {
    MODELS
        .iter()
        .find(|model| model.alias == name || model.snapshot == name)
        .ok_or_else(|| ApiError::model_not_found(name))
}

/// The answer of `GET /v1/models`.
pub fn list() -> Value {
    json!({ "object": "list", "data": names().map(card).collect::<Vec<_>>() })
}

/// The answer of `GET /v1/models/{id}`.
pub fn get(name: &str) -> Result<Value, ApiError> {
    find(name).map(|_| card(name))
}

fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().flat_map(|model| {
        let dated = (model.snapshot != model.alias).then_some(model.snapshot);
        std::iter::once(model.alias).chain(dated)
    })
}

fn card(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": CREATED_AT_UNIX_SECONDS, "owned_by": "system" })
}
