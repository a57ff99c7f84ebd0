//! Installing the extension where somebody has prepared for it.

use octroi_tests::stage::play;
use octroi_tests::template::superuser;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_somebody_made_before_stops_the_installation() {
    play(async |stage| {
        let name = format!("{}_bare", stage.database);
        let mut server = PgConnection::connect_with(&superuser()).await.unwrap();
        for statement in [format!("drop database if exists \"{name}\""), format!("create database \"{name}\"")] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
        }
        let mut bare = PgConnection::connect_with(&superuser().database(&name)).await.unwrap();
        // What a tenant with CREATE on the database could leave there: a function that the verbs would then call.
        let trap = "create schema octroi_native;
             create function octroi_native.count_tokens(text, text) returns bigint language sql as 'select 0::bigint'";
        sqlx::raw_sql(trap).execute(&mut bare).await.unwrap();
        let installed = sqlx::raw_sql("create extension octroi").execute(&mut bare).await;
        let error = installed.expect_err("it goes nowhere that is prepared").into_database_error().unwrap();
        assert!(["42P06", "42723", "55000"].contains(&error.code().unwrap().as_ref()), "{error:?}");
        let source: String = sqlx::query_scalar(
            "select prosrc from pg_proc where proname = 'count_tokens' and pronamespace = 'octroi_native'::regnamespace",
        )
        .fetch_one(&mut bare)
        .await
        .unwrap();
        assert_eq!(source, "select 0::bigint", "what is there is neither taken over nor replaced");
        bare.close().await.unwrap();
        let statement = format!("drop database \"{name}\" with (force)");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
    })
    .await;
}
