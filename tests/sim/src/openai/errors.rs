//! Refusals in OpenAI's envelope and with OpenAI's words.

use http::StatusCode;
use serde_json::{Value, json};

/// One refusal: its HTTP status and the four members of OpenAI's error object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The sentence for the developer.
    pub message: String,
    /// The family of the error.
    pub kind: &'static str,
    /// The request member at fault.
    pub param: Option<String>,
    /// The exact error.
    pub code: Option<String>,
    /// The value of a `Retry-After` header, in seconds.
    pub retry_after_seconds: Option<u64>,
}

impl ApiError {
    /// A refusal of the request's content, status 400.
    pub fn invalid(message: impl Into<String>, param: Option<&str>, code: Option<&str>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
            kind: "invalid_request_error",
            param: param.map(str::to_owned),
            code: code.map(str::to_owned),
            retry_after_seconds: None,
        }
    }

    /// A parameter that must be there and is not.
    pub fn missing(param: &str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self::invalid(message, Some(param), Some("missing_required_parameter"))
    }

    /// A parameter of the wrong JSON type.
    pub fn wrong_type(param: &str, expected: &str) -> Self {
        let message = format!("Invalid type for '{param}': expected {expected}.");
        Self::invalid(message, Some(param), Some("invalid_type"))
    }

    /// A parameter the endpoint does not know.
    pub fn unknown_parameter(param: &str) -> Self {
        let message = format!("Unknown parameter: '{param}'.");
        Self::invalid(message, Some(param), Some("unknown_parameter"))
    }

    /// No such model, status 404.
    pub fn model_not_found(name: &str) -> Self {
        let message = format!("The model `{name}` does not exist or you do not have access to it.");
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(message, None, Some("model_not_found")) }
    }

    /// More input than the model's context holds.
    pub fn context_length(limit: u64, given: u64, param: &str) -> Self {
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your messages resulted in \
             {given} tokens. Please reduce the length of the messages."
        );
        Self::invalid(message, Some(param), Some("context_length_exceeded"))
    }

    /// Sealed reasoning that the provider has not sealed.
    pub fn invalid_encrypted_content(sealed: &str) -> Self {
        let shown: String = sealed.chars().take(8).collect();
        let message = format!(
            "The encrypted content {shown}... could not be verified. Reason: Encrypted content could not be \
             decrypted or parsed."
        );
        Self::invalid(message, None, Some("invalid_encrypted_content"))
    }

    /// No key was sent, status 401.
    pub fn no_key() -> Self {
        let message = "You didn't provide an API key. You need to provide your API key in an Authorization \
                       header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
        Self { status: StatusCode::UNAUTHORIZED, ..Self::invalid(message, None, None) }
    }

    /// Not a key the stand-in accepts, status 401.
    pub fn wrong_key() -> Self {
        let message = "Incorrect API key provided. You can find your API key at \
                       https://platform.openai.com/account/api-keys.";
        Self { status: StatusCode::UNAUTHORIZED, ..Self::invalid(message, None, Some("invalid_api_key")) }
    }

    /// No such path, status 404.
    pub fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("Invalid URL ({method} {path})");
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(message, None, None) }
    }

    /// The path exists, but not for this method, status 405.
    pub fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!(
            "Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"
        );
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            ..Self::invalid(message, None, Some("method_not_supported"))
        }
    }

    /// Not JSON by its own declaration, status 415.
    pub fn wrong_content_type(given: &str) -> Self {
        let message = format!(
            "Unsupported content type: '{given}'. This API method only accepts 'application/json' requests."
        );
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..Self::invalid(message, None, Some("unsupported_content_type"))
        }
    }

    /// A body over the stand-in's limit, status 413.
    pub fn too_large() -> Self {
        let message = "The request body is larger than the limit of this API.";
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, ..Self::invalid(message, None, None) }
    }

    /// The body as OpenAI sends it.
    pub fn body(&self) -> Value {
        json!({ "error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        } })
    }
}
