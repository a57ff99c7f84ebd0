//! Writing down what became of attempts: whatever has ended while one commit was under way goes into the next.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::coalesce::{Lane, Waiting, Work};
use crate::database::{Database, DatabaseError, FinishedJob, Session, SessionLimits};

/// How often an outcome is tried to be written before the lease is left to run out.
const TRIES: u32 = 20;
/// Pause between those tries, in seconds.
const PAUSE_SECONDS: u64 = 2;
/// Most outcomes that wait to be written. While there is no room, attempts keep their places.
const WAITING_MAX: usize = 2_048;

type Written = Result<bool, Arc<DatabaseError>>;

/// Writes outcomes down.
#[derive(Clone)]
pub(super) struct Recorder {
    lane: Lane<FinishedJob, Written>,
    room: Arc<Semaphore>,
}

impl Recorder {
    /// Starts the lane; it ends when the last recorder is dropped.
    pub(super) fn start(database: &Database) -> Self {
        let writer = Writer { session: database.session(SessionLimits::POOL) };
        let (lane, _) = Lane::start(writer, WAITING_MAX, CancellationToken::new());
        Self { lane, room: Arc::new(Semaphore::new(WAITING_MAX)) }
    }

    /// Waits until an outcome more can be taken in.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// Writes an outcome down behind the fence; false when the job was no longer ours.
    pub(super) async fn record(&self, finished: FinishedJob) -> Written {
        let mut tries = 1;
        loop {
            let Ok(result) = self.lane.call_when_room(finished.clone()).await else {
                return Err(Arc::new(DatabaseError::Unavailable(sqlx::Error::PoolClosed)));
            };
            match result {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tracing::warn!(job.id = finished.id, %error, "the outcome of job {} is being written again", finished.id);
                    tries += 1;
                    tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS)).await;
                }
                // Once a try may have been carried out, "no longer ours" can be its own doing.
                Ok(false) if tries > 1 => return Ok(true),
                result => return result,
            }
        }
    }
}

/// The lane's end.
struct Writer {
    session: Session,
}

impl Writer {
    async fn write(&mut self, part: &[Waiting<FinishedJob, Written>]) -> Result<HashSet<i64>, DatabaseError> {
        let finished: Vec<&FinishedJob> = part.iter().map(AsRef::as_ref).collect();
        Ok(self.session.finish_jobs(&finished).await?.into_iter().collect())
    }
}

fn answer(
    part: impl Iterator<Item = Waiting<FinishedJob, Written>>,
    written: Result<HashSet<i64>, DatabaseError>,
) {
    let written = written.map_err(Arc::new);
    for waiting in part {
        let id = waiting.as_ref().id;
        // Whoever has gone away needs no answer.
        let _ = waiting.answer(written.as_ref().map(|ours| ours.contains(&id)).map_err(Arc::clone));
    }
}

impl Work for Writer {
    type Item = FinishedJob;
    type Answer = Written;

    async fn run(&mut self, batch: &mut Vec<Waiting<FinishedJob, Written>>) {
        let written = self.write(batch).await;
        if batch.len() == 1 || written.as_ref().err().is_none_or(DatabaseError::is_transient) {
            answer(batch.drain(..), written);
            return;
        }
        // One of them is at fault, and the others must not share its fate.
        for waiting in batch.drain(..) {
            let one = [waiting];
            let written = self.write(&one).await;
            answer(one.into_iter(), written);
        }
    }
}
