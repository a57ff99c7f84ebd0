//! What is in a bundle, as the register of personal data says it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The register, as `octroi_private.export_manifest()` gives it.
#[derive(Debug)]
pub struct Manifest {
    /// All of it: `schema.json`.
    pub text: Box<RawValue>,
    /// What the format is called.
    pub format: Box<RawValue>,
    /// Who handles the data.
    pub processors: Box<RawValue>,
    /// Every table with something about people.
    pub tables: Vec<Table>,
}

/// A table with something about people.
#[derive(Debug, Clone, Deserialize)]
pub struct Table {
    /// Its name.
    #[serde(rename = "table")]
    pub name: String,
    /// Why none of its rows is handed out, where none is.
    pub withheld: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// A column of such a table.
#[derive(Debug, Clone, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `withheld`, or how it is handed out.
    pub export: String,
}

#[derive(Deserialize)]
struct Parts {
    format: Box<RawValue>,
    processors: Box<RawValue>,
    tables: Vec<Table>,
}

impl Manifest {
    /// Reads the register.
    ///
    /// # Errors
    /// When it is not what this version of the worker knows.
    pub fn read(text: Box<RawValue>) -> Result<Self, serde_json::Error> {
        let Parts { format, processors, tables } = serde_json::from_str(text.get())?;
        Ok(Self { text, format, processors, tables })
    }

    /// The tables whose rows are handed out.
    pub fn exported(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.withheld.is_none())
    }
}

impl Table {
    /// The names of the columns that are handed out.
    pub fn exported_columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.export != "withheld").map(|column| column.name.as_str())
    }
}
