//! The errors as clients see them: the table of docs/errors.md, row by row.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::to_bytes;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::database::{
    LimitMeter, LimitPeriod, LimitScope, LimitSetter, LimitStanding, PurchasePages, Refusal, RefusalReason,
    ReplayState,
};
use crate::meter::MeterError;
use crate::metered_call::CallError;

mod quota;

const UPGRADE_URL: &str = "https://app.example/upgrade";
const TOP_UP_URL: &str = "https://app.example/packs";

fn standing() -> LimitStanding {
    LimitStanding {
        scope: LimitScope::Account,
        meter: LimitMeter::Tokens,
        period: LimitPeriod::Month,
        granted: 50_000,
        used: 49_000,
        reserved: 900,
        remaining: 100,
        period_start: Some(datetime!(2026-11-01 00:00 UTC)),
        resets_at: Some(datetime!(2026-12-01 00:00:00.5 UTC)),
        plan: Some("free".to_owned()),
        set_by: LimitSetter::Plan,
    }
}

fn refused(reason: RefusalReason, standing: Option<LimitStanding>) -> GatewayError {
    let retry_after_seconds = Some(691_200);
    let refusal =
        Refusal { request_id: Uuid::nil(), reason, standing, needed: Some(1_040), retry_after_seconds };
    let error = CallError::Refused {
        refusal: Box::new(refusal),
        model: "gpt-5".to_owned(),
        input_tokens: 280_000,
        max_input_tokens: Some(272_000),
    };
    let pages =
        PurchasePages { upgrade_url: Some(Arc::from(UPGRADE_URL)), top_up_url: Some(Arc::from(TOP_UP_URL)) };
    GatewayError::from_call(error, &pages)
}

/// `status type/code x-should-retry Retry-After`, with `-` for what is not there.
fn line(error: GatewayError) -> String {
    let response = error.clone().into_response();
    let header = |name: &str| {
        response.headers().get(name).map_or("-".to_owned(), |value| value.to_str().unwrap().to_owned())
    };
    let body = serde_json::to_value(error.body()).unwrap();
    let text = |key: &str| body["error"][key].as_str().unwrap_or("-").to_owned();
    format!(
        "{} {}/{} {} {}",
        error.status().as_u16(),
        text("type"),
        text("code"),
        header("x-should-retry"),
        header("retry-after")
    )
}

#[test]
fn refusals_of_reserve_are_told_as_the_table_says() {
    let rows = [
        (RefusalReason::QuotaExceeded, "429 insufficient_quota/quota_exceeded false -"),
        (RefusalReason::MemberBudgetReached, "429 insufficient_quota/member_budget_reached false -"),
        (RefusalReason::KeyBudgetReached, "429 insufficient_quota/key_budget_reached false -"),
        (RefusalReason::ModelBudgetReached, "429 insufficient_quota/model_budget_reached false -"),
        (RefusalReason::SpendCapReached, "429 insufficient_quota/spend_cap_reached false -"),
        (RefusalReason::NoPlan, "402 billing_required/no_plan false -"),
        (RefusalReason::NoSeat, "403 invalid_request_error/no_seat - -"),
        (RefusalReason::AccountSuspended, "403 invalid_request_error/account_suspended - -"),
        (RefusalReason::KeyRevoked, "401 invalid_request_error/invalid_api_key - -"),
        (RefusalReason::KeyExpired, "401 invalid_request_error/expired_api_key - -"),
        (RefusalReason::NotAMember, "403 invalid_request_error/not_a_member - -"),
        (RefusalReason::ModelNotPriced, "404 invalid_request_error/model_not_found - -"),
        (RefusalReason::ModelNotAllowed, "403 invalid_request_error/model_not_allowed - -"),
        (RefusalReason::InputTooLong, "400 invalid_request_error/context_length_exceeded - -"),
        (RefusalReason::IdempotencyMismatch, "409 idempotency_error/idempotency_key_reused false -"),
        (RefusalReason::Other, "403 invalid_request_error/refused - -"),
    ];
    for (reason, expected) in rows {
        assert_eq!(line(refused(reason, Some(standing()))), expected, "{reason:?}");
    }
}

