//! How long a call goes on after its client has left.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::database::OnDisconnect;

/// Longest a call is read on after its client has left, seconds.
const DRAIN_SECONDS: u64 = 120;
/// Calls read on without a client at once; one more is cut off and settled as estimated.
const MAX_DRAINS: usize = 512;

/// Bounds drains in time and number, and ends all calls when the worker must stop.
#[derive(Clone)]
pub(super) struct Patience {
    drains: Arc<Semaphore>,
    stop: CancellationToken,
}

/// The right to read on without a client, until its deadline.
pub(super) struct Drain {
    /// When reading stops.
    pub until: Instant,
    _place: OwnedSemaphorePermit,
}

/// How waiting for some work ended.
pub(super) enum Waited<T> {
    /// With its result.
    Done(T),
    /// The client had left and the drain was over, or could not begin.
    ClientLeft,
    /// The worker must stop.
    Stopped,
}

impl Patience {
    /// Full patience until `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { drains: Arc::new(Semaphore::new(MAX_DRAINS)), stop }
    }

    /// Done when the worker must stop at once.
    pub async fn ended(&self) {
        self.stop.cancelled().await;
    }

    /// Starts a drain, unless too many are running.
    pub fn drain(&self) -> Option<Drain> {
        let place = Arc::clone(&self.drains).try_acquire_owned().ok()?;
        Some(Drain { until: Instant::now() + Duration::from_secs(DRAIN_SECONDS), _place: place })
    }

    /// Waits for `work` as long as the client does; a call that may be cancelled is not waited for without it.
    pub async fn wait_with<T>(
        &self,
        client_left: impl Future<Output = ()>,
        on_disconnect: OnDisconnect,
        work: impl Future<Output = T>,
    ) -> Waited<T> {
        match on_disconnect {
            OnDisconnect::Drain => self.wait_for(client_left, work).await,
            OnDisconnect::Cancel => tokio::select! {
                biased;
                done = work => Waited::Done(done),
                () = client_left => Waited::ClientLeft,
                () = self.ended() => Waited::Stopped,
            },
        }
    }

    /// Waits for `work`; once `client_left` is done, for no longer than a drain.
    pub async fn wait_for<T>(
        &self,
        client_left: impl Future<Output = ()>,
        work: impl Future<Output = T>,
    ) -> Waited<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = work.as_mut() => return Waited::Done(done),
            () = client_left => {}
            () = self.ended() => return Waited::Stopped,
        }
        let Some(drain) = self.drain() else { return Waited::ClientLeft };
        tokio::select! {
            biased;
            done = work => Waited::Done(done),
            () = tokio::time::sleep_until(drain.until) => Waited::ClientLeft,
            () = self.ended() => Waited::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn patience() -> Patience {
        Patience::new(CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_on_without_the_client_until_it_is_done() {
        let work = async {
            tokio::time::sleep(Duration::from_secs(DRAIN_SECONDS - 1)).await;
            7
        };
        assert!(matches!(patience().wait_for(ready(()), work).await, Waited::Done(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_may_be_cancelled_ends_with_its_client() {
        let waited = patience().wait_with(ready(()), OnDisconnect::Cancel, pending::<()>()).await;
        assert!(matches!(waited, Waited::ClientLeft));
        assert!(matches!(
            patience().wait_with(pending(), OnDisconnect::Cancel, ready(7)).await,
            Waited::Done(7)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_at_its_deadline() {
        assert!(matches!(patience().wait_for(ready(()), pending::<()>()).await, Waited::ClientLeft));
    }

    #[tokio::test]
    async fn beyond_the_number_of_drains_nothing_is_read_on() {
        let patience = patience();
        let held: Vec<_> = (0..MAX_DRAINS).map_while(|_| patience.drain()).collect();
        assert_eq!(held.len(), MAX_DRAINS);
        assert!(matches!(patience.wait_for(ready(()), pending::<()>()).await, Waited::ClientLeft));
    }

    #[tokio::test]
    async fn a_stopping_worker_waits_for_nobody() {
        let patience = patience();
        patience.stop.cancel();
        assert!(matches!(patience.wait_for(pending(), pending::<()>()).await, Waited::Stopped));
    }
}
