//! Paths and methods.

use http::Method;

use super::errors::ApiError;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/responses/input_tokens`
    InputTokens,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{id}`
    Model(String),
}

impl Route {
    /// The route of a request line, or OpenAI's error for it.
    pub fn of(method: &Method, path: &str) -> Result<Self, ApiError> {
        let (route, expected) = match path.strip_prefix("/v1/") {
            Some("chat/completions") => (Self::Chat, Method::POST),
            Some("responses") => (Self::Responses, Method::POST),
            Some("responses/input_tokens") => (Self::InputTokens, Method::POST),
            Some("embeddings") => (Self::Embeddings, Method::POST),
            Some("models") => (Self::Models, Method::GET),
            Some(path) => match path.strip_prefix("models/") {
                Some(name) if !name.is_empty() => (Self::Model(name.to_owned()), Method::GET),
                _ => return Err(ApiError::unknown_url(method.as_str(), &format!("/v1/{path}"))),
            },
            None => return Err(ApiError::unknown_url(method.as_str(), path)),
        };
        if *method == expected { Ok(route) } else { Err(ApiError::wrong_method(method.as_str(), path)) }
    }

    /// The endpoint's name in the ledger and in fault plans.
    pub const fn endpoint(&self) -> &'static str {
        match self {
            Self::Chat => "chat.completions",
            Self::Responses => "responses",
            Self::InputTokens => "responses.input_tokens",
            Self::Embeddings => "embeddings",
            Self::Models | Self::Model(_) => "models",
        }
    }
}
