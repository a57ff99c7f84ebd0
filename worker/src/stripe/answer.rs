//! What an answer of Stripe's means, by its status and its error object.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::error::StripeError;
use super::retry::{Failed, TIMED_OUT};

/// Largest answer that is read, in bytes: a page of 100 invoices with their lines is a few hundred thousand.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest text of a code that is kept, in bytes.
const CODE_BYTES_MAX: usize = 100;
/// Longest sentence that is kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 400;

/// <https://docs.stripe.com/api/errors>
#[derive(Deserialize)]
struct Envelope {
    error: ErrorObject,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    #[serde(default)]
    message: String,
}

/// Why no answer came.
pub(super) fn broken(error: &reqwest::Error) -> Failed {
    let error = if error.is_connect() {
        StripeError::Unreachable
    } else if error.is_timeout() {
        StripeError::OutcomeUnknown { stage: TIMED_OUT }
    } else {
        StripeError::OutcomeUnknown { stage: "the connection broke" }
    };
    Failed { error, should_retry: None, replayed: false }
}

/// The body of a good answer, or what the bad one means.
pub(super) async fn read(response: Response) -> Result<Bytes, Failed> {
    let status = response.status().as_u16();
    let should_retry = header(response.headers(), "stripe-should-retry").and_then(|text| text.parse().ok());
    let replayed = header(response.headers(), "idempotent-replayed") == Some("true");
    let retry_after = header(response.headers(), RETRY_AFTER.as_str()).and_then(seconds);
    let failed = |error| Failed { error, should_retry, replayed };
    match status {
        200..=299 => body(response).await.map_err(failed),
        409 | 424 | 429 => Err(failed(StripeError::Busy { status, retry_after })),
        400..=499 => {
            let text = body(response).await.unwrap_or_default();
            Err(failed(refusal(status, &text)))
        }
        _ => Err(failed(StripeError::ServerError { status })),
    }
}

async fn body(mut response: Response) -> Result<Bytes, StripeError> {
    let mut whole = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if whole.len() + piece.len() <= ANSWER_BYTES_MAX => {
                whole.extend_from_slice(&piece)
            }
            Ok(Some(_)) => return Err(StripeError::Unreadable("it is too long".to_owned())),
            Ok(None) => return Ok(Bytes::from(whole)),
            Err(error) if error.is_timeout() => return Err(StripeError::OutcomeUnknown { stage: TIMED_OUT }),
            Err(_) => return Err(StripeError::OutcomeUnknown { stage: "the answer was cut off" }),
        }
    }
}

fn refusal(status: u16, body: &[u8]) -> StripeError {
    let told = serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.error);
    let code = told.as_ref().map_or_else(
        || "no_code".to_owned(),
        |error| error.code.clone().unwrap_or_else(|| error.kind.clone()),
    );
    let code = cut(&code, CODE_BYTES_MAX);
    if matches!(status, 401 | 403) {
        return StripeError::Denied { status, code };
    }
    let Some(error) = told else {
        let message = "no reason was given".to_owned();
        return StripeError::Refused { status, code, decline_code: None, param: None, message };
    };
    StripeError::Refused {
        status,
        code,
        decline_code: error.decline_code.map(|text| cut(&text, CODE_BYTES_MAX)),
        param: error.param.map(|text| cut(&text, CODE_BYTES_MAX)),
        message: cut(&error.message, MESSAGE_BYTES_MAX),
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Stripe sends seconds; a date would be from a proxy, and is not believed.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declined_card_keeps_its_reasons() {
        let body =
            br#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds",
            "message":"Your card has insufficient funds.","param":""}}"#;
        let StripeError::Refused { code, decline_code, message, .. } = refusal(402, body) else { panic!() };
        assert_eq!(code, "card_declined");
        assert_eq!(decline_code.as_deref(), Some("insufficient_funds"));
        assert_eq!(message, "Your card has insufficient funds.");
    }

    #[test]
    fn a_wrong_key_is_the_operators_matter() {
        let error = refusal(401, br#"{"error":{"type":"invalid_request_error","code":"api_key_expired"}}"#);
        assert_eq!(error, StripeError::Denied { status: 401, code: "api_key_expired".to_owned() });
    }

    #[test]
    fn whatever_stands_in_between_is_a_refusal_too() {
        let error = refusal(404, b"<html>not here</html>");
        assert!(error.is_missing());
        assert_eq!(error.code(), Some("no_code"));
    }

    #[test]
    fn errors_say_nothing_that_does_not_belong_in_a_log() {
        let body = br#"{"error":{"type":"invalid_request_error","message":"Invalid email: ada@example.com","param":"email"}}"#;
        assert!(!refusal(400, body).to_string().contains("ada"));
    }
}
