//! Batching without a timer.
//!
//! A [`Lane`] is a bounded queue and one task. The task takes whatever has gathered, at most [`BATCH_ITEMS_MAX`],
//! carries it out as one unit of work, and only then looks again. So a lone call leaves at once, and the busier it gets
//! the larger batches grow: while one is with the database, the next gathers.
//!
//! The queue owns the items. A caller that goes away only loses its answer, never the effect.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Most items in one batch. Larger ones gain little and make every caller in them wait longer.
pub const BATCH_ITEMS_MAX: usize = 256;

/// An item in a lane, with the way back to its caller.
#[derive(Debug)]
pub struct Waiting<I, A> {
    item: I,
    reply: oneshot::Sender<A>,
}

/// What a lane does with a batch.
pub trait Work: Send + 'static {
    /// What callers bring.
    type Item: Send + 'static;
    /// What they get.
    type Answer: Send + 'static;

    /// Gets ready, so that the first caller does not wait for what every later one is spared.
    fn warm(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Carries out the batch and answers each of its items. What is left in `batch` afterwards is dropped and its
    /// callers see [`LaneError::Closed`].
    fn run(&mut self, batch: &mut Vec<Waiting<Self::Item, Self::Answer>>) -> impl Future<Output = ()> + Send;
}

/// Why an item got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// The queue is at its bound; the item was not taken.
    #[error("the queue is full")]
    Full,
    /// The lane has ended; whether the item was carried out is unknown.
    #[error("the lane is closed")]
    Closed,
}

/// The callers' end of a lane. Cloning shares the queue.
#[derive(Debug)]
pub struct Lane<I, A> {
    queue: mpsc::Sender<Waiting<I, A>>,
}

impl<I, A> Clone for Lane<I, A> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<I, A> Waiting<I, A> {
    /// Answers the caller; gives the answer back when the caller has gone away.
    pub fn answer(self, answer: A) -> Result<(), A> {
        self.reply.send(answer)
    }

    /// What the caller brought, to be changed before another try.
    pub fn item_mut(&mut self) -> &mut I {
        &mut self.item
    }
}

impl<I, A> AsRef<I> for Waiting<I, A> {
    fn as_ref(&self) -> &I {
        &self.item
    }
}

impl<I: Send + 'static, A: Send + 'static> Lane<I, A> {
    /// Starts a lane whose queue holds at most `queue_items`. It takes no more items once `closing` is cancelled or every
    /// [`Lane`] has been dropped; the task ends when those it has are done.
    pub fn start<W>(mut work: W, queue_items: usize, closing: CancellationToken) -> (Self, JoinHandle<()>)
    where
        W: Work<Item = I, Answer = A>,
    {
        let (queue, mut waiting) = mpsc::channel(queue_items);
        let task = tokio::spawn(async move {
            work.warm().await;
            let mut batch = Vec::with_capacity(BATCH_ITEMS_MAX);
            loop {
                let taken = tokio::select! {
                    taken = waiting.recv_many(&mut batch, BATCH_ITEMS_MAX) => taken,
                    () = closing.cancelled(), if !waiting.is_closed() => {
                        waiting.close();
                        continue;
                    }
                };
                if taken == 0 {
                    return;
                }
                work.run(&mut batch).await;
                batch.clear();
            }
        });
        (Self { queue }, task)
    }

    /// Takes over an item from another lane, with the way back to its caller; gives it back when there is no room.
    ///
    /// # Errors
    /// The item itself, when the queue is full or the lane has ended.
    pub fn take_over(&self, waiting: Waiting<I, A>) -> Result<(), Waiting<I, A>> {
        self.queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(waiting) | mpsc::error::TrySendError::Closed(waiting) => waiting,
        })
    }

    /// Puts an item into the queue whose answer nobody needs. Dropped when the queue is full.
    pub fn send_and_forget(&self, item: I) {
        let (reply, _) = oneshot::channel();
        // The only failure is a full or closed queue, which callers of this accept.
        let _ = self.queue.try_send(Waiting { item, reply });
    }

    /// Puts an item into the queue and waits for its answer. Refuses at once when the queue is full.
    ///
    /// # Errors
    /// [`LaneError::Full`] if the item was not taken, [`LaneError::Closed`] if the lane ended.
    pub async fn call(&self, item: I) -> Result<A, LaneError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Waiting { item, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => LaneError::Full,
            mpsc::error::TrySendError::Closed(_) => LaneError::Closed,
        })?;
        answer.await.map_err(|_| LaneError::Closed)
    }

    /// Like [`Self::call`], but waits for room instead of refusing. Not taken if the caller goes away before there is.
    ///
    /// # Errors
    /// [`LaneError::Closed`] if the lane ended.
    pub async fn call_when_room(&self, item: I) -> Result<A, LaneError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Waiting { item, reply }).await.map_err(|_| LaneError::Closed)?;
        answer.await.map_err(|_| LaneError::Closed)
    }
}

#[cfg(test)]
mod tests;
