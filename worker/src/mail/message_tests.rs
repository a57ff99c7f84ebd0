//! Whole mails, read back by a parser that is not lettre's.

use mail_parser::{MessageParser, MimeHeaders, PartType};
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::config::{MailBackend, MailConfig};
use crate::mail::{Composer, Draft, Kind, Language};

const TOKEN: &str = "tok_0123456789abcdef";

fn composer() -> Composer {
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

fn draft(kind: Kind, language: Language) -> Draft {
    let is_contractual = !matches!(kind, Kind::Threshold(_));
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

fn threshold(threshold: i64, used: i64, more: Value) -> Kind {
    let mut data = json!({
        "threshold": threshold, "scope": "account", "meter": "tokens", "used": used, "granted": 1_000_000,
        "remaining": 1_000_000 - used, "resets_at": "2026-11-30T23:00:00+00:00",
        "runs_out_at": "2026-11-25T08:30:00Z", "plan": "Premium", "overage_on": false
    });
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    kind("threshold", data)
}

/// One of everything, with a name for its golden files and the team it is about.
fn everything() -> Vec<(&'static str, Kind, Option<&'static str>)> {
    vec![
        ("threshold_80", threshold(80, 800_000, json!({})), None),
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
    ]
}

fn parse(message: &Message) -> mail_parser::Message<'_> {
    MessageParser::default().parse(message.bytes()).unwrap()
}

/// The one header of this name as it stands in the mail, unfolded.
fn raw(message: &Message, name: &str) -> Option<String> {
    let text = String::from_utf8(message.bytes().to_vec()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let start = format!("{}:", name.to_ascii_lowercase());
    let mut found = head.split("\r\n").filter(|line| line.to_ascii_lowercase().starts_with(&start));
    let value = found.next().map(|line| line[start.len()..].trim().to_owned());
    assert!(found.next().is_none(), "{name} twice");
    value
}

fn assert_golden(name: &str, text: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/golden").join(name);
    if std::env::var("OCTROI_UPDATE_SNAPSHOTS").is_ok_and(|value| value == "1") {
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, golden, "{name}; OCTROI_UPDATE_SNAPSHOTS=1 writes it anew");
}

#[test]
fn every_kind_is_said_in_every_language() {
    let composer = composer();
    for (name, kind, account) in everything() {
        for language in Language::ALL {
            let mut draft = draft(kind.clone(), language);
            draft.account_name = account.map(str::to_owned);
            let message = composer.compose(&draft).unwrap();
            let parsed = parse(&message);
            let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
            assert!(text.starts_with(parsed.subject().unwrap()));
            assert_golden(&format!("{name}.{}.txt", language.tag()), &text);
        }
    }
}

#[test]
fn one_mail_in_full_is_as_it_should_look() {
    let mut draft = draft(threshold(80, 800_000, json!({})), Language::French);
    draft.account_name = Some("Équipe & <b>Co</b>".to_owned());
    let message = composer().compose(&draft).unwrap();
    assert_golden("whole.eml", &String::from_utf8(message.bytes().to_vec()).unwrap().replace("\r\n", "\n"));
    let html = parse(&message).body_html(0).unwrap().replace("\r\n", "\n");
    assert_golden("whole.html", &html);
    assert!(html.contains("Équipe &#38; &#60;b&#62;Co&#60;/b&#62;") && !html.contains("<b>Co"));
    assert!(html.contains("href=\"https://acme.example/plans?a=1&#38;b=2\""));
    for loads in ["<img", "<script", "<link", "url(", "src="] {
        assert!(!html.contains(loads), "a mail loads nothing");
    }
}

#[test]
fn a_mail_is_text_and_html_and_says_what_wrote_it() {
    let message = composer().compose(&draft(threshold(80, 1, json!({})), Language::French)).unwrap();
    let parsed = parse(&message);
    assert_eq!(parsed.content_type().unwrap().ctype(), "multipart");
    assert_eq!(parsed.content_type().unwrap().subtype(), Some("alternative"));
    let kinds = parsed.parts.iter().map(|part| match part.body {
        PartType::Text(_) => "text",
        PartType::Html(_) => "html",
        _ => "parts",
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["parts", "text", "html"]);
    assert!(message.bytes().is_ascii(), "no server has to know 8BITMIME");
    assert!(message.bytes().split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
    assert_eq!(raw(&message, "From").unwrap(), "Acme <no-reply@acme.example>");
    assert_eq!(raw(&message, "To").unwrap(), "ada@example.com");
    assert_eq!(raw(&message, "Date").unwrap(), "Sun, 22 Nov 2026 19:00:01 +0000");
    assert_eq!(raw(&message, "Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(raw(&message, "Content-Language").unwrap(), "fr");
    assert_eq!(raw(&message, "MIME-Version").unwrap(), "1.0");
}

#[test]
fn only_what_is_not_contractual_can_be_unsubscribed_from_with_one_click() {
    let warning = composer().compose(&draft(threshold(80, 1, json!({})), Language::English)).unwrap();
    let url = format!("https://api.acme.example/unsubscribe/{TOKEN}");
    assert_eq!(raw(&warning, "List-Unsubscribe").unwrap(), format!("<{url}>"));
    assert_eq!(raw(&warning, "List-Unsubscribe-Post").unwrap(), "List-Unsubscribe=One-Click");
    assert!(parse(&warning).body_text(0).unwrap().contains(&url));
    assert!(parse(&warning).body_html(0).unwrap().contains(&url));
    let (_, contractual, _) = everything().remove(6);
    let mail = composer().compose(&draft(contractual, Language::English)).unwrap();
    assert_eq!((raw(&mail, "List-Unsubscribe"), raw(&mail, "List-Unsubscribe-Post")), (None, None));
    assert!(!String::from_utf8_lossy(mail.bytes()).contains("unsubscribe/"));
}

#[test]
fn a_warning_without_a_usable_token_is_not_written() {
    for token in [None, Some(""), Some("a b"), Some("a/b"), Some("a\r\nb"), Some("a>b"), Some("é")] {
        let mut draft = draft(threshold(80, 1, json!({})), Language::English);
        draft.unsubscribe_token = token.map(str::to_owned);
        assert!(matches!(composer().compose(&draft), Err(ComposeError::Unsubscribe)), "{token:?}");
    }
}

#[test]
fn the_same_row_is_the_same_mail_to_the_byte_and_another_row_another() {
    let first = draft(threshold(80, 1, json!({})), Language::English);
    let again = composer().compose(&first).unwrap();
    assert_eq!(composer().compose(&first).unwrap().bytes(), again.bytes());
    assert_eq!(raw(&again, "Message-ID").unwrap(), format!("<{}@acme.example>", again.id()));
    assert_eq!(again.id().len(), 32);
    let other = Draft { dedupe_key: "threshold:1:3".to_owned(), ..first };
    let other = composer().compose(&other).unwrap();
    assert_ne!(other.id(), again.id());
    assert!(!String::from_utf8_lossy(other.bytes()).contains("threshold:1"), "the key itself stays here");
}

#[test]
fn nothing_people_wrote_can_add_a_header_or_a_recipient() {
    let names = [
        "Acme\r\nBcc: eve@example.com",
        "Acme\nBcc: eve@example.com\n\nHello",
        "Acme\rBcc: eve@example.com",
        "Acme\u{2028}Bcc: eve@example.com",
        "Acme\u{2029}Bcc: eve@example.com",
        "Acme\u{85}Bcc: eve@example.com",
        "Acme\u{b}\u{c}\0Bcc: eve@example.com",
        "=?utf-8?q?x=0D=0ABcc:_eve@example.com?=",
        "=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?=",
        "\" <eve@example.com>, \"",
        &"long ".repeat(50_000),
        &"é".repeat(100_000),
        &"x".repeat(100_000),
        "\u{202e}moc.elpmaxe@eve",
        "{{ 7 * 7 }} { $used } %0d%0aBcc: eve@example.com",
    ];
    let usual: Vec<String> =
        header_names(&composer().compose(&draft(threshold(80, 1, json!({})), Language::English)).unwrap());
    for name in names {
        for language in Language::ALL {
            let mut draft = draft(threshold(100, 1, json!({ "plan": name, "scope": "member" })), language);
            draft.account_name = Some(name.to_owned());
            let message = composer().compose(&draft).unwrap();
            assert_eq!(header_names(&message), usual, "{name:?}");
            let parsed = parse(&message);
            assert!(parsed.bcc().is_none());
            assert_eq!(parsed.to().unwrap().iter().count(), 1);
            assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("ada@example.com"));
            let subject = parsed.subject().unwrap();
            assert!(!subject.contains(breaks), "{subject:?}");
            assert!(subject.chars().count() < 200);
        }
    }
}

fn breaks(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn header_names(message: &Message) -> Vec<String> {
    parse(message).headers().iter().map(|header| header.name().to_owned()).collect()
}

#[test]
fn an_address_that_is_none_is_refused_before_anything_is_written() {
    for address in [
        "",
        "ada",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com, eve@example.com",
        "ada@[::1]",
    ] {
        let mut draft = draft(threshold(80, 1, json!({})), Language::English);
        draft.address = address.to_owned();
        assert!(matches!(composer().compose(&draft), Err(ComposeError::Address(_))), "{address:?}");
    }
    for (address, header) in [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("\"ada, (lovelace) <x>\"@example.com", "\"ada, (lovelace) <x>\"@example.com"),
        ("=?utf-8?q?ada?=@example.com", "=?utf-8?q?ada?=@example.com"),
    ] {
        let mut draft = draft(threshold(80, 1, json!({})), Language::English);
        draft.address = address.to_owned();
        assert_eq!(raw(&composer().compose(&draft).unwrap(), "To").unwrap(), header);
    }
}

#[test]
fn links_that_do_not_lead_to_the_web_are_left_out() {
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "acme.example",
        "https://acme.example/\r\nBcc: x",
        "https://",
    ] {
        let kind = threshold(80, 1, json!({}));
        let Kind::Threshold(mut about) = kind else { unreachable!() };
        about.links.upgrade = Some(url.to_owned());
        about.links.top_up = None;
        let message = composer().compose(&draft(Kind::Threshold(about), Language::English)).unwrap();
        assert!(!parse(&message).body_html(0).unwrap().contains("background:#1d4ed8"), "{url}");
    }
}
