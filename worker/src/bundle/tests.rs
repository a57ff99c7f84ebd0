//! Bundles from rows that a test makes up.

use std::io::{Cursor, Read};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn manifest() -> Manifest {
    let text = json!({
        "format": "octroi-export-1",
        "processors": [{ "name": "stripe" }],
        "tables": [
            { "table": "hidden", "withheld": "machinery", "columns": [{ "name": "id", "export": "withheld" }] },
            { "table": "note", "withheld": null, "columns": [
                { "name": "id", "export": "as_is" },
                { "name": "secret", "export": "withheld" },
                { "name": "text", "export": "as_is" },
            ] },
        ],
    });
    Manifest::read(RawValue::from_string(text.to_string()).unwrap()).unwrap()
}

/// What a database answers.
type Page = Result<Vec<ExportRow>, DatabaseError>;

/// Three rows to a page, as a database would give them.
fn pages(texts: &[String]) -> impl FnMut(&str, Option<&[Option<String>]>) -> Page {
    move |table, after| {
        assert_eq!(table, "note", "nothing else is asked for");
        let from = after.map_or(0, |after| after[1].as_ref().unwrap().parse::<usize>().unwrap() + 1);
        let row = |id: usize| ExportRow {
            next_after: vec![None, Some(id.to_string())],
            data: json!({ "id": id, "text": texts[id] }).to_string(),
        };
        Ok((from..texts.len().min(from + 3)).map(row).collect())
    }
}

fn packed(texts: &[String]) -> (Tally, zip::ZipArchive<Cursor<Vec<u8>>>) {
    let mut out = Vec::new();
    let tally = write(&mut out, "request", "2026-01-01T00:00:00Z", &manifest(), pages(texts)).unwrap();
    assert_eq!(tally.bytes, out.len() as u64);
    (tally, zip::ZipArchive::new(Cursor::new(out)).unwrap())
}

fn entry(zip: &mut zip::ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_bundle_has_every_row_once_in_json_and_once_in_csv() {
    for count in [0, 1, 3, 7] {
        let texts: Vec<String> = (0..count).map(|n| format!("text, \"{n}\"")).collect();
        let (tally, mut zip) = packed(&texts);
        assert_eq!(tally.rows, count as u64);
        let data: Value = serde_json::from_str(&entry(&mut zip, "data.json")).unwrap();
        assert_eq!(data["request_id"], "request");
        assert_eq!(data["processors"][0]["name"], "stripe");
        let read: Vec<&str> = data["tables"]["note"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["text"].as_str().unwrap())
            .collect();
        assert_eq!(read, texts);
        let csv = entry(&mut zip, "csv/note.csv");
        let mut csv = csv::Reader::from_reader(csv.as_bytes());
        assert_eq!(csv.headers().unwrap(), &vec!["id", "text"]);
        assert_eq!(csv.records().map(|row| row.unwrap()[1].to_owned()).collect::<Vec<_>>(), texts);
        assert!(zip.by_name("csv/hidden.csv").is_err());
        assert_eq!(
            serde_json::from_str::<Value>(&entry(&mut zip, "schema.json")).unwrap()["format"],
            "octroi-export-1"
        );
    }
}

#[test]
fn a_bundle_breaks_off_when_its_rows_do() {
    let failing = |_: &str, _: Option<&[Option<String>]>| Err(DatabaseError::Silent { waited_seconds: 1 });
    let broken = write(Vec::new(), "request", "now", &manifest(), failing);
    assert!(matches!(broken, Err(BundleError::Database(_))));
}

proptest! {
    #[test]
    fn no_cell_of_text_is_run_and_every_text_can_be_had_back(
        texts in proptest::collection::vec("[=+@\t\r\n,\"'; \\-]{0,3}\\PC{0,20}", 1..8)
    ) {
        let (_, mut zip) = packed(&texts);
        let csv = entry(&mut zip, "csv/note.csv");
        let mut csv = csv::ReaderBuilder::new().from_reader(csv.as_bytes());
        let cells: Vec<String> = csv.records().map(|row| row.unwrap()[1].to_owned()).collect();
        prop_assert_eq!(cells.len(), texts.len());
        for (cell, text) in cells.iter().zip(&texts) {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
            let bare = if cell == text { text.as_str() } else { cell.strip_prefix('\'').unwrap() };
            prop_assert_eq!(bare, text);
        }
        let data: Value = serde_json::from_str(&entry(&mut zip, "data.json")).unwrap();
        for (row, text) in data["tables"]["note"].as_array().unwrap().iter().zip(&texts) {
            prop_assert_eq!(row["text"].as_str().unwrap(), text, "JSON is exact");
        }
    }
}
