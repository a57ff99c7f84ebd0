//! Answers that are being held back, and their release.

use tokio::sync::watch;

/// Every held answer waits here.
#[derive(Debug)]
pub struct Holds {
    releases: watch::Sender<u64>,
    held: watch::Sender<usize>,
}

impl Default for Holds {
    fn default() -> Self {
        Self { releases: watch::Sender::new(0), held: watch::Sender::new(0) }
    }
}

impl Holds {
    /// Waits for the next release.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut releases = self.releases.subscribe();
        let counted = Counted::new(self.held.clone());
        async move {
            let _counted = counted;
            // The sender is gone only when the stand-in is, and then nothing is held any more.
            let _ = releases.changed().await;
        }
    }

    /// Lets every held answer go on.
    pub fn release(&self) {
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// How many answers are held now.
    pub fn held(&self) -> usize {
        *self.held.borrow()
    }

    /// A receiver of the number of held answers.
    pub fn subscribe(&self) -> watch::Receiver<usize> {
        self.held.subscribe()
    }
}

/// Counts as held for as long as it lives.
struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(held: watch::Sender<usize>) -> Self {
        held.send_modify(|held| *held += 1);
        Self(held)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}
