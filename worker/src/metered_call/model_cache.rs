//! What each model can take and give, remembered for a moment.

use std::time::Duration;

use moka::future::Cache;

use crate::database::{Database, DatabaseError};
use crate::openai::{Encoding, EndpointSet};

/// Models remembered; names come from clients, so unknown ones count too.
const MAX_MODELS: u64 = 1_024;
/// How long a model is remembered, seconds. Prices and permissions are judged by `reserve` at every call.
const MODEL_TTL_SECONDS: u64 = 10;
/// Longest model name looked up, bytes.
const MAX_NAME_BYTES: usize = 256;

/// The facts of a model that a reservation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Its tokenizer.
    pub encoding: Encoding,
    /// Where it answers.
    pub endpoints: EndpointSet,
    /// Most input tokens, for the refusal of more.
    pub max_input_tokens: Option<u64>,
}

/// The models of the price list, by name.
#[derive(Clone)]
pub struct ModelCache {
    database: Database,
    models: Cache<String, Option<Model>>,
}

impl ModelCache {
    /// An empty cache over `database`.
    pub fn new(database: Database) -> Self {
        let models = Cache::builder()
            .max_capacity(MAX_MODELS)
            .time_to_live(Duration::from_secs(MODEL_TTL_SECONDS))
            .build();
        Self { database, models }
    }

    /// The model of this name; none if it is not priced or its tokenizer is not known to this build.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn find(&self, name: &str) -> Result<Option<Model>, DatabaseError> {
        if name.len() > MAX_NAME_BYTES {
            return Ok(None);
        }
        if let Some(known) = self.models.get(name).await {
            return Ok(known);
        }
        let limits = self.database.model_limits(name).await?;
        let model = limits.and_then(|limits| {
            Some(Model {
                encoding: Encoding::from_name(&limits.encoding)?,
                endpoints: EndpointSet::from_names(&limits.endpoints),
                max_input_tokens: limits.max_input_tokens,
            })
        });
        self.models.insert(name.to_owned(), model).await;
        Ok(model)
    }
}
