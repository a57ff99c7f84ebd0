//! Rows as CSV that a spreadsheet shows and does not run.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Map, Value};

/// What makes a spreadsheet take a cell for a formula when it stands first (OWASP, "CSV Injection").
const TRIGGERS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// A text as a cell: one that a spreadsheet would run has an apostrophe before it.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(TRIGGERS) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Writes rows that come as JSON objects.
pub struct Cells<'c, W: Write> {
    csv: csv::Writer<W>,
    columns: Vec<&'c str>,
}

impl<'c, W: Write> Cells<'c, W> {
    /// Rows of these columns, in this order.
    pub fn new(out: W, columns: Vec<&'c str>) -> Self {
        // Lines end as RFC 4180 has it, which every spreadsheet reads.
        let csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        Self { csv, columns }
    }

    /// Writes the names of the columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn head(&mut self) -> io::Result<()> {
        Ok(self.csv.write_record(&self.columns)?)
    }

    /// Writes a row. Numbers and truth values stand as they are, nothing where there is null, and what has parts as JSON.
    ///
    /// # Errors
    /// When it is no JSON object, or cannot be written.
    pub fn row(&mut self, data: &str) -> io::Result<()> {
        let row: Map<String, Value> = serde_json::from_str(data)?;
        for column in &self.columns {
            match row.get(*column) {
                None | Some(Value::Null) => self.csv.write_field("")?,
                Some(Value::String(text)) => self.csv.write_field(safe(text).as_bytes())?,
                Some(value @ (Value::Bool(_) | Value::Number(_))) => {
                    self.csv.write_field(value.to_string())?
                }
                Some(value) => self.csv.write_field(safe(&value.to_string()).as_bytes())?,
            }
        }
        Ok(self.csv.write_record(None::<&[u8]>)?)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}
