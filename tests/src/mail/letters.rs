//! Mails of every kind.

use mail_parser::MessageParser;
use octroi_sim::smtp::ReceivedMail;
use octroi_worker::config::{MailConfig, Variables};
use octroi_worker::mail::{Composer, Draft, Kind, Language, Message};
use serde_json::{Value, json};
use time::macros::datetime;

use super::PUBLIC_URL;

/// The message of a draft, from the usual sender.
pub fn message(draft: &Draft) -> Message {
    let variables: Variables = [
        ("OCTROI_MAIL_BACKEND", "file"),
        ("OCTROI_MAIL_DIRECTORY", "/"),
        ("OCTROI_MAIL_FROM", "Acme <no-reply@acme.example>"),
        ("OCTROI_PUBLIC_URL", PUBLIC_URL),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    Composer::new(&MailConfig::read(&variables).unwrap().unwrap()).unwrap().compose(draft).unwrap()
}

/// A draft to Ada about `kind`; `key` tells it from others.
pub fn draft(kind: Kind, language: Language, key: &str) -> Draft {
    let is_contractual = !matches!(kind, Kind::Threshold(_) | Kind::News(_));
    Draft {
        kind,
        address: "ada@example.com".to_owned(),
        language,
        time_zone: None,
        account_name: None,
        dedupe_key: key.to_owned(),
        created_at: datetime!(2026-11-22 19:00 UTC),
        is_contractual,
        unsubscribe_token: (!is_contractual).then(|| "0199f0f0-0000-4000-8000-000000000001".to_owned()),
    }
}

/// A warning at 80 %, in English.
pub fn warning(key: &str) -> Message {
    message(&draft(kinds().swap_remove(0), Language::English, key))
}

/// Data of each kind.
fn data() -> [Value; 8] {
    [
        json!({
            "threshold": 80, "scope": "account", "meter": "tokens", "used": 80_000, "granted": 100_000,
            "remaining": 20_000, "resets_at": "2026-12-01T00:00:00Z", "runs_out_at": "2026-11-24T10:00:00Z",
            "plan": "Basic", "overage_on": false
        }),
        json!({ "amount_minor": 900, "currency": "usd", "next_attempt_at": "2026-11-25T19:00:00Z", "plan": "Basic" }),
        json!({ "plan": "Basic", "ended_at": "2026-12-01T00:00:00Z", "plan_now": "Free" }),
        json!({
            "meter": "tokens", "amount": 100_000, "pack_name": "100k", "paid_minor": 500, "currency": "usd",
            "expires_at": "2027-11-22T19:00:00Z", "remaining": 120_000
        }),
        json!({
            "amount_minor": 500, "currency": "usd", "meter": "tokens", "amount": 100_000, "reason": "card_declined"
        }),
        json!({
            "en": { "subject": "New models", "paragraphs": ["Two models are new."] },
            "fr": { "subject": "Nouveaux modèles", "paragraphs": ["Deux modèles sont nouveaux."] }
        }),
        json!({
            "breach": 1, "detected_at": "2026-11-30T08:00:00Z", "contact": "dpo@acme.example",
            "notice": {
                "en": { "happened": "A leak.", "consequences": "Spam.", "measures": "Closed.", "advice": "Be wary." },
                "fr": { "happened": "Une fuite.", "consequences": "Spam.", "measures": "Fermé.", "advice": "Prudence." }
            }
        }),
        json!({ "plan": "Basic" }),
    ]
}

/// One mail of every kind.
pub fn kinds() -> Vec<Kind> {
    Kind::NAMES.into_iter().zip(data()).map(|(kind, data)| Kind::read(kind, data).unwrap()).collect()
}

/// Subject and plain text of a mail that came.
pub fn read(mail: &ReceivedMail) -> (String, String) {
    let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    (parsed.subject().unwrap().to_owned(), text)
}

/// The warning at 80 %.
pub fn threshold() -> Kind {
    kinds().swap_remove(0)
}

/// News, which only who agreed gets.
pub fn news() -> Kind {
    kinds().swap_remove(5)
}

/// A failed payment, which nobody can unsubscribe from.
pub fn contractual() -> Kind {
    kinds().swap_remove(1)
}

/// A kind of [`kinds`] as a row spells it.
pub(super) fn row(kind: &Kind) -> (&'static str, Value) {
    Kind::NAMES
        .iter()
        .zip(data())
        .zip(kinds())
        .find(|(_, known)| known == kind)
        .map(|((name, data), _)| (*name, data))
        .unwrap()
}
