//! What operators export, as a login that has `octroi_admin`. SQL writes down who reads what.

use sqlx::Row;

use super::{Database, DatabaseError, Session, SessionLimits};
use crate::bundle::ExportRow;

/// A table that operators may export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminTable {
    /// Its name.
    pub name: String,
    /// How many rows the planner takes it to have.
    pub estimated_rows: u64,
    /// The columns that operators see, in order.
    pub columns: Vec<String>,
}

/// A connection that reads table after table.
#[derive(Debug)]
pub struct AdminReader {
    session: Session,
}

impl Database {
    /// Opens a connection to export over.
    pub fn admin_reader(&self) -> AdminReader {
        AdminReader { session: self.session(SessionLimits::EXPORT) }
    }
}

impl AdminReader {
    /// The tables that there are.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn tables(&mut self) -> Result<Vec<AdminTable>, DatabaseError> {
        let rows = self
            .session
            .run(async |connection| {
                sqlx::query("select table_name, estimated_rows, columns from octroi_private.admin_tables()")
                    .fetch_all(connection)
                    .await
            })
            .await?;
        rows.iter()
            .map(|row| {
                let estimated_rows: i64 = row.try_get(1)?;
                Ok(AdminTable {
                    name: row.try_get(0)?,
                    estimated_rows: estimated_rows.unsigned_abs(),
                    columns: row.try_get(2)?,
                })
            })
            .collect()
    }

    /// Rows of a table after a key; none at its end.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn page(
        &mut self,
        table: &str,
        after: Option<&[Option<String>]>,
        max_rows: i32,
    ) -> Result<Vec<ExportRow>, DatabaseError> {
        let rows = self
            .session
            .run(async |connection| {
                sqlx::query("select next_after, data from octroi_private.admin_page($1, $2, $3)")
                    .bind(table)
                    .bind(after)
                    .bind(max_rows)
                    .fetch_all(connection)
                    .await
            })
            .await?;
        rows.iter().map(|row| Ok(ExportRow { next_after: row.try_get(0)?, data: row.try_get(1)? })).collect()
    }
}
