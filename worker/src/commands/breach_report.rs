//! The report of a breach to the supervisory authority, in the order of Article 33(3) GDPR, from the register's record.

use std::fmt::Write;

use serde_json::Value;

/// What stands where nothing is known yet: information may follow in phases (33(4)).
const UNKNOWN: &str = "not known yet";

/// The report, for people.
pub(super) fn markdown(record: &Value) -> String {
    let mut text = format!("# Personal data breach {}: {}\n\n", told(record, "id"), told(record, "title"));
    let rows = [
        ("State", told(record, "state")),
        ("Became aware", told(record, "detected_at")),
        ("Report due", told(record, "report_due_at")),
        ("Authority", told(record, "authority")),
        ("Authority told", told(record, "authority_notified_at")),
        ("Reference", told(record, "authority_reference")),
        ("Report written", told(record, "written_at")),
    ];
    text.push_str("| | |\n|--|--|\n");
    for (label, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {label} | {} |", value.replace('|', "\\|").replace('\n', " "));
    }
    let sections = [
        ("Nature of the breach (Art. 33(3)(a))", nature(record)),
        ("Contact point (b)", told(record, "contact")),
        ("Likely consequences (c)", told(record, "consequences")),
        ("Measures taken or proposed (d)", told(record, "measures")),
        ("Risk to the people affected", told(record, "risk")),
        ("Communication to the people affected (Art. 34)", notices(record)),
    ];
    for (heading, paragraph) in sections {
        let _ = write!(text, "\n## {heading}\n\n{paragraph}\n");
    }
    for (heading, name) in [
        ("Reasons for the delay (Art. 33(1))", "delay_reason"),
        ("Why the people affected were not told (Art. 34(3))", "no_notice_reason"),
        ("Closing note", "closing_note"),
    ] {
        if record.get(name).is_some_and(Value::is_string) {
            let _ = write!(text, "\n## {heading}\n\n{}\n", told(record, name));
        }
    }
    text
}

fn nature(record: &Value) -> String {
    format!(
        "{}\n\n- categories of data: {}\n- people affected, approximately: {}\n- records concerned, approximately: {}\n- found by: `{}`",
        told(record, "nature"),
        told(record, "data_categories"),
        told(record, "affected_count"),
        told(record, "records_count"),
        told(record, "affected"),
    )
}

fn notices(record: &Value) -> String {
    let counts = record.get("notices").and_then(Value::as_object).filter(|counts| !counts.is_empty());
    let Some(counts) = counts else { return "no notice was sent".to_owned() };
    let lines = counts.iter().map(|(outcome, people)| format!("- {}: {people}", outcome.replace('_', " ")));
    format!("Begun {}.\n\n{}", told(record, "notices_begun_at"), lines.collect::<Vec<_>>().join("\n"))
}

fn told(record: &Value, name: &str) -> String {
    match record.get(name) {
        None | Some(Value::Null) => UNKNOWN.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_has_everything_article_33_asks_for() {
        let text = markdown(&json!({
            "id": 7, "title": "Keys | leaked", "state": "assessed", "detected_at": "2026-12-01T09:30:00Z",
            "report_due_at": "2026-12-04T09:30:00Z", "nature": "Keys were pushed.", "data_categories": ["API keys", "usage"],
            "affected_count": 12, "records_count": 40, "affected": { "everyone": true }, "contact": "dpo@acme.example",
            "consequences": "Calls at their cost.", "measures": "Keys revoked.", "risk": "high", "notices": { "sent": 11, "no_address": 1 },
            "delay_reason": null
        }));
        for part in [
            "Keys were pushed.",
            "API keys, usage",
            "people affected, approximately: 12",
            "records concerned, approximately: 40",
            "dpo@acme.example",
            "Calls at their cost.",
            "Keys revoked.",
            "- sent: 11\n",
            "- no address: 1\n",
            "2026-12-04T09:30:00Z",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("delay"), "what does not apply is left out");
    }

    #[test]
    fn what_is_not_known_yet_is_said_to_be() {
        let text = markdown(&json!({ "id": 1, "title": "x", "nature": "y" }));
        assert!(text.contains("people affected, approximately: not known yet"));
        assert!(text.contains("no notice was sent"));
    }
}
