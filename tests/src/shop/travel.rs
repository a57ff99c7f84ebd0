//! Time: Stripe's clock and the database's, moved together from one thing due to the next.

use octroi_sim::stripe::Advance;
use time::OffsetDateTime;

use super::Shop;
use crate::deadline::eventually;

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
        let query = sqlx::query_scalar("select min(run_at) from octroi_private.job where state = 'queued'");
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
        eventually("everything due is done", async || {
            self.stripe.delivered().await.unwrap();
            let query = sqlx::query_scalar(
                "select count(*) from octroi_private.job
                 where state = 'running' or state = 'queued' and run_at <= octroi_private.now() + interval '3 seconds'",
            );
            let due: i64 = query.fetch_one(&self.stage.pool).await.unwrap();
            (due == 0).then_some(())
        })
        .await;
        let query = sqlx::query_as("select kind, coalesce(last_error, '') from octroi_private.job where state = 'dead'");
        let dead: Vec<(String, String)> = query.fetch_all(&self.stage.pool).await.unwrap();
        assert!(dead.is_empty(), "jobs were given up: {dead:?}");
    }
}
