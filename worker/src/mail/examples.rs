//! Drafts of every kind, for tests.

use serde_json::{Value, json};
use time::macros::datetime;

use super::{Composer, Draft, Kind, Language};
use crate::config::{MailBackend, MailConfig};

pub(super) const TOKEN: &str = "tok_0123456789abcdef";

pub(super) fn composer() -> Composer {
    Composer::new(&MailConfig {
        from: "Acme <no-reply@acme.example>".parse().unwrap(),
        backend: MailBackend::File { directory: "/nowhere".into() },
        public_url: "https://api.acme.example".to_owned(),
    })
    .unwrap()
}

fn kind(kind: &str, mut data: Value) -> Kind {
    data["account_id"] = json!("0199aaaa-0000-7000-8000-000000000001");
    data["links"] = json!({
        "upgrade": "https://acme.example/plans?a=1&b=2", "top_up": "https://acme.example/top-up",
        "billing": "https://acme.example/billing"
    });
    serde_json::from_value(json!({ "kind": kind, "data": data })).unwrap()
}

pub(super) fn draft(kind: Kind, language: Language) -> Draft {
    let is_contractual = !matches!(kind, Kind::Threshold(_) | Kind::News(_));
    Draft {
        kind,
        address: "ada@example.com".to_owned(),
        language,
        time_zone: Some("Europe/Paris".to_owned()),
        account_name: None,
        dedupe_key: "threshold:1:2".to_owned(),
        created_at: datetime!(2026-11-22 19:00:01 UTC),
        is_contractual,
        unsubscribe_token: (!is_contractual).then(|| TOKEN.to_owned()),
    }
}

pub(super) fn threshold(threshold: i64, used: i64, more: Value) -> Kind {
    let mut data = json!({
        "threshold": threshold, "scope": "account", "meter": "tokens", "used": used, "granted": 1_000_000,
        "remaining": 1_000_000 - used, "resets_at": "2026-11-30T23:00:00+00:00",
        "runs_out_at": "2026-11-25T08:30:00Z", "plan": "Premium", "overage_on": false
    });
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    kind("threshold", data)
}

