//! `docs/security.md` names a test for each threat; each of them exists.

use std::collections::BTreeSet;
use std::path::Path;

use octroi_tests::template::checkout;

/// Threats of the model.
const THREATS: usize = 44;

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
        // What comes with another part says so, and has no test to look for yet.
        if tests.starts_with("open: ") {
            continue;
        }
        missing.extend(named(tests).into_iter().filter(|named| !exists(&root, named)));
    }
    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:#?}");
}
