//! Time: Stripe's clock and the database's, moved together from one thing due to the next.

use std::time::Duration;

use octroi_sim::stripe::Advance;
use time::OffsetDateTime;

use super::Shop;
use crate::deadline::eventually;

/// Pause between two looks at the queue.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Shop<'_> {
    /// Lets time pass; everything due on the way is done at its own time, and the worker keeps up.
    pub async fn let_pass(&self, time: time::Duration) {
        self.travel_to(self.stage.now().await + time).await;
    }

    /// Goes to an instant.
    pub async fn travel_to(&self, to: OffsetDateTime) {
        self.quiet().await;
        loop {
            let next = self.next_stop().await.map_or(to, |next| next.min(to));
            // Never back: the clocks went on while the worker worked.
            let next = next.max(self.stage.now().await);
            self.stage.travel_to(next).await;
            let clock = self.stripe.clock().now;
            let advance = Advance { to: Some(next.unix_timestamp().max(clock)), ..Advance::default() };
            self.stripe.advance(advance).await.unwrap();
            self.sweep().await;
            self.quiet().await;
            if next >= to {
                return;
            }
        }
    }

    /// When Stripe or a waiting job has something to do.
    async fn next_stop(&self) -> Option<OffsetDateTime> {
        let due = self.stripe.clock().next_due.map(|at| OffsetDateTime::from_unix_timestamp(at).unwrap());
        let query = sqlx::query_scalar(
            "select min(run_at) from octroi_private.job where state = 'queued' and kind <> 'send_mail'",
        );
        let job: Option<OffsetDateTime> = query.fetch_one(&self.stage.pool).await.unwrap();
        [due, job].into_iter().flatten().min()
    }

    /// Sweeps as a worker does.
    pub async fn sweep(&self) {
        eventually("the sweep finds no other at work", async || {
            let query = sqlx::query("select * from octroi_private.sweep(500)");
            let swept = query.fetch_all(&self.stage.pool).await.unwrap();
            (!swept.is_empty()).then_some(())
        })
        .await;
    }

    /// Waits until no webhook is on its way and no job is due.
    pub async fn quiet(&self) {
        let mut due = Vec::new();
        let all = async {
            loop {
                let delivered = self.stripe.delivered().await.is_ok();
                due = self.due_jobs().await;
                if delivered && due.is_empty() {
                    return;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let in_time = tokio::time::timeout(self.patience, all).await;
        assert!(in_time.is_ok(), "these jobs or webhooks do not end: {due:#?}");
        let query = "select kind, coalesce(last_error, '') from octroi_private.job where state in ('dead', 'cancelled')";
        let lost: Vec<(String, String)> = sqlx::query_as(query).fetch_all(&self.stage.pool).await.unwrap();
        assert!(lost.is_empty(), "jobs were given up: {lost:?}");
    }

    /// Kind, arguments, state and last error of the jobs that are due; mail has stories of its own.
    async fn due_jobs(&self) -> Vec<(String, String, String, Option<String>)> {
        sqlx::query_as(
            "select kind, args::text, state, last_error from octroi_private.job
             where kind <> 'send_mail'
               and (state = 'running' or state = 'queued' and run_at <= octroi_private.now() + interval '3 seconds')",
        )
        .fetch_all(&self.stage.pool)
        .await
        .unwrap()
    }
}
