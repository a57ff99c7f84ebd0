//! Where in the queue to look next.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::database::ClaimedJob;

/// How long a backlog is read on without a look at what stands before, in seconds: how long a job that was committed
/// late waits at most.
const READ_ON_SECONDS: u64 = 2;

/// The last job claimed of a backlog. What was claimed before it stays in the index for as long as any transaction may
/// see it, and need not be gone through again by every claim.
#[derive(Debug, Default)]
pub(super) struct Place(Option<Last>);

#[derive(Debug)]
struct Last {
    job: (OffsetDateTime, i64),
    began: Instant,
}

impl Place {
    /// The job to go on after; none to begin at the front.
    pub(super) fn after(&self) -> Option<(OffsetDateTime, i64)> {
        self.0.as_ref().map(|last| last.job)
    }

    /// Takes note of a full claim, so that there may be more behind it.
    pub(super) fn read_on(&mut self, last: &ClaimedJob) {
        let job = (last.run_at, last.id);
        match &mut self.0 {
            Some(older) if older.began.elapsed() < Duration::from_secs(READ_ON_SECONDS) => older.job = job,
            // After a claim from the front there is nothing before it.
            None => self.0 = Some(Last { job, began: Instant::now() }),
            Some(_) => self.0 = None,
        }
    }

    /// Goes back to the front; whether that is another place.
    pub(super) fn go_back(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: i64) -> ClaimedJob {
        ClaimedJob {
            id,
            kind: "reconcile".to_owned(),
            args: serde_json::Value::Null,
            attempt: 1,
            max_attempts: 10,
            run_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_backlog_is_read_on_and_its_front_looked_at_again() {
        let mut place = Place::default();
        place.read_on(&job(1));
        place.read_on(&job(2));
        assert_eq!(place.after(), Some((OffsetDateTime::UNIX_EPOCH, 2)));
        assert!(place.go_back() && !place.go_back());
        assert_eq!(place.after(), None);

        let long_ago = Instant::now().checked_sub(Duration::from_secs(READ_ON_SECONDS)).unwrap();
        place.0 = Some(Last { job: (OffsetDateTime::UNIX_EPOCH, 3), began: long_ago });
        place.read_on(&job(4));
        assert_eq!(place.after(), None, "jobs that were committed late stand at the front");
    }
}
