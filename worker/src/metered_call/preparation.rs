//! Everything that is known before the reservation.

use super::model_cache::{Model, ModelCache};
use super::types::{Idempotency, NewCall};
use super::{CallError, Caller};
use crate::database::ReserveItem;
use crate::openai::{Endpoint, InputTokens, ParsedRequest, RequestError};

/// Text above this many bytes is tokenized on a blocking thread, so that it does not delay other calls.
const INLINE_TEXT_BYTES: usize = 65_536;

/// A call whose bounds are known.
pub(super) struct PreparedCall {
    pub caller: Caller,
    pub request: ParsedRequest,
    pub model: Model,
    pub input: InputTokens,
    pub reserve: ReserveItem,
    /// Largest response kept for later, bytes; none keeps nothing.
    pub keep_bytes: Option<usize>,
}

/// Looks up the model and bounds the input; spends nothing.
pub(super) async fn prepare(
    models: &ModelCache,
    call: NewCall,
    keep_bytes: Option<usize>,
) -> Result<PreparedCall, CallError> {
    let NewCall { request_id, caller, request, idempotency } = call;
    let model = models.find(&request.model).await.map_err(|error| {
        tracing::warn!(%error, "looking up a model failed");
        CallError::DatabaseUnavailable
    })?;
    let Some(model) = model else { return Err(CallError::ModelNotPriced { model: request.model }) };
    if !model.endpoints.contains(request.endpoint) {
        let (endpoint, endpoints) = (request.endpoint, model.endpoints);
        return Err(CallError::ModelElsewhere { endpoint, endpoints });
    }
    let (request, input) = bound_input(request, model).await?;
    let output_tokens = match request.endpoint {
        Endpoint::Embeddings => Some(0),
        Endpoint::ChatCompletions | Endpoint::Responses => request.wanted_output_tokens,
    };
    let (idempotency_key, body_hash) = match idempotency {
        Some(Idempotency { key, body_hash }) => (Some(key), Some(body_hash)),
        None => (None, None),
    };
    let reserve = ReserveItem {
        request_id,
        id_is_fresh: true,
        account_id: caller.account_id,
        api_key_id: caller.api_key_id,
        user_id: caller.user_id,
        model: request.model.clone(),
        endpoint: request.endpoint.as_str(),
        input_tokens: input.most,
        output_tokens,
        choices: request.choices,
        reasoning: request.reasoning,
        idempotency_key,
        body_hash,
    };
    Ok(PreparedCall { caller, request, model, input, reserve, keep_bytes })
}

async fn bound_input(
    request: ParsedRequest,
    model: Model,
) -> Result<(ParsedRequest, InputTokens), CallError> {
    let count = move |request: ParsedRequest| -> Result<(ParsedRequest, InputTokens), RequestError> {
        let input = request.input_tokens(model.encoding)?;
        Ok((request, input))
    };
    if request.text_bytes() <= INLINE_TEXT_BYTES {
        return Ok(count(request)?);
    }
    match tokio::task::spawn_blocking(move || count(request)).await {
        Ok(counted) => Ok(counted?),
        Err(error) => {
            tracing::error!(%error, "counting input tokens failed");
            Err(CallError::Interrupted)
        }
    }
}