/// One of everything, with a name for its golden files and the team it is about.
pub(super) fn everything() -> Vec<(&'static str, Kind, Option<&'static str>)> {
    vec![
        ("threshold_80", threshold(80, 800_000, json!({})), None),
        (
            "threshold_80_too_early",
            threshold(80, 800_000, json!({ "runs_out_at": null, "rate_known": false })),
            None,
        ),
        ("threshold_90_lasts", threshold(90, 900_001, json!({ "runs_out_at": null })), None),
        (
            "threshold_100_team",
            threshold(100, 1_000_000, json!({ "runs_out_at": null })),
            Some("Équipe & <b>Co</b>"),
        ),
        ("threshold_100_overage", threshold(100, 1_000_000, json!({ "overage_on": true })), None),
        (
            "threshold_90_member",
            threshold(
                90,
                9,
                json!({ "scope": "member", "meter": "requests", "granted": 10, "remaining": 1 }),
            ),
            Some("Data team"),
        ),
        (
            "threshold_100_own",
            threshold(100, 1_000_000, json!({ "scope": "member", "runs_out_at": null, "overage_on": true })),
            None,
        ),
        (
            "threshold_80_cost",
            threshold(
                80,
                8_009_999_999,
                json!({
                    "meter": "cost", "granted": 10_000_000_000_i64, "remaining": 1_990_000_001_i64,
                    "resets_at": null, "runs_out_at": null, "plan": null
                }),
            ),
            None,
        ),
        (
            "payment_failed",
            kind(
                "payment_failed",
                json!({ "amount_minor": 123_450, "currency": "eur", "plan": "Premium", "next_attempt_at": "2026-12-01T00:00:00Z" }),
            ),
            None,
        ),
        (
            "payment_failed_last",
            kind(
                "payment_failed",
                json!({ "amount_minor": 900, "currency": "usd", "plan": "Basic", "next_attempt_at": null }),
            ),
            Some("Data team"),
        ),
        (
            "subscription_ended",
            kind(
                "subscription_ended",
                json!({ "plan": "Premium", "ended_at": "2027-01-01T12:00:00.123456+00:00", "plan_now": "Free" }),
            ),
            None,
        ),
        (
            "subscription_ended_no_plan",
            kind(
                "subscription_ended",
                json!({ "plan": "Premium", "ended_at": "2027-01-01T12:00:00Z", "plan_now": null }),
            ),
            None,
        ),
        (
            "top_up_received",
            kind(
                "top_up_received",
                json!({
                    "meter": "tokens", "amount": 100_000, "pack_name": "100,000 tokens", "paid_minor": 500,
                    "currency": "usd", "expires_at": "2027-11-22T19:00:00Z", "remaining": 300_000
                }),
            ),
            None,
        ),
        (
            "top_up_received_gift",
            kind(
                "top_up_received",
                json!({
                    "meter": "requests", "amount": 1, "pack_name": "Trial", "paid_minor": null, "currency": null,
                    "expires_at": null, "remaining": 1
                }),
            ),
            None,
        ),
        (
            "auto_top_up_failed",
            kind(
                "auto_top_up_failed",
                json!({
                    "amount_minor": 500, "currency": "jpy", "meter": "tokens", "amount": 2_000_000, "reason": "card_declined"
                }),
            ),
            None,
        ),
        ("new_owner", kind("new_owner", json!({ "plan": "Premium" })), Some("Data team")),
        (
            "new_owner_transferred",
            kind("new_owner", json!({ "plan": "Premium", "cause": "transferred", "payment": "removed" })),
            Some("Data team"),
        ),
        (
            "new_owner_transferred_kept",
            kind("new_owner", json!({ "plan": "Premium", "cause": "transferred", "payment": "kept" })),
            Some("Data team"),
        ),
        (
            "new_owner_transferred_unpaid",
            kind("new_owner", json!({ "plan": "Free", "cause": "transferred", "payment": "none" })),
            Some("Data team"),
        ),
        (
            "invitation",
            kind(
                "invitation",
                json!({
                    "role": "member", "inviter": "bob@example.com", "expires_at": "2026-11-29T19:00:01+00:00",
                    "url": "https://acme.example/join#invitation=0123456789abcdef"
                }),
            ),
            Some("Data team"),
        ),
        (
            "invitation_admin",
            kind(
                "invitation",
                json!({
                    "role": "admin", "inviter": null, "expires_at": "2026-11-29T19:00:01.5Z",
                    "url": "javascript:alert(1)"
                }),
            ),
            Some("Win a prize\r\nBcc: eve@x.de"),
        ),
        ("new_owner_no_plan", kind("new_owner", json!({ "plan": null })), None),
        (
            "news",
            kind(
                "news",
                json!({
                    "en": { "subject": "New models", "paragraphs": ["Two models are new.", "They cost less & do more."] },
                    "fr": { "subject": "Nouveaux modèles", "paragraphs": ["Deux modèles sont nouveaux."] },
                    "url": "https://acme.example/news"
                }),
            ),
            None,
        ),
        (
            "news_in_english_only",
            kind(
                "news",
                json!({ "en": { "subject": "Hello\r\nBcc: eve@x.de", "paragraphs": ["One\ntwo."] }, "url": "javascript:alert(1)" }),
            ),
            None,
        ),
        (
            "payment_failed_no_plan",
            kind(
                "payment_failed",
                json!({ "amount_minor": 900, "currency": "usd", "plan": null, "next_attempt_at": null }),
            ),
            None,
        ),
        (
            "auto_top_up_cap",
            kind(
                "auto_top_up_failed",
                json!({
                    "amount_minor": 500, "currency": "usd", "meter": "tokens", "amount": 100_000, "reason": "monthly_cap"
                }),
            ),
            None,
        ),
        (
            "auto_top_up_failed_otherwise",
            kind(
                "auto_top_up_failed",
                json!({
                    "amount_minor": 500, "currency": "usd", "meter": "tokens", "amount": 1, "reason": "do_not_honor"
                }),
            ),
            None,
        ),
        (
            "breach",
            kind(
                "breach",
                json!({
                    "breach": 1, "detected_at": "2026-11-30T08:00:00+00:00", "contact": "dpo@acme.example",
                    "notice": {
                        "en": {
                            "happened": "A backup with addresses was readable by anybody.", "consequences": "More spam.",
                            "measures": "It is closed.", "advice": "Be wary of\r\nBcc: mails in our name."
                        },
                        "fr": {
                            "happened": "Une sauvegarde contenant des adresses était lisible par tous.",
                            "consequences": "Davantage de courrier indésirable.", "measures": "Elle est fermée.",
                            "advice": "Méfiez-vous des messages en notre nom."
                        }
                    }
                }),
            ),
            None,
        ),
    ]
}
