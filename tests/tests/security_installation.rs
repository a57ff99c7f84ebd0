//! Installing where somebody has prepared for it, and running on a copy.

use octroi_tests::gateway::{environment, free_port, provider};
use octroi_tests::stage::play;
use octroi_tests::template::{checkout, superuser};
use octroi_worker::doctor;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What a tenant with CREATE on the database could leave there: functions that the verbs would then call, or only a
/// schema of their own, to put them there later.
const TRAPS: [&str; 2] = [
    "create schema octroi_native;
     create function octroi_native.count_tokens(text, text) returns bigint language sql as 'select 0::bigint'",
    "create schema octroi_native",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_somebody_made_before_stops_the_installation() {
    let script = |name: &str| std::fs::read_to_string(checkout().join(name)).unwrap();
    let base = script("stack/supabase_base.sql");
    let first = script("supabase/migrations/20261122000100_schemas_and_roles.sql");
    play(async |stage| {
        let name = format!("{}_bare", stage.database);
        let mut server = PgConnection::connect_with(&superuser()).await.unwrap();
        for trap in TRAPS {
            for statement in
                [format!("drop database if exists \"{name}\""), format!("create database \"{name}\"")]
            {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
            }
            let mut bare = PgConnection::connect_with(&superuser().database(&name)).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(base.as_str())).execute(&mut bare).await.unwrap();
            sqlx::raw_sql(trap).execute(&mut bare).await.unwrap();
            let installed = sqlx::raw_sql(AssertSqlSafe(first.as_str())).execute(&mut bare).await;
            let error =
                installed.expect_err("it goes nowhere that is prepared").into_database_error().unwrap();
            assert_eq!(error.code().unwrap(), "42P06", "{error:?}");
            let ours: i64 = sqlx::query_scalar("select count(*) from pg_extension where extname = 'octroi'")
                .fetch_one(&mut bare)
                .await
                .unwrap();
            assert_eq!(ours, 0, "nothing of it is there");
            bare.close().await.unwrap();
            let statement = format!("drop database \"{name}\" with (force)");
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_database_has_a_right_too_many_and_the_doctor_says_so() {
    play(async |stage| {
        let sim = provider().await;
        let variables = environment(stage, &sim, free_port(), &[]).into_iter().collect();
        let examine = async || {
            let mut said = Vec::new();
            doctor::examine(&variables, &mut said).await.unwrap();
            String::from_utf8(said).unwrap()
        };
        // Neither a template nor a dump passes on the rights of the database itself.
        let copied = examine().await;
        assert!(copied.contains("warn   PUBLIC may make temporary objects in this database"), "{copied}");
        let revoke = format!("revoke temporary on database \"{}\" from public", stage.database);
        sqlx::raw_sql(AssertSqlSafe(revoke)).execute(&stage.pool).await.unwrap();
        let mended = examine().await;
        assert!(mended.contains("ok     PUBLIC makes no temporary objects"), "{mended}");
        assert!(mended.contains("ok     the way to Postgres stays on this machine"), "{mended}");
        assert!(mended.contains("ok     no sign of a breach waits to be looked at"), "{mended}");
    })
    .await;
}
