use time::macros::datetime;

use super::*;
use crate::database::{LimitPeriod, LimitScope, LimitSetter};

fn standing(meter: LimitMeter) -> LimitStanding {
    LimitStanding {
        scope: LimitScope::Account,
        meter,
        period: LimitPeriod::Month,
        granted: 1_000,
        used: 300,
        reserved: 100,
        remaining: 600,
        period_start: Some(datetime!(2026-11-01 00:00 UTC)),
        resets_at: Some(datetime!(2026-12-01 00:00 UTC)),
        plan: Some("free".to_owned()),
        set_by: LimitSetter::Plan,
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[test]
fn what_is_left_after_the_settlement_counts_not_before() {
    let mut headers = answer(Uuid::from_u128(5), Some("application/json"));
    mark_standing(&mut headers, &standing(LimitMeter::Tokens), Some(650));
    assert_eq!(text(&headers, "x-quota-limit").as_deref(), Some("1000"));
    assert_eq!(text(&headers, "x-quota-used").as_deref(), Some("300"));
    assert_eq!(text(&headers, "x-quota-held").as_deref(), Some("100"));
    assert_eq!(text(&headers, "x-quota-remaining").as_deref(), Some("650"));
    assert_eq!(text(&headers, "x-quota-reset").as_deref(), Some("2026-12-01T00:00:00Z"));
    assert_eq!(text(&headers, "x-ratelimit-limit-tokens").as_deref(), Some("1000"));
    assert_eq!(text(&headers, "x-ratelimit-remaining-tokens").as_deref(), Some("650"));
    assert_eq!(text(&headers, "x-usage-id").as_deref(), Some("00000000-0000-0000-0000-000000000005"));
}

#[test]
fn money_is_no_rate_and_a_lifetime_never_resets() {
    let mut headers = HeaderMap::new();
    let limit = LimitStanding { resets_at: None, ..standing(LimitMeter::Cost) };
    mark_standing(&mut headers, &limit, None);
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["x-quota-held", "x-quota-limit", "x-quota-remaining", "x-quota-used"]);
    assert_eq!(text(&headers, "x-quota-remaining").as_deref(), Some("600"));
}

#[test]
fn durations_read_as_openai_writes_them() {
    assert_eq!([0, 59, 360, 93_612].map(duration), ["0s", "59s", "6m0s", "26h0m12s"]);
}

#[test]
fn a_content_type_that_cannot_stand_in_a_header_is_json() {
    let headers = answer(Uuid::nil(), Some("text/event-stream\r\nx: y"));
    assert_eq!(text(&headers, "content-type").as_deref(), Some("application/json"));
}
