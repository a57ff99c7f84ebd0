//! `octroi export`: tables as files, read by keyset as a login that has `octroi_admin`. SQL writes down every page.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{CommandError, progress};
use crate::bundle::Cells;
use crate::cli::{Export, ExportFormat};
use crate::config::{DatabaseConfig, Variables};
use crate::database::{AdminReader, AdminTable, Database};

/// Rows asked for at once.
const PAGE_ROWS: usize = 5_000;

/// Writes the tables asked for, all of them when none is, to a directory.
///
/// # Errors
/// A [`CommandError`]: a table that does not exist, a file that is there already, a database that fails.
pub async fn run(
    variables: &Variables,
    out: &mut (dyn Write + Send),
    asked: &Export,
) -> Result<(), CommandError> {
    let database = Database::new(&DatabaseConfig::read_admin(variables)?)?;
    let mut reader = database.admin_reader();
    let tables = reader.tables().await?;
    let chosen = choose(&tables, &asked.tables)?;
    for table in chosen {
        let extension = match asked.format {
            ExportFormat::Csv => "csv",
            ExportFormat::Jsonl => "jsonl",
        };
        let path = asked.directory.join(format!("{}.{extension}", table.name));
        let rows = write_table(&mut reader, table, asked.format, &path).await?;
        writeln!(out, "{}: {rows} rows", path.display())?;
    }
    database.close().await;
    Ok(())
}

fn choose<'t>(tables: &'t [AdminTable], asked: &[String]) -> Result<Vec<&'t AdminTable>, CommandError> {
    if asked.is_empty() {
        return Ok(tables.iter().collect());
    }
    let find = |name: &String| {
        tables.iter().find(|table| table.name == *name).ok_or_else(|| CommandError::NoSuchTable {
            name: name.clone(),
            there_are: tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    };
    asked.iter().map(find).collect()
}

async fn write_table(
    reader: &mut AdminReader,
    table: &AdminTable,
    format: ExportFormat,
    path: &Path,
) -> Result<u64, CommandError> {
    let mut sheet = Sheet::create(path, table, format)?;
    let bar = progress::bar("rows", table.estimated_rows);
    let max_rows = i32::try_from(PAGE_ROWS).unwrap_or(i32::MAX);
    let (mut rows, mut after) = (0, None);
    loop {
        let mut page = reader.page(&table.name, after.as_deref(), max_rows).await?;
        for row in &page {
            sheet.row(&row.data)?;
        }
        rows += page.len() as u64;
        bar.set_length(rows.max(table.estimated_rows));
        bar.set_position(rows);
        // The end is a page that is not full: the audit log has a row more after each page of it that is read.
        if page.len() < PAGE_ROWS {
            break;
        }
        after = page.pop().map(|last| last.next_after);
    }
    sheet.finish()?;
    bar.finish_and_clear();
    Ok(rows)
}

/// A file in one of the formats.
enum Sheet<'s> {
    Csv(Box<Cells<'s, BufWriter<File>>>),
    Jsonl(BufWriter<File>),
}

impl<'s> Sheet<'s> {
    /// A new file that only its owner reads; one that is there is never written over.
    fn create(path: &Path, table: &'s AdminTable, format: ExportFormat) -> std::io::Result<Self> {
        let file = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?);
        match format {
            ExportFormat::Jsonl => Ok(Self::Jsonl(file)),
            ExportFormat::Csv => {
                let mut cells = Cells::new(file, table.columns.iter().map(String::as_str).collect());
                cells.head()?;
                Ok(Self::Csv(Box::new(cells)))
            }
        }
    }

    fn row(&mut self, data: &str) -> std::io::Result<()> {
        match self {
            Self::Csv(cells) => cells.row(data),
            Self::Jsonl(file) => writeln!(file, "{data}"),
        }
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Csv(cells) => cells.finish(),
            Self::Jsonl(mut file) => file.flush(),
        }
    }
}
