//! The writer: the only one that writes the state file, a moment after things have changed and once at the end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{StateFileError, file, snapshot};
use crate::stripe::state::Sim;

/// The pause between two looks at whether something has changed. A crash loses what happened since the last.
const PAUSE: Duration = Duration::from_secs(1);
/// A large state takes long to write: the pauses are at least so many times longer, for the requests to get on.
const PAUSE_FACTOR: u32 = 10;

/// A running writer. Dropped without [`Writer::finish`] it writes no more, as in a crash.
#[derive(Debug)]
pub struct Writer {
    end: oneshot::Sender<()>,
    task: JoinHandle<Result<(), StateFileError>>,
}

impl Writer {
    /// Writes the file, and again whenever things have changed.
    pub async fn start(sim: Arc<Sim>, file: PathBuf) -> Result<Self, StateFileError> {
        // A file that cannot be written is better known at the start than at the end.
        let mut written = None;
        let took = write(&sim, &file, &mut written).await?;
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(keep_writing(sim, file, written, took, ended));
        Ok(Self { end, task })
    }

    /// Writes the last state, and ends.
    pub async fn finish(self) -> Result<(), StateFileError> {
        // A task that is gone has nothing to be told; what became of it comes next.
        let _ = self.end.send(());
        // It ends by itself; only the end of the runtime could stop it before, and then nobody asks.
        self.task.await.unwrap_or(Ok(()))
    }
}

async fn keep_writing(
    sim: Arc<Sim>,
    file: PathBuf,
    mut written: Option<u64>,
    mut took: Duration,
    mut ended: oneshot::Receiver<()>,
) -> Result<(), StateFileError> {
    let mut failing = false;
    loop {
        tokio::select! {
            asked = &mut ended => {
                return match asked {
                    Ok(()) => write(&sim, &file, &mut None).await.map(drop),
                    Err(_) => Ok(()),
                };
            }
            () = tokio::time::sleep(PAUSE.max(took * PAUSE_FACTOR)) => {}
        }
        match write(&sim, &file, &mut written).await {
            Ok(time) => (took, failing) = (time, false),
            Err(error) if !failing => {
                failing = true;
                // It is tried again after the next pause; whoever closed standard error does not want to know.
                let _ = writeln!(std::io::stderr(), "octroi-sim: {error}");
            }
            Err(_) => {}
        }
    }
}

/// Writes the state unless it is `written` already, and says how long that took.
async fn write(sim: &Arc<Sim>, file: &Path, written: &mut Option<u64>) -> Result<Duration, StateFileError> {
    let failed = |source| StateFileError::Write { file: file.to_owned(), source };
    let (sim, path, before) = (Arc::clone(sim), file.to_owned(), *written);
    let begun = Instant::now();
    let writing = tokio::task::spawn_blocking(move || {
        let Some((changes, content)) = snapshot(&sim, before) else { return Ok(before) };
        file::replace(&path, &content?).map(|()| Some(changes))
    });
    *written = writing.await.map_err(std::io::Error::other).and_then(|result| result).map_err(failed)?;
    Ok(begun.elapsed())
}
