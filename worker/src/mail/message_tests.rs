//! Whole mails, read back by a parser that is not lettre's.

use mail_parser::{MessageParser, MimeHeaders, PartType};
use serde_json::json;

use super::*;
use crate::mail::examples::{TOKEN, composer, draft, everything, threshold};
use crate::mail::{Draft, Kind, Language};

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
    let (_, contractual, _) = everything().into_iter().find(|(name, ..)| *name == "payment_failed").unwrap();
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

#[test]
fn data_that_do_not_fit_are_a_fault_and_a_kind_of_tomorrow_is_another_worker_s() {
    for kind in Kind::NAMES {
        assert!(
            matches!(Kind::read(kind, json!({ "used": "many" })), Err(ComposeError::Data { .. })),
            "{kind}"
        );
    }
    assert!(matches!(Kind::read("birthday", json!({})), Err(ComposeError::UnknownKind { .. })));
}
