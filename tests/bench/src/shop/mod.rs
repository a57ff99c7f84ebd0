//! A shop, all of it as an operator runs it: Stripe's stand-in, the edge function behind its webhooks, Supabase Lite in
//! front of a database of its own, and a worker.

mod customers;
mod processes;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::PgConnection;

use crate::child::Running;
use crate::load::{self, Request};
use crate::rig::Rig;
use crate::upstreams::Server;

pub use processes::WEBHOOK_SECRET;

/// A copy of the migrated database without anything in it.
pub const TEMPLATE: &str = "bench_empty";

/// Longest wait until there is nothing to do, in seconds.
const QUIET_SECONDS: u64 = 600;
/// Pause between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A shop that is open.
pub struct Shop {
    /// The database.
    pub database: String,
    /// Stripe's stand-in.
    pub stripe: Server,
    /// The edge function.
    pub door: Server,
    /// The worker.
    pub worker: Server,
    lite: Running,
}

impl Shop {
    /// Opens a shop on a database of its own, and puts the plans that come with the project on sale.
    pub async fn open(rig: &Rig, database: &str) -> Result<Self> {
        crate::seed::copy_database(rig, database, TEMPLATE).await?;
        let lite = processes::lite(rig, database).await?;
        let door_address = processes::free_address()?;
        let stripe = processes::stripe(rig, door_address).await?;
        let door = processes::door(rig, door_address, lite.address).await?;
        let said =
            processes::octroi(rig, database, stripe.address, &["plans", "push", "--file", "plans.toml"])
                .await?;
        Rig::say(said.lines().last().unwrap_or_default());
        let worker = processes::worker(rig, database, stripe.address).await?;
        Ok(Self { database: database.to_owned(), stripe, door, worker, lite: lite.running })
    }

    /// Closes it.
    pub async fn close(self) -> Result<()> {
        for running in [self.worker.running, self.door.running, self.lite, self.stripe.running] {
            running.stop().await?;
        }
        Ok(())
    }

    /// A superuser's connection to its database.
    pub async fn superuser(&self, rig: &Rig) -> Result<PgConnection> {
        use sqlx::Connection;
        Ok(PgConnection::connect_with(&rig.options("postgres", &self.database)).await?)
    }

    /// Asks the stand-in's controls.
    pub async fn control(&self, path: &str, body: Option<&Value>) -> Result<Value> {
        let path = format!("/sim/{path}");
        let request = match body {
            Some(body) => Request::post(&path, "", &body.to_string()),
            None => Request::get(&path),
        };
        Ok(serde_json::from_slice(&load::fetch(self.stripe.address, request).await?)?)
    }

    /// Calls to Stripe so far, by endpoint.
    pub async fn calls(&self) -> Result<Vec<(String, u64)>> {
        let books = self.control("books", None).await?;
        let calls = books["calls"].as_object().context("the books have no calls")?;
        Ok(calls.iter().map(|(endpoint, count)| (endpoint.clone(), count.as_u64().unwrap_or(0))).collect())
    }

    /// Waits until no webhook is on its way and no job is due; mail is nobody's here.
    pub async fn quiet(&self, rig: &Rig) -> Result<()> {
        let mut connection = self.superuser(rig).await?;
        let deadline = Instant::now() + Duration::from_secs(QUIET_SECONDS);
        loop {
            self.control(&format!("webhooks?idle=true&timeout_ms={}", QUIET_SECONDS * 1000), None).await?;
            let due: i64 = sqlx::query_scalar(
                "select count(*) from octroi_private.job
                 where kind <> 'send_mail' and (
                   state = 'running' or state = 'queued' and run_at <= octroi_private.now() + interval '3 seconds'
                 )",
            )
            .fetch_one(&mut connection)
            .await?;
            if due == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{due} jobs do not end within {QUIET_SECONDS} s");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Runs `octroi reconcile`; how many differences it found that nothing explains.
    pub async fn unexplained(&self, rig: &Rig) -> Result<u64> {
        let said = processes::octroi(rig, &self.database, self.stripe.address, &["reconcile"]).await?;
        let last = said.lines().last().unwrap_or_default();
        let count = last.strip_prefix("unexplained: ").with_context(|| format!("reconcile said {said}"))?;
        if count != "0" {
            Rig::say(&said);
        }
        Ok(count.parse()?)
    }
}
