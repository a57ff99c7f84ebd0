//! Bundles: who has the token of one, and the rows in it, read in one snapshot.

use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Database, DatabaseError, Session, SessionLimits};
use crate::bundle::{ExportRow, Tally};

/// Rows asked for at once; tables with large rows give fewer.
const PAGE_ROWS: i32 = 2_000;
/// One snapshot for all pages. A reader who is slow but there is waited for; one who stalls is given up by the socket
/// before this.
const OPEN_SNAPSHOT: &str = "begin isolation level repeatable read read only; \
    set local idle_in_transaction_session_timeout = '90s'";

/// A bundle that is being read: one connection, one snapshot.
#[derive(Debug)]
pub struct ExportSnapshot {
    session: Session,
    request_id: Uuid,
}

impl Database {
    /// Uses up the ticket whose token has this hash; the request it is for, or nothing when it opens no door.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn begin_export(&self, token_hash: &[u8]) -> Result<Option<Uuid>, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.begin_export($1)").bind(token_hash);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// What is in a bundle, and when by the database's clock.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn export_manifest(&self) -> Result<Box<RawValue>, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.export_manifest()");
        let manifest: Json<Box<RawValue>> = self.answer(query.fetch_one(self.pool())).await?;
        Ok(manifest.0)
    }

    /// Opens a snapshot of the rows of a request whose ticket was just used.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn open_export(&self, request_id: Uuid) -> Result<ExportSnapshot, DatabaseError> {
        let mut session = self.session(SessionLimits::EXPORT);
        session
            .run(async |connection| sqlx::raw_sql(OPEN_SNAPSHOT).execute(connection).await.map(|_| ()))
            .await?;
        Ok(ExportSnapshot { session, request_id })
    }

    /// Writes down that a bundle was handed out whole.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_export(&self, request_id: Uuid, tally: &Tally) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_export($1, $2, $3, $4)")
            .bind(request_id)
            .bind(i64::try_from(tally.rows).unwrap_or(i64::MAX))
            .bind(i64::try_from(tally.bytes).unwrap_or(i64::MAX))
            .bind(&tally.sha256);
        self.answer(query.fetch_one(self.pool())).await
    }
}

impl ExportSnapshot {
    /// Rows of a table after a key; none at its end.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; the snapshot is of no use then.
    pub async fn page(
        &mut self,
        table: &str,
        after: Option<&[Option<String>]>,
    ) -> Result<Vec<ExportRow>, DatabaseError> {
        let request_id = self.request_id;
        let rows = self
            .session
            .run(async |connection| {
                sqlx::query("select next_after, data from octroi_private.export_page($1, $2, $3, $4)")
                    .bind(request_id)
                    .bind(table)
                    .bind(after)
                    .bind(PAGE_ROWS)
                    .fetch_all(connection)
                    .await
            })
            .await?;
        rows.iter().map(|row| Ok(ExportRow { next_after: row.try_get(0)?, data: row.try_get(1)? })).collect()
    }
}
