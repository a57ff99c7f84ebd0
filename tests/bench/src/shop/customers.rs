//! Customers who sign up, subscribe and pay, and what they use.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use tokio::task::JoinSet;

use super::Shop;
use crate::load::{self, Request};
use crate::rig::Rig;

/// Checkouts paid at once.
const PAID_AT_ONCE: usize = 4;
/// Sessions that use at once: as many as there are cores here.
const SESSIONS: u32 = 2;
/// Tokens that each customer uses in a cycle: twice what plan basic includes.
const TOKENS_USED: u32 = 200_000;
/// Input tokens of a call, as `shop.sql` has it.
const INPUT_TOKENS: u32 = 100;

impl Shop {
    /// So many customers subscribe to plan basic and let usage go beyond it, all through the functions and pages that a
    /// customer of anybody's takes.
    pub async fn subscribe(&self, rig: &Rig, customers: u32) -> Result<()> {
        Rig::say(&format!("{customers} customers sign up, subscribe and pay"));
        let mut connection = self.superuser(rig).await?;
        connection.execute(include_str!("../../sql/shop.sql")).await?;
        let count = i32::try_from(customers)?;
        sqlx::query("select bench.sign_up($1)").bind(count).execute(&mut connection).await?;
        self.quiet(rig).await?;
        let sessions: Vec<String> = sqlx::query_scalar(
            "select object_id from octroi_private.billing_request where kind = 'checkout' and state = 'done'",
        )
        .fetch_all(&mut connection)
        .await?;
        ensure!(
            sessions.len() == customers as usize,
            "{} of {customers} checkouts were made",
            sessions.len()
        );
        for some in sessions.chunks(PAID_AT_ONCE) {
            let mut paid = JoinSet::new();
            for session in some {
                let request = Request::post(&format!("/sim/checkout/{session}/complete"), "", "{}");
                let address = self.stripe.address;
                paid.spawn(async move { load::fetch(address, request).await });
            }
            while let Some(done) = paid.join_next().await {
                done??;
            }
        }
        self.quiet(rig).await?;
        let subscribed: i64 =
            sqlx::query_scalar("select bench.let_usage_go_on()").fetch_one(&mut connection).await?;
        ensure!(subscribed == i64::from(customers), "{subscribed} of {customers} customers are subscribed");
        Ok(())
    }

    /// Each customer makes so many calls, which together go beyond the plan, by the verbs that every call goes through, 100 a batch.
    pub async fn use_up(&self, rig: &Rig, calls: u32) -> Result<()> {
        let mut sessions = JoinSet::new();
        let output = (TOKENS_USED / calls).saturating_sub(INPUT_TOKENS);
        for session in 0..SESSIONS {
            let mut connection = self.superuser(rig).await?;
            sessions.spawn(async move {
                connection.execute("set synchronous_commit = off").await?;
                let statement = format!("call bench.use_up({calls}, {output}, {session}, {SESSIONS})");
                connection.execute(AssertSqlSafe(statement)).await
            });
        }
        while let Some(done) = sessions.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Moves both clocks so many seconds on; what is due on the way happens.
    pub async fn let_pass(&self, rig: &Rig, seconds: i64) -> Result<()> {
        let mut connection = self.superuser(rig).await?;
        sqlx::query(
            "insert into octroi_private.test_clock (shift) values (make_interval(secs => $1))
             on conflict (only_row) do update set shift = test_clock.shift + excluded.shift",
        )
        .bind(seconds as f64)
        .execute(&mut connection)
        .await?;
        let clock = self.control("clock", None).await?;
        let now = clock["now"].as_i64().with_context(|| format!("the stand-in's clock shows {clock}"))?;
        self.control("clock", Some(&json!({ "to": now + seconds }))).await?;
        Ok(())
    }
}
