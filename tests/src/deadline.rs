//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// The longest a test waits for something that must happen.
pub const DEADLINE_SECONDS: u64 = 30;

/// Pause between two looks at a condition that nothing announces.
const LOOK_AGAIN_MS: u64 = 5;

/// Waits until `look` finds something; fails the test at the deadline, naming `what`.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(DEADLINE_SECONDS);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE_SECONDS} s in vain until {what}");
        tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
    }
}

/// Runs `work`, which must end before the deadline.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(DEADLINE_SECONDS), work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} took longer than {DEADLINE_SECONDS} s"),
    }
}
