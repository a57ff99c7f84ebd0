//! Fills the migrated database: accounts that may call, and everything to compare with.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::rig::Rig;

/// What has rows before the first call.
const FILLED: [&str; 6] = [
    "bench.account_quota",
    "octroi_private.account",
    "octroi_private.balance",
    "octroi_private.entitlement",
    "octroi_private.member",
    "octroi_private.subscription",
];

/// Prepares the database that all sections but growth use.
pub async fn prepare(rig: &Rig) -> Result<()> {
    Rig::say(&format!("Making {} accounts", rig.scale.accounts));
    let mut connection = rig.superuser().await?;
    for text in [
        include_str!("../sql/bench.sql"),
        include_str!("../sql/numbered_id.sql"),
        include_str!("../sql/naive.sql"),
    ] {
        sqlx::raw_sql(text).execute(&mut connection).await?;
    }
    let password = rig.password()?;
    for role in ["bench_backend", "bench_user"] {
        let statement = format!("alter role {role} password '{password}'");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.execute("set session_replication_role = replica").await?;
    sqlx::query(include_str!("../sql/accounts.sql"))
        .bind(i32::try_from(rig.scale.accounts)?)
        .execute(&mut connection)
        .await
        .context("the accounts cannot be made")?;
    connection.execute("set session_replication_role = origin").await?;
    open_entitlements(rig).await?;
    // Not the empty ones: no installation has them analyzed before the first call, and the planner takes an empty table
    // that was analyzed for one that stays empty.
    for table in FILLED {
        connection.execute(AssertSqlSafe(format!("vacuum analyze {table}"))).await?;
    }
    connection.execute("checkpoint").await?;
    Ok(connection.close().await?)
}

/// Every account has called before in this month, which is the usual case. By the rule that a first call goes through,
/// in as many sessions as there are cores here.
async fn open_entitlements(rig: &Rig) -> Result<()> {
    let halves = [0, 1].map(|half| {
        let rig = rig.clone();
        async move {
            let mut connection = rig.superuser().await?;
            sqlx::query(
                "select count(octroi_private.open_entitlement(id, null, id, 'gpt-5.4-mini'))
                   from generate_series(1, $1) as n, bench.numbered_id(n) as id where n % 2 = $2",
            )
            .bind(i32::try_from(rig.scale.accounts)?)
            .bind(half)
            .execute(&mut connection)
            .await
            .context("the entitlements cannot be opened")?;
            anyhow::Ok(())
        }
    });
    let [first, second] = halves;
    tokio::try_join!(first, second)?;
    Ok(())
}

/// Makes `database` a copy of `template`, which nobody may be connected to.
pub async fn copy_database(rig: &Rig, database: &str, template: &str) -> Result<()> {
    let mut connection = PgConnection::connect_with(&rig.options("postgres", "template1")).await?;
    let statement = format!("create database {database} template {template} strategy file_copy");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .with_context(|| format!("{template} cannot be copied to {database}"))?;
    Ok(connection.close().await?)
}

/// Removes a database that nobody is connected to: some are gigabytes.
pub async fn drop_database(rig: &Rig, database: &str) -> Result<()> {
    let mut connection = PgConnection::connect_with(&rig.options("postgres", "template1")).await?;
    // A worker's last connections end a moment after it.
    let statement = format!("drop database {database} with (force)");
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(connection.close().await?)
}

/// What the run depends on beside the machine: versions and settings of the server.
pub async fn server_description(rig: &Rig) -> Result<String> {
    let mut connection = rig.superuser().await?;
    let text: String = sqlx::query_scalar(
        "select 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)
           || coalesce((
             select string_agg(', ' || name || ' ' || current_setting(name), '' order by name)
             from pg_settings
             where name in ('shared_buffers', 'max_wal_size', 'fsync', 'synchronous_commit', 'full_page_writes')
           ), '')",
    )
    .fetch_one(&mut connection)
    .await?;
    Ok(text)
}
