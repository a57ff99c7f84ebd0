//! The rules and the board in `monitoring/` know the metrics that the worker has, and the documents know both.

use std::collections::BTreeSet;

use octroi_tests::promtool::{file_of_checkout, promtool};
use octroi_worker::telemetry::{Kind, METRICS};

/// Labels that Prometheus adds, and the one of a bucket.
const ADDED_LABELS: [&str; 3] = ["instance", "job", "le"];

fn text(path: &str) -> String {
    std::fs::read_to_string(file_of_checkout(path)).unwrap()
}

/// Every mention of a metric: its name as a worker knows it, and the labels that it is selected by.
fn mentions(text: &str) -> BTreeSet<(String, Vec<String>)> {
    let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
    text.match_indices("octroi_")
        // Not a group of rules, whose names stand behind "name:".
        .filter(|(at, _)| !text[..*at].ends_with("name: "))
        .map(|(at, _)| {
            let rest = &text[at..];
            let name = &rest[..rest.find(|character| !is_name(character)).unwrap_or(rest.len())];
            let selector = rest[name.len()..].strip_prefix('{').and_then(|rest| rest.split('}').next());
            let labels = selector.unwrap_or_default().split(',').filter_map(|pair| {
                let label = pair.split(['=', '!']).next()?.trim();
                (!label.is_empty()).then(|| label.to_owned())
            });
            (base(name).to_owned(), labels.collect())
        })
        .collect()
}

/// A histogram without what Prometheus makes of it.
fn base(name: &str) -> &str {
    let is_histogram = |base: &str| METRICS.iter().any(|m| m.0 == base && matches!(m.1, Kind::Histogram(_)));
    ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix))
        .find(|base| is_histogram(base))
        .unwrap_or(name)
}

fn assert_known(path: &str) {
    for (name, labels) in mentions(&text(path)) {
        let Some(metric) = METRICS.iter().find(|metric| metric.0 == name) else {
            panic!("{path} names {name}, which no worker has");
        };
        for label in labels {
            let is_known = metric.2.contains(&label.as_str()) || ADDED_LABELS.contains(&label.as_str());
            assert!(is_known, "{path} selects {name} by {label}, which it has not");
        }
    }
}

#[test]
fn rules_and_board_name_no_metric_that_no_worker_has() {
    for path in [
        "monitoring/alerts.yml",
        "monitoring/alerts_test.yml",
        "monitoring/alerts_days_test.yml",
        "monitoring/grafana.json",
    ] {
        assert_known(path);
    }
}

#[test]
fn the_board_shows_every_metric_that_a_worker_has() {
    let board: serde_json::Value = serde_json::from_str(&text("monitoring/grafana.json")).unwrap();
    let shown: BTreeSet<String> = mentions(&board.to_string()).into_iter().map(|(name, _)| name).collect();
    for metric in METRICS {
        assert!(shown.contains(metric.0), "the board does not show {}", metric.0);
    }
}

#[test]
fn the_document_lists_every_metric_with_its_labels() {
    let listed: BTreeSet<String> = text("docs/operations.md")
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `octroi_")?.split('`').next().map(|rest| format!("octroi_{rest}"))
        })
        .collect();
    let there_are = METRICS.iter().map(|(name, _, labels, _)| match labels {
        [] => (*name).to_owned(),
        labels => format!("{name}{{{}}}", labels.join(",")),
    });
    assert_eq!(listed, there_are.collect());
}

#[test]
fn prometheus_takes_the_rules_and_each_alert_has_a_test_that_raises_it() {
    let checks: [&[&str]; 2] =
        [&["check", "rules", "alerts.yml"], &["test", "rules", "alerts_test.yml", "alerts_days_test.yml"]];
    for arguments in checks {
        let output = promtool(arguments);
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
    let tests = text("monitoring/alerts_test.yml") + &text("monitoring/alerts_days_test.yml");
    for alert in
        text("monitoring/alerts.yml").lines().filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "no test raises {alert}");
    }
}
