//! Stopping on request: the first signal asks, the second insists.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit status after a second signal.
const INSISTED_STATUS: i32 = 130;

/// A token that is cancelled by SIGTERM or SIGINT. A second signal ends the process at once: holds then lapse, leases
/// run out, and settles under way may be lost to the operator.
///
/// # Errors
/// [`std::io::Error`] when the signal handlers cannot be installed.
pub fn on_signal() -> Result<CancellationToken, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = CancellationToken::new();
    let ask = asked.clone();
    tokio::spawn(async move {
        for insisted in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if insisted {
                tracing::error!("a second signal: stopping without draining");
                std::process::exit(INSISTED_STATUS);
            }
            tracing::info!("stopping: calls under way are being finished");
            ask.cancel();
        }
    });
    Ok(asked)
}
