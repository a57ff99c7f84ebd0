//! kill -9 of whoever works in a shop, at a call to Stripe.

use std::process::Stdio;

use octroi_sim::stripe::{Fault, FaultKind, FaultMatch};

use super::Shop;
use crate::child::{self, Worker};
use crate::deadline::eventually;

/// Longer than the lease of any job, which has to run out before another worker takes what a dead one held.
const LEASE: time::Duration = time::Duration::minutes(3);

impl Shop<'_> {
    /// Kills the worker while its call to `endpoint` is held back, before it is carried out or after, and has another
    /// one take over. Meanwhile `story` does what leads to the call, and whatever it waits for.
    pub async fn die_at(
        &self,
        worker: Worker,
        (endpoint, committed): (&str, bool),
        story: impl AsyncFnOnce(),
    ) -> Worker {
        self.hold_back(endpoint, committed);
        let death = async {
            self.stripe.held(1).await.unwrap();
            worker.kill().await;
            self.let_go().await;
            self.outlive_its_sessions().await;
            // Before the next one begins: its own leases would run out too.
            self.stage.let_pass(LEASE).await;
            self.sweep().await;
            self.hire_mortal().await
        };
        let (next, ()) = tokio::join!(death, story());
        next
    }

    /// Runs `octroi` with these arguments and kills it at its call to `endpoint`.
    pub async fn run_to_death(&self, arguments: &[&str], (endpoint, committed): (&str, bool)) {
        self.hold_back(endpoint, committed);
        let mut command = child::command(arguments, self.environment());
        let mut process = command.stdout(Stdio::null()).spawn().unwrap();
        self.stripe.held(1).await.unwrap();
        process.kill().await.unwrap();
        self.let_go().await;
    }

    /// Waits until Stripe has seen that its caller is gone: what was not carried out by then never is. Then lets go.
    async fn let_go(&self) {
        eventually("nothing is held back", async || (self.stripe.holding() == 0).then_some(())).await;
        self.stripe.release();
    }

    /// Waits for what a killed worker had asked of Postgres: a claim that is carried out after its death is one more lease
    /// that has to run out. A session that is idle may have a statement before it that it has not read yet.
    async fn outlive_its_sessions(&self) {
        let query = "select count(*) = 0 from pg_stat_activity
                     where datname = current_database() and usename = 'octroi_worker'
                       and wait_event_type is distinct from 'Lock'";
        eventually("its sessions are gone", async || {
            sqlx::query_scalar(query).fetch_one(&self.stage.pool).await.unwrap_or(false).then_some(())
        })
        .await;
    }

    fn hold_back(&self, endpoint: &str, committed: bool) {
        let matches = FaultMatch { endpoint: Some(endpoint.to_owned()), ..FaultMatch::default() };
        let kind = FaultKind::Stall { committed, for_ms: None };
        self.stripe.fault(Fault { matches, ..Fault::from(kind) }).unwrap();
    }
}
