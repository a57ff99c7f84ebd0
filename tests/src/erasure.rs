//! Deleting people, and what became of it.

use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::cast::{Caller, act_as};
use crate::stage::Stage;

/// Rows of one bite where a test removes usage by itself.
const BITE_ROWS: i32 = 5_000;

impl Stage {
    /// Deletes a user as they do it themselves; the receipt's id and what it says was kept.
    pub async fn delete_account_of(&self, caller: Caller) -> (Uuid, Value) {
        let mut transaction = self.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let query = sqlx::query_as("select receipt_id, kept from octroi.delete_my_account()");
        let receipt = query.fetch_one(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        receipt
    }

    /// Whether nothing of an erasure is left to be done, here or elsewhere.
    pub async fn is_erased(&self, receipt_id: Uuid) -> bool {
        sqlx::query_scalar("select finished_at is not null from octroi_private.erasure_receipt where id = $1")
            .bind(receipt_id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// The tables with a row that names somebody, in whatever column.
    pub async fn tables_naming(&self, user_id: Uuid) -> Vec<String> {
        let looks: Vec<String> = sqlx::query_scalar(
            "select format('select %1$L where exists (select from %1$s as t where t::text like $1)', c.oid::regclass)
             from pg_class as c
             where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let query = sqlx::query_scalar(AssertSqlSafe(looks.join(" union all ")));
        query.bind(format!("%{user_id}%")).fetch_all(&self.pool).await.unwrap()
    }

    /// Removes an erased person's calls as the worker's job does; how many rows.
    pub async fn remove_usage(&self, receipt_id: Uuid) -> i64 {
        let mut rows = 0;
        loop {
            let query = sqlx::query_as("select rows_done, is_done from octroi_private.remove_usage($1, $2)");
            let (done, is_done): (i64, bool) =
                query.bind(receipt_id).bind(BITE_ROWS).fetch_one(&self.pool).await.unwrap();
            rows += done;
            if is_done {
                return rows;
            }
        }
    }
}

/// The lines of a dump that have one of the canaries.
pub fn lines_with<'d>(dump: &'d str, canaries: &[String]) -> Vec<&'d str> {
    dump.lines().filter(|line| canaries.iter().any(|canary| line.contains(canary.as_str()))).collect()
}
