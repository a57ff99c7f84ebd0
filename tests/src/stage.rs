//! A database of a test's own, sound when the test begins and when it ends.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::{seed, template};

/// Connections a stage opens at most: 32 clients, a sampler, and the test itself.
const MAX_CONNECTIONS: u32 = 40;

/// A migrated database of its own. Dropped with everything in it when the stage is.
#[derive(Debug)]
pub struct Stage {
    /// As superuser.
    pub pool: PgPool,
    /// The database's name.
    pub database: String,
    server: PgConnectOptions,
}

/// Tells a story on a stage of its own, and checks every invariant of money when it has ended.
pub async fn play(story: impl AsyncFnOnce(&Stage)) {
    let stage = Stage::open(&template::superuser()).await;
    story(&stage).await;
    stage.assert_sound().await;
    stage.strike().await;
}

impl Stage {
    /// A fresh copy of the template in the cluster that `server` is the superuser of.
    pub async fn open(server: &PgConnectOptions) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        seed::seed();
        let template = template::template(server).await;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("octroi_test_{}_{number}", std::process::id());
        let mut connection = PgConnection::connect_with(server).await.expect("the test cluster answers");
        for statement in [
            format!("drop database if exists \"{database}\" with (force)"),
            format!("create database \"{database}\" template \"{template}\""),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
        Self::on(server, database)
    }

    /// A stage on a database that is there already.
    pub fn on(server: &PgConnectOptions, database: String) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .connect_lazy_with(server.clone().database(&database));
        Self { pool, database, server: server.clone() }
    }

    /// Where the superuser connects to this database.
    pub fn superuser(&self) -> PgConnectOptions {
        self.server.clone().database(&self.database)
    }

    /// The URL a worker is given for this database.
    pub fn worker_url(&self) -> String {
        let (host, port) = (self.server.get_host(), self.server.get_port());
        format!("postgresql://octroi_worker:{}@{host}:{port}/{}", template::WORKER_PASSWORD, self.database)
    }

    /// A connection of its own, outside the pool.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.superuser()).await.unwrap()
    }

    /// Every violated invariant; empty in a sound database.
    pub async fn violations(&self) -> Vec<(String, String, String)> {
        sqlx::query_as("select violated, subject, detail from octroi_private.integrity order by 1, 2")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Fails the test if an invariant is violated.
    pub async fn assert_sound(&self) {
        let violations = self.violations().await;
        assert!(violations.is_empty(), "integrity is violated: {violations:#?}");
    }

    /// Drops the database at once. A stage that a failing test leaves behind is dropped too, without this.
    pub async fn strike(self) {
        self.pool.close().await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let (server, database) = (self.server.clone(), self.database.clone());
        // A failing test unwinds through here, where nothing can be awaited.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&server).await.ok()?;
                let statement = format!("drop database if exists \"{database}\" with (force)");
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.ok()
            })
        });
        // What cannot be dropped goes with the cluster.
        let _ = dropped.join();
    }
}
