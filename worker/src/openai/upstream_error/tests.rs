#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;

struct Seen {
    handed_on: Option<HandedOn>,
    own_quota: bool,
    own_auth: bool,
}

fn refused(status: u16, body: &str) -> Seen {
    match UpstreamError::refused(status, body.as_bytes(), None, None) {
        UpstreamError::Refused { handed_on, own_quota, own_auth, .. } => {
            Seen { handed_on, own_quota, own_auth }
        }
        other => panic!("{other}"),
    }
}

fn envelope(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> String {
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } }).to_string()
}

#[test]
fn an_error_about_the_input_is_handed_on_without_the_operators_ids() {
    let body = envelope(
        "The model `gpt-9` does not exist in organization org-AbCdEf0123456789.",
        "invalid_request_error",
        Some("model"),
        Some("model_not_found"),
    );
    for status in [400, 404, 413, 422] {
        let handed_on = refused(status, &body).handed_on.unwrap();
        assert_eq!(handed_on.message, "The model `gpt-9` does not exist in organization [redacted].");
        assert_eq!(
            (handed_on.param.as_deref(), handed_on.code.as_deref()),
            (Some("model"), Some("model_not_found"))
        );
    }
}

#[test]
fn the_operators_own_trouble_is_flagged_and_never_handed_on() {
    for (status, kind, code) in [
        (429, "insufficient_quota", Some("insufficient_quota")),
        (429, "insufficient_quota", None),
        (429, "requests", Some("credit_balance_exhausted")),
        (429, "x", Some("project_spend_limit_exceeded")),
        (400, "invalid_request_error", Some("billing_hard_limit_reached")),
    ] {
        let seen = refused(status, &envelope("You exceeded your current quota", kind, None, code));
        assert!(seen.own_quota && seen.handed_on.is_none(), "{status} {kind} {code:?}");
    }
    for (status, code) in [(401, Some("invalid_api_key")), (403, None), (400, Some("invalid_organization"))] {
        let seen = refused(status, &envelope("Incorrect API key", "invalid_request_error", None, code));
        assert!(seen.own_auth && !seen.own_quota && seen.handed_on.is_none(), "{status} {code:?}");
    }
}

#[test]
fn rate_limits_server_errors_and_nonsense_say_nothing_to_the_client() {
    let limit = envelope("Rate limit reached for org-AbC", "tokens", None, Some("rate_limit_exceeded"));
    for (status, body) in [
        (429, limit.as_str()),
        (500, &envelope("stack trace", "server_error", None, None)),
        (503, "<html>busy</html>"),
        (302, ""),
        (400, "not json"),
        (400, "{\"error\":\"text\"}"),
        (400, "{\"error\":{\"message\":7}}"),
    ] {
        let seen = refused(status, body);
        assert!(seen.handed_on.is_none() && !seen.own_quota && !seen.own_auth, "{status} {body}");
    }
}

#[test]
fn a_long_message_is_cut_at_a_character() {
    let handed_on = refused(400, &envelope(&"é".repeat(5_000), "x", None, None)).handed_on.unwrap();
    assert_eq!(handed_on.message.len(), MAX_MESSAGE_BYTES);
}

#[test]
fn the_wait_is_read_from_either_header_and_only_if_sane() {
    let wait = |seconds, milliseconds| retry_after(seconds, milliseconds);
    assert_eq!(wait(Some("2"), None), Some(Duration::from_secs(2)));
    assert_eq!(wait(Some("2"), Some("150")), Some(Duration::from_millis(150)));
    assert_eq!(wait(Some(" 7 "), Some("x")), Some(Duration::from_secs(7)));
    for odd in ["-1", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999", ""] {
        assert_eq!(wait(Some(odd), None), None, "{odd}");
    }
}
