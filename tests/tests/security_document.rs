//! `docs/security.md` names a test for each threat; each of them exists.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser;
use octroi_tests::stage::play;
use octroi_tests::template::checkout;
use octroi_worker::cli::Cli;
use sqlx::AssertSqlSafe;

/// Threats of the model.
const THREATS: usize = 47;

/// A test the document names: its file, and what it is called there.
#[derive(Debug)]
struct Named {
    file: String,
    name: String,
}

/// The cells of each row that begins with a threat's number.
fn rows(document: &str) -> Vec<Vec<String>> {
    document
        .lines()
        .filter(|line| line.starts_with("| T"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// Reads `` `file` "name"; `file` "name" ``.
fn named(cell: &str) -> Vec<Named> {
    let parts = cell.split("; `").map(|part| part.trim_start_matches('`'));
    parts
        .map(|part| {
            let (file, name) = part.split_once("` \"").unwrap_or_else(|| panic!("no test: {part}"));
            let name = name.strip_suffix('"').unwrap_or_else(|| panic!("no end: {name}"));
            Named { file: file.to_owned(), name: name.to_owned() }
        })
        .collect()
}

fn exists(root: &Path, named: &Named) -> bool {
    let Ok(text) = std::fs::read_to_string(root.join(&named.file)) else { return false };
    match named.file.ends_with(".rs") {
        true => text.contains(&format!("fn {}(", named.name)),
        false => text.contains(&named.name),
    }
}

#[test]
fn every_threat_has_a_defence_and_every_test_named_exists() {
    let root = checkout();
    let document = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let rows = rows(&document);
    let threats: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let wanted: BTreeSet<String> = (1..=THREATS).map(|number| format!("T{number}")).collect();
    assert_eq!(threats, wanted.iter().map(String::as_str).collect(), "T1 to T{THREATS}, each once");
    assert_eq!(rows.len(), THREATS, "no threat stands twice");
    let mut missing = Vec::new();
    for row in &rows {
        let [threat, _, _, defence, tests] = row.as_slice() else { panic!("five cells: {row:?}") };
        assert!(!defence.is_empty(), "{threat} has no defence");
        missing.extend(named(tests).into_iter().filter(|named| !exists(&root, named)));
    }
    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:#?}");
}

/// What is typed at 3 a.m.: the commands of the plan, whole.
fn commands(document: &str) -> Vec<String> {
    let joined = document.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| line.starts_with("octroi "));
    let inline = joined.split('`').filter(|code| code.starts_with("octroi breach "));
    lines.map(str::to_owned).chain(inline.map(str::to_owned)).collect()
}

/// Words as a shell splits them, as far as the plan uses it.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for character in command.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()))
            }
            other => word.push(other),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_plan_for_incidents_is_real() {
    let plan = std::fs::read_to_string(checkout().join("docs/incident-response.md")).unwrap();
    let commands = commands(&plan);
    assert!(commands.len() > 12, "{commands:#?}");
    for command in &commands {
        if let Err(error) = Cli::try_parse_from(words(command)) {
            panic!("{command}\n{error}");
        }
    }
    for block in plan.split("```toml").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let parsed: Result<serde_json::Value, _> = octroi_worker::commands::read_toml(&lines.join("\n"));
        assert!(parsed.is_ok(), "{text}\n{parsed:?}");
    }
    play(async |stage| {
        let statements = plan.split('`').filter(|code| code.starts_with("update octroi_private."));
        let mut tried = 0;
        for statement in statements {
            let statement = statement.replace("'…'", "'00000000-0000-0000-0000-000000000000'");
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&stage.pool).await.unwrap();
            tried += 1;
        }
        assert_eq!(tried, 3, "keys and accounts are stopped by SQL");
    })
    .await;
}
