//! What the worker refuses to work with, before it touches anything.

use octroi_tests::gateway::{environment, free_port, provider};
use octroi_tests::stage::{Stage, play};
use octroi_worker::config::Config;
use octroi_worker::database::Database;
use octroi_worker::startup::{self, StartupError};
use sqlx::AssertSqlSafe;

/// What a worker on this stage says to starting.
async fn start(stage: &Stage) -> Result<(), StartupError> {
    let sim = provider().await;
    let variables = environment(stage, &sim, free_port(), &[]).into_iter().collect();
    let config = Config::read(&variables).unwrap();
    startup::check(&Database::new(&config.database).unwrap()).await
}

/// As superuser.
async fn run(stage: &Stage, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(&stage.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_lose_commits_is_refused() {
    play(async |stage| {
        start(stage).await.unwrap();
        let database = &stage.database;
        // Wins over what the role has of itself, as an operator's haste would.
        run(stage, format!("alter role octroi_worker in database {database} set synchronous_commit = off"))
            .await;

        let refused = start(stage).await.unwrap_err();

        assert!(matches!(refused, StartupError::NotDurable), "{refused}");
        assert!(refused.to_string().contains("set synchronous_commit = on"), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_could_go_around_the_verbs_is_refused() {
    play(async |stage| {
        let table = "octroi_private.usage_event";
        run(stage, format!("grant insert on {table} to octroi_worker")).await;

        let refused = start(stage).await.unwrap_err();

        assert!(matches!(refused, StartupError::TooManyRights { .. }), "{refused}");
    })
    .await;
}
