//! `octroi export`: tables as files, read by keyset as a login that has `octroi_admin`. SQL writes down every page.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::SecretString;

use super::{CommandError, progress};
use crate::bundle::Cells;
use crate::cli::{Export, ExportFormat};
use crate::config::{DatabaseConfig, Variables};
use crate::database::{AdminReader, AdminTable, Database};

/// The login that exports; the worker's own may not.
const URL: &str = "OCTROI_ADMIN_DATABASE_URL";
/// Rows asked for at once.
const PAGE_ROWS: i32 = 5_000;
/// One table after the other needs one connection.
const CONNECTIONS: u32 = 1;

/// Writes the tables asked for, all of them when none is, to a directory.
///
/// # Errors
/// A [`CommandError`]: a table that does not exist, a file that is there already, a database that fails.
pub async fn run(
    variables: &Variables,
    out: &mut (dyn Write + Send),
    asked: &Export,
) -> Result<(), CommandError> {
    let url: SecretString = variables.required_secret(
        URL,
        "set it to a login that octroi_admin is granted to, such as postgresql://ANALYST:PASSWORD@HOST:5432/postgres",
    )?;
    let database = Database::new(&DatabaseConfig { url, connections: CONNECTIONS })?;
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
    let (mut rows, mut after) = (0, None);
    loop {
        let page = reader.page(&table.name, after.as_deref(), PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        for row in &page {
            sheet.row(&row.data)?;
        }
        rows += page.len() as u64;
        bar.set_length(rows.max(table.estimated_rows));
        bar.set_position(rows);
        after = Some(last.next_after.clone());
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
