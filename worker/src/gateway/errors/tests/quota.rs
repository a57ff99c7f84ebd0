//! Refusals for a limit: whose it is, how much is left, until when, and what helps.

use super::*;

#[tokio::test]
async fn a_refusal_says_whose_limit_how_much_until_when_and_where_to_upgrade() {
    let response = refused(RefusalReason::QuotaExceeded, Some(standing())).into_response();
    let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap();
    let expected = json!({"error": {
        "message": "You exceeded your current quota, please check your plan and billing details. This account's limit \
                    of 50000 tokens a month does not leave enough for this call: it needs at least 1040 tokens; \
                    49000 tokens used, 900 tokens held by calls in flight, 100 tokens left. It resets at \
                    2026-12-01T00:00:00Z. Get more at https://app.example/upgrade. A shorter input needs less.",
        "type": "insufficient_quota",
        "param": null,
        "code": "quota_exceeded",
        "quota": {
            "limit": 50_000, "used": 49_000, "reserved": 900, "remaining": 100, "needed": 1_040,
            "unit": "tokens", "scope": "account", "set_by": "plan",
            "period_start": "2026-11-01T00:00:00Z", "period_end": "2026-12-01T00:00:00Z",
            "upgrade_url": UPGRADE_URL, "topup_url": TOP_UP_URL,
        },
    }});
    assert_eq!(body, expected);
}

#[test]
fn a_spend_cap_is_told_in_dollars_and_kept_exact_in_the_quota_object() {
    let limit = LimitStanding {
        scope: LimitScope::ApiKey,
        meter: LimitMeter::Cost,
        period: LimitPeriod::Lifetime,
        granted: 12_345_678_901,
        resets_at: None,
        ..standing()
    };
    let body = serde_json::to_value(refused(RefusalReason::SpendCapReached, Some(limit)).body()).unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("This API key's limit of $12.34 in all"), "{message}");
    assert!(message.contains("It does not reset."), "{message}");
    assert_eq!(body["error"]["quota"]["limit"], 12_345_678_901_i64);
    assert_eq!(body["error"]["quota"]["unit"], "nano_usd");
    assert_eq!(body["error"]["quota"]["period_end"], Value::Null);
}

/// The end of the message, and the pages in the quota object.
fn told_of(limit: LimitStanding) -> (String, Value, Value) {
    let body = serde_json::to_value(refused(RefusalReason::QuotaExceeded, Some(limit)).body()).unwrap();
    let (error, quota) = (&body["error"], &body["error"]["quota"]);
    let message = error["message"].as_str().unwrap();
    let (_, remedy) = message.split_once("00Z. ").unwrap();
    (remedy.to_owned(), quota["upgrade_url"].clone(), quota["topup_url"].clone())
}

#[test]
fn what_the_account_or_the_operator_set_is_raised_by_them_and_by_no_page() {
    let own = "It is the account's own budget, which its owner can raise.";
    let operators = "It was set for this account by whoever runs the service, who can raise it.";
    for (set_by, scope, who) in [
        (LimitSetter::Budget, LimitScope::Account, own),
        (LimitSetter::Budget, LimitScope::Model, own),
        (LimitSetter::Budget, LimitScope::Member, "An owner or admin of the account can raise it."),
        (
            LimitSetter::Budget,
            LimitScope::ApiKey,
            "An admin of the account can raise it, and whoever made the key can make one with a higher limit.",
        ),
        (LimitSetter::Operator, LimitScope::Account, operators),
        (LimitSetter::Operator, LimitScope::Model, operators),
    ] {
        let told = told_of(LimitStanding { set_by, scope, ..standing() });
        assert_eq!(told, (format!("{who} A shorter input needs less."), Value::Null, Value::Null));
    }
}

#[test]
fn a_larger_plan_raises_what_a_plan_set_and_a_pack_only_the_accounts_month() {
    let plans = |scope, period| {
        let (remedy, upgrade, top_up) = told_of(LimitStanding { scope, period, ..standing() });
        assert!(remedy.starts_with("Get more at https://app.example/upgrade."), "{remedy}");
        (upgrade, top_up)
    };
    assert_eq!(plans(LimitScope::Account, LimitPeriod::Month), (json!(UPGRADE_URL), json!(TOP_UP_URL)));
    assert_eq!(plans(LimitScope::Account, LimitPeriod::Day), (json!(UPGRADE_URL), Value::Null));
    assert_eq!(plans(LimitScope::Member, LimitPeriod::Month), (json!(UPGRADE_URL), Value::Null));
    assert_eq!(plans(LimitScope::Model, LimitPeriod::Month), (json!(UPGRADE_URL), Value::Null));
}

#[test]
fn a_reset_within_a_minute_is_worth_a_retry_after_and_every_reset_stands_in_a_header() {
    for (seconds, told) in [(60, Some("60")), (61, None)] {
        let refusal = Refusal {
            request_id: Uuid::nil(),
            reason: RefusalReason::QuotaExceeded,
            standing: Some(standing()),
            needed: None,
            retry_after_seconds: Some(seconds),
        };
        let error = CallError::Refused {
            refusal: Box::new(refusal),
            model: "gpt-5".to_owned(),
            input_tokens: 100,
            max_input_tokens: None,
        };
        let response = GatewayError::from_call(error, &PurchasePages::default()).into_response();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("retry-after"), told);
        assert_eq!(header("x-quota-reset"), Some("2026-12-01T00:00:00Z"));
        assert_eq!(header("x-should-retry"), Some("false"));
    }
}

#[test]
fn a_call_that_others_hold_back_is_told_to_come_again_and_not_to_upgrade() {
    let held =
        crate::database::HeldBack { standing: standing(), needed: 1_099, wait_seconds: 20, ticket: Some(1) };
    let error = CallError::Held {
        held: Box::new(held),
        held_calls: Some(1),
        waited: Duration::from_secs(20),
        retry_after_seconds: 3,
    };
    let pages = PurchasePages { upgrade_url: Some(Arc::from(UPGRADE_URL)), top_up_url: None };
    let error = GatewayError::from_call(error, &pages);
    assert_eq!(line(error.clone()), "429 rate_limit_exceeded/quota_held true 3");
    let body = serde_json::to_value(error.body()).unwrap();
    assert_eq!(
        body["error"]["message"],
        "This account's limit of 50000 tokens a month has room for this call, but not beside the calls under way: it \
         needs 1099 tokens; 49000 tokens used, 900 tokens held by 1 call, which gives back what it does not use. It \
         waited 20 s for room. Try again in 3 s. A call that asks for fewer output tokens holds less."
    );
    assert_eq!(body["error"]["quota"]["needed"], 1_099);
    assert_eq!(body["error"]["quota"]["upgrade_url"], Value::Null);
}