#[test]
fn failures_of_a_call_are_told_as_the_table_says() {
    let handed_on = crate::openai::upstream_error::HandedOn {
        message: "Bad image.".to_owned(),
        param: Some("messages".to_owned()),
        code: Some("invalid_image".to_owned()),
    };
    let rows = [
        (
            CallError::NotMetered(MeterError::Unavailable),
            "503 metering_unavailable/metering_unavailable true 5",
        ),
        (CallError::NotMetered(MeterError::Overloaded), "503 server_error/server_busy true 1"),
        (CallError::NotMetered(MeterError::Closed), "503 server_error/shutting_down true 5"),
        (CallError::DatabaseUnavailable, "503 metering_unavailable/metering_unavailable true 5"),
        (CallError::NotSettled, "503 metering_unavailable/usage_not_recorded false -"),
        (
            CallError::NotAccepted { retry_after: None },
            "503 upstream_unavailable/upstream_unavailable true 5",
        ),
        (
            CallError::NotAccepted { retry_after: Some(Duration::from_secs(17)) },
            "503 upstream_unavailable/upstream_unavailable true 17",
        ),
        (CallError::OutcomeUnknown, "502 upstream_unavailable/upstream_outcome_unknown false -"),
        (CallError::RequestRefused { status: 400, handed_on }, "400 invalid_request_error/invalid_image - -"),
        (CallError::Repeats { state: ReplayState::Open }, "409 idempotency_error/request_in_progress true 2"),
        (
            CallError::Repeats { state: ReplayState::Settled },
            "409 idempotency_error/response_not_kept false -",
        ),
        (
            CallError::Repeats { state: ReplayState::Expired },
            "409 idempotency_error/response_not_kept false -",
        ),
        (
            CallError::ModelNotPriced { model: "x".to_owned() },
            "404 invalid_request_error/model_not_found - -",
        ),
        (
            CallError::ModelElsewhere { endpoint: Endpoint::ChatCompletions, endpoints: EndpointSet::ALL },
            "404 invalid_request_error/model_not_found - -",
        ),
        (CallError::Interrupted, "500 server_error/internal_error - -"),
    ];
    for (error, expected) in rows {
        assert_eq!(line(GatewayError::from_call(error, &PurchasePages::default())), expected);
    }
}

#[test]
fn failures_before_a_call_are_told_as_the_table_says() {
    let rows = [
        (GatewayError::MissingCredentials, "401 invalid_request_error/invalid_api_key - -"),
        (GatewayError::InvalidCredentials, "401 invalid_request_error/invalid_api_key - -"),
        (GatewayError::ExpiredCredentials, "401 invalid_request_error/expired_api_key - -"),
        (GatewayError::Header { name: "x", message: "y" }, "400 invalid_request_error/invalid_header - -"),
        (GatewayError::BodyInterrupted, "400 invalid_request_error/body_interrupted - -"),
        (GatewayError::BodyTimeout, "408 invalid_request_error/body_timeout - -"),
        (GatewayError::BodyTooLarge { max_bytes: 9 }, "413 invalid_request_error/body_too_large - -"),
        (GatewayError::ContentType, "415 invalid_request_error/unsupported_content_type - -"),
        (GatewayError::ContentEncoding, "415 invalid_request_error/unsupported_content_encoding - -"),
        (GatewayError::UnknownPath, "404 invalid_request_error/unknown_url - -"),
        (
            GatewayError::ModelNotFound { model: "x".to_owned() },
            "404 invalid_request_error/model_not_found - -",
        ),
        (
            GatewayError::MethodNotAllowed { allowed: "POST" },
            "405 invalid_request_error/method_not_allowed - -",
        ),
        (GatewayError::Concurrency { limit: 4 }, "429 rate_limit_exceeded/concurrency true 1"),
        (GatewayError::Busy, "503 server_error/server_busy true 1"),
        (GatewayError::Draining, "503 server_error/shutting_down true 5"),
        (GatewayError::AuthUnavailable, "503 server_error/auth_unavailable true 5"),
    ];
    for (error, expected) in rows {
        assert_eq!(line(error.clone()), expected, "{error:?}");
    }
}

#[test]
fn a_model_that_answers_elsewhere_is_told_with_where() {
    let endpoints = EndpointSet::from_names(&["responses"]);
    let error = GatewayError::ModelElsewhere { endpoint: Endpoint::ChatCompletions, endpoints };
    let body = serde_json::to_value(error.body()).unwrap();
    assert_eq!(
        body["error"]["message"],
        "This model is only supported in /v1/responses and not in /v1/chat/completions."
    );
    assert_eq!(body["error"]["param"], "model");
}

#[test]
fn a_refusal_says_what_would_be_taken() {
    let message = |error: GatewayError| {
        serde_json::to_value(error.body()).unwrap()["error"]["message"].as_str().unwrap().to_owned()
    };
    let long = message(refused(RefusalReason::InputTooLong, None));
    assert!(long.starts_with("This model's maximum context length is 272000 tokens"), "{long}");
    assert!(long.contains("280000 tokens") && long.contains("`gpt-5`"), "{long}");
    let method = message(GatewayError::MethodNotAllowed { allowed: "GET and POST" });
    assert_eq!(method, "This URL takes GET and POST and no other method.");
}

#[test]
fn every_error_has_openais_four_keys() {
    let body = serde_json::to_value(GatewayError::Internal.body()).unwrap();
    let mut keys: Vec<_> = body["error"].as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["code", "message", "param", "type"]);
}
