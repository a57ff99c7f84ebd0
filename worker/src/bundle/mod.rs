//! The bundle of everything about a person: a zip of `data.json` (exact), a CSV for each table (for spreadsheets), and
//! `schema.json` (what every column is).
//!
//! It is written as it is read, page by page, to a writer that cannot go back: what is in memory is one page, however
//! much there is. The zip has one entry at a time, so rows are read twice; the caller reads them in one snapshot.

mod cell;
mod fingerprint;
mod manifest;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::database::DatabaseError;

pub use cell::{Cells, safe};
use fingerprint::Fingerprint;
pub use manifest::{Column, Manifest, Table};

/// A row of a bundle, with the key to go on after.
#[derive(Debug, Clone)]
pub struct ExportRow {
    /// The key to go on after.
    pub next_after: Vec<Option<String>>,
    /// The row, as JSON.
    pub data: String,
}

/// What was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Rows in all tables.
    pub rows: u64,
    /// Bytes of the zip.
    pub bytes: u64,
    /// SHA-256 of the zip, in hex.
    pub sha256: String,
}

/// Why a bundle broke off.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The rows could not be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Whoever reads it is gone, or the zip could not be written.
    #[error("the bundle could not be written: {0}")]
    Write(#[from] io::Error),
    /// A row or the register is not what this worker knows.
    #[error("the bundle cannot be made: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The zip format does not take it.
    #[error("the bundle cannot be packed: {0}")]
    Pack(#[from] zip::result::ZipError),
}

/// How the file says which request it answers.
#[derive(Debug, Serialize)]
struct Head<'h> {
    format: &'h RawValue,
    request_id: &'h str,
    made_at: &'h str,
    processors: &'h RawValue,
}

type Zip<W> = ZipWriter<StreamWriter<Fingerprint<W>>>;

/// Writes the bundle of a request to `out`, reading a page of a table after a key through `page`; an empty page ends a
/// table.
///
/// # Errors
/// A [`BundleError`]; what was written until then is no whole zip.
pub fn write<W: Write>(
    out: W,
    request_id: &str,
    made_at: &str,
    manifest: &Manifest,
    mut page: impl FnMut(&str, Option<&[Option<String>]>) -> Result<Vec<ExportRow>, DatabaseError>,
) -> Result<Tally, BundleError> {
    let mut zip = ZipWriter::new_stream(Fingerprint::new(out));
    // Sizes are only known afterwards, so every entry has room for any.
    let options = SimpleFileOptions::default().large_file(true);
    zip.start_file("schema.json", options)?;
    zip.write_all(manifest.text.get().as_bytes())?;

    zip.start_file("data.json", options)?;
    let head = Head { format: &manifest.format, request_id, made_at, processors: &manifest.processors };
    let rows = write_json(&mut zip, &serde_json::to_string(&head)?, manifest, &mut page)?;

    for table in manifest.exported() {
        zip.start_file(format!("csv/{}.csv", table.name), options)?;
        write_csv(&mut zip, table, &mut page)?;
    }
    let (bytes, sha256) = zip.finish()?.into_inner().finish()?;
    Ok(Tally { rows, bytes, sha256 })
}

/// `{…head…, "tables": {"account": [row, …], …}}`, a row to a line.
fn write_json<W: Write>(
    zip: &mut Zip<W>,
    head: &str,
    manifest: &Manifest,
    page: &mut impl FnMut(&str, Option<&[Option<String>]>) -> Result<Vec<ExportRow>, DatabaseError>,
) -> Result<u64, BundleError> {
    let mut rows = 0;
    zip.write_all(head.trim_end_matches('}').as_bytes())?;
    zip.write_all(b",\"tables\":{")?;
    for (nth, table) in manifest.exported().enumerate() {
        write!(zip, "{}\n\"{}\":[", if nth == 0 { "" } else { "," }, table.name)?;
        let mut is_first = true;
        each_row(table, page, |row| {
            zip.write_all(if is_first { b"\n" } else { b",\n" })?;
            zip.write_all(row.data.as_bytes())?;
            is_first = false;
            rows += 1;
            Ok(())
        })?;
        zip.write_all(b"]")?;
    }
    zip.write_all(b"\n}}\n")?;
    Ok(rows)
}

fn write_csv<W: Write>(
    zip: &mut Zip<W>,
    table: &Table,
    page: &mut impl FnMut(&str, Option<&[Option<String>]>) -> Result<Vec<ExportRow>, DatabaseError>,
) -> Result<(), BundleError> {
    let mut csv = Cells::new(&mut *zip, table.exported_columns().collect());
    csv.head()?;
    each_row(table, page, |row| Ok(csv.row(&row.data)?))?;
    Ok(csv.finish()?)
}

fn each_row(
    table: &Table,
    page: &mut impl FnMut(&str, Option<&[Option<String>]>) -> Result<Vec<ExportRow>, DatabaseError>,
    mut take: impl FnMut(&ExportRow) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let mut after: Option<Vec<Option<String>>> = None;
    loop {
        let rows = page(&table.name, after.as_deref())?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.next_after.clone());
        for row in &rows {
            take(row)?;
        }
    }
}

#[cfg(test)]
mod tests;
