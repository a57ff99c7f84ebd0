//! One migrated database that every test copies.
//!
//! It is named by what went into it, so test processes at the same time and runs one after the other share it; whoever
//! comes first builds it under an advisory lock. Templates of other sources are dropped then.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The password that `octroi_worker` has in the throwaway cluster.
pub const WORKER_PASSWORD: &str = "only-in-tests";

/// Advisory lock of whoever builds templates.
const BUILD_LOCK: i64 = 0x6f63_7472_6f69;

/// Where the superuser of the throwaway cluster connects.
pub fn superuser() -> PgConnectOptions {
    let url = std::env::var("OCTROI_TEST_DATABASE_URL")
        .expect("OCTROI_TEST_DATABASE_URL names the superuser of a throwaway cluster; `make test` sets it");
    url.parse().expect("OCTROI_TEST_DATABASE_URL is a Postgres URL")
}

/// The checkout whose SQL is tested: this one, unless `OCTROI_TEST_CHECKOUT` names another.
pub fn checkout() -> PathBuf {
    if let Some(other) = std::env::var_os("OCTROI_TEST_CHECKOUT") {
        return PathBuf::from(other);
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout").to_owned()
}

/// Runs scripts one after the other, each as a transaction, as Supabase's own tool does.
pub async fn run(connection: &mut PgConnection, scripts: &[(PathBuf, String)]) {
    for (path, text) in scripts {
        // Several statements in one message are one transaction.
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(text.as_str())).execute(&mut *connection).await {
            panic!("{}: {error}", path.display());
        }
    }
}

/// What a database is made of, in order: Supabase's own part, then the migrations.
pub fn scripts() -> Vec<(PathBuf, String)> {
    let checkout = checkout();
    let mut migrations: Vec<PathBuf> = std::fs::read_dir(checkout.join("supabase/migrations"))
        .expect("the checkout has migrations")
        .map(|entry| entry.expect("migrations can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    migrations.sort();
    std::iter::once(checkout.join("stack/supabase_base.sql"))
        .chain(migrations)
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("scripts can be read");
            (path, text)
        })
        .collect()
}

/// Builds the template in the cluster of `server` unless it is there; returns its name.
pub async fn template(server: &PgConnectOptions) -> String {
    let mut connection = PgConnection::connect_with(server).await.expect("the test cluster answers");
    let scripts = scripts();
    let name = name(&mut connection, &scripts).await;
    sqlx::query("select pg_advisory_lock($1)").bind(BUILD_LOCK).execute(&mut connection).await.unwrap();
    let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    if !known {
        drop_stale(&mut connection).await;
        build(&mut connection, server, &name, &scripts).await;
    }
    // Closing the session also gives the lock back.
    connection.close().await.unwrap();
    name
}

/// Named by the scripts and by the extension's library and SQL as this cluster has them.
async fn name(connection: &mut PgConnection, scripts: &[(PathBuf, String)]) -> String {
    let extension: String = sqlx::query_scalar(
        "select md5(pg_read_binary_file(l.setting || '/octroi.so')) || (
           select string_agg(md5(pg_read_file(s.setting || '/extension/' || f.name)), '' order by f.name)
           from pg_ls_dir(s.setting || '/extension') as f (name) where f.name like 'octroi%'
         )
         from pg_config as l, pg_config as s where l.name = 'PKGLIBDIR' and s.name = 'SHAREDIR'",
    )
    .fetch_one(connection)
    .await
    .expect("the cluster has the extension octroi");
    let mut hash = Sha256::new_with_prefix(extension);
    for (_, text) in scripts {
        hash.update(text);
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("octroi_template_{hash}")
}

async fn drop_stale(connection: &mut PgConnection) {
    let stale: Vec<String> =
        sqlx::query_scalar("select datname from pg_database where datname like 'octroi\\_template\\_%'")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    for name in stale {
        // Another checkout may be copying it this moment; then it stays.
        let _ =
            sqlx::query(AssertSqlSafe(format!("drop database \"{name}\""))).execute(&mut *connection).await;
    }
}

async fn build(
    connection: &mut PgConnection,
    server: &PgConnectOptions,
    name: &str,
    scripts: &[(PathBuf, String)],
) {
    // Only a finished template bears the name.
    let partial = format!("{name}_partial");
    for statement in
        [format!("drop database if exists \"{partial}\""), format!("create database \"{partial}\"")]
    {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await.unwrap();
    }
    let mut inside = PgConnection::connect_with(&server.clone().database(&partial)).await.unwrap();
    run(&mut inside, scripts).await;
    let password = format!("alter role octroi_worker password '{WORKER_PASSWORD}'");
    sqlx::raw_sql(AssertSqlSafe(password)).execute(&mut inside).await.unwrap();
    inside.close().await.unwrap();
    let rename = format!("alter database \"{partial}\" rename to \"{name}\"");
    sqlx::query(AssertSqlSafe(rename)).execute(connection).await.unwrap();
}
