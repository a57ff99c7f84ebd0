//! Refusals in Stripe's envelope and with Stripe's types and codes.

use http::StatusCode;
use serde_json::{Value, json};

/// One refusal: its HTTP status and the members of Stripe's error object.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// `invalid_request_error`, `card_error`, `idempotency_error` or `api_error`.
    pub kind: &'static str,
    /// The exact error, where Stripe has a code for it.
    pub code: Option<String>,
    /// The sentence for the developer.
    pub message: String,
    /// The parameter at fault.
    pub param: Option<String>,
    /// Why the card's issuer said no.
    pub decline_code: Option<String>,
    /// The payment intent of a card error.
    pub payment_intent: Option<Value>,
    /// Whether the answer is kept under the request's idempotency key: it is once the endpoint has begun to work.
    pub kept: bool,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: code.map(str::to_owned),
            message: message.into(),
            param: None,
            decline_code: None,
            payment_intent: None,
            kept: false,
        }
    }

    /// A refusal of the request's parameters, status 400.
    pub fn parameter(code: &str, param: &str, message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", Some(code), message);
        Self { param: Some(param.to_owned()), ..error }
    }

    /// A parameter that must be there and is not.
    pub fn missing(param: &str) -> Self {
        Self::parameter("parameter_missing", param, format!("Missing required param: {param}."))
    }

    /// A parameter the endpoint does not know, or that the stand-in does not model.
    pub fn unknown(param: &str) -> Self {
        Self::parameter("parameter_unknown", param, format!("Received unknown parameter: {param}"))
    }

    /// A value that is not one of those allowed.
    pub fn not_one_of(param: &str, allowed: &[&str]) -> Self {
        let message = format!("Invalid {param}: must be one of {}", allowed.join(", "));
        Self { code: None, ..Self::parameter("", param, message) }
    }

    /// A value of another type than the parameter's.
    pub fn wrong_type(param: &str, expected: &str, given: &str) -> Self {
        let code = if expected == "integer" { Some("parameter_invalid_integer") } else { None };
        let message = format!("Invalid {expected}: {given}");
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message);
        Self { param: Some(param.to_owned()), ..error }
    }

    /// What is asked for is well formed, and still cannot be done; status 400.
    pub fn impossible(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, message);
        Self { kept: true, ..error }
    }

    /// The same with a code.
    pub fn impossible_because(code: &str, message: impl Into<String>) -> Self {
        Self { code: Some(code.to_owned()), ..Self::impossible(message) }
    }

    /// No object of that id, status 404 when it is the request's own and 400 when a parameter names it.
    pub fn no_such(kind: &str, id: &str, param: Option<&str>) -> Self {
        let status = if param.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
        let message = format!("No such {kind}: '{id}'");
        let error = Self::new(status, "invalid_request_error", Some("resource_missing"), message);
        Self { param: Some(param.unwrap_or("id").to_owned()), ..error }
    }

    /// No such path, status 404.
    pub fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}). The stand-in does not have it.");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", None, message)
    }

    /// No key was sent, status 401.
    pub fn no_key() -> Self {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization \
                       header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", None, message)
    }

    /// Not the stand-in's key, status 401.
    pub fn wrong_key() -> Self {
        let message = "Invalid API Key provided.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", Some("api_key_invalid"), message)
    }

    /// Another API version than the pinned one, status 400.
    pub fn wrong_version(given: &str) -> Self {
        let message = format!("Invalid Stripe API version: {given}. The stand-in speaks {}.", super::VERSION);
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, message)
    }

    /// The key was used before with other parameters, status 400.
    pub fn other_parameters(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. \
             Try using a key other than '{key}' if you meant to execute a different request."
        );
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", None, message)
    }

    /// The key belongs to a request that is not answered yet, status 409.
    pub fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. Please try again later."
        );
        Self::new(StatusCode::CONFLICT, "idempotency_error", Some("idempotency_key_in_use"), message)
    }

    /// Too many requests, status 429.
    pub fn rate_limit() -> Self {
        let message = "Request rate limit exceeded. Learn more about rate limits at https://docs.stripe.com/rate-limits.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", Some("rate_limit"), message)
    }

    /// The issuer declined the card, status 402.
    pub fn declined(decline_code: &str, payment_intent: Option<Value>) -> Self {
        let message = if decline_code == "insufficient_funds" {
            "Your card has insufficient funds."
        } else {
            "Your card was declined."
        };
        let error = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", Some("card_declined"), message);
        Self { decline_code: Some(decline_code.to_owned()), payment_intent, kept: true, ..error }
    }

    /// The error Stripe gives with `status`, as a fault plans it.
    pub fn of_status(status: u16, code: Option<&str>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (kind, usual, message) = match status.as_u16() {
            429 => {
                return Self {
                    code: code.map(str::to_owned).or(Self::rate_limit().code),
                    ..Self::rate_limit()
                };
            }
            409 => (
                "invalid_request_error",
                Some("lock_timeout"),
                "This object cannot be accessed right now because another API request or Stripe process is \
                 currently accessing it.",
            ),
            401 => return Self::wrong_key(),
            402 => return Self::declined("generic_decline", None),
            404 => ("invalid_request_error", Some("resource_missing"), "No such object"),
            500.. => ("api_error", None, "An unknown error occurred"),
            _ => ("invalid_request_error", None, "The request was refused"),
        };
        Self::new(status, kind, code.or(usual), message)
    }

    /// The body as Stripe sends it.
    pub fn body(&self, request_id: &str) -> Value {
        let mut error = json!({ "message": self.message, "type": self.kind });
        let optional = [
            ("code", self.code.as_ref().map(|code| json!(code))),
            (
                "doc_url",
                self.code.as_ref().map(|code| json!(format!("https://stripe.com/docs/error-codes/{code}"))),
            ),
            ("param", self.param.as_ref().map(|param| json!(param))),
            ("decline_code", self.decline_code.as_ref().map(|code| json!(code))),
            ("payment_intent", self.payment_intent.clone()),
            ("request_log_url", Some(json!(format!("https://dashboard.stripe.com/test/logs/{request_id}")))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                error[name] = value;
            }
        }
        json!({ "error": error })
    }
}
