//! Response bodies: whole ones, and ones played step by step with pauses, holds and cuts.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The connection is ended here on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the stand-in cut this connection, as it was told to")]
pub struct Aborted;

/// One step of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hand these bytes to the socket in a write of their own. `mark` is told to the watcher.
    Send {
        /// What is sent.
        bytes: Bytes,
        /// The watcher's own measure of how far the answer has come once these bytes are out.
        mark: u64,
    },
    /// Wait this long.
    Pause(Duration),
    /// Wait until released, or for this long at most.
    Hold(Option<Duration>),
    /// End the connection before the body is complete, with a TCP reset if so told.
    Cut {
        /// Reset rather than close.
        reset: bool,
    },
}

/// Whoever keeps the books of one body. It is dropped with the body, which is how it learns that the
/// client left early.
pub trait Watcher: Send + 'static {
    /// A `Send` step went out.
    fn sent(&mut self, mark: u64);
    /// The last `Send` step went out.
    fn completed(&mut self);
    /// The body was cut by a `Cut` step.
    fn cut(&mut self, reset: bool);
    /// A future that ends when held bodies are released.
    fn released(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The body of a stand-in's answer.
pub enum SimBody {
    /// Sent at once, with its length announced.
    Whole(Option<Bytes>),
    /// Ready-made frames without any bookkeeping, as the benchmark wants them.
    Frames(VecDeque<Bytes>),
    /// Played step by step.
    Played(Box<Played>),
}

impl SimBody {
    /// A body that is sent at once.
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }

    /// A body played step by step under the eyes of `watcher`.
    pub fn played(steps: Vec<Step>, watcher: Box<dyn Watcher>) -> Self {
        let last_send = steps.iter().rposition(|step| matches!(step, Step::Send { .. }));
        let cut = steps.iter().any(|step| matches!(step, Step::Cut { .. }));
        let sends_left = if cut { None } else { last_send.map(|index| steps.len() - 1 - index) };
        Self::Played(Box::new(Played {
            steps: steps.into(),
            left_after_completion: sends_left.unwrap_or(usize::MAX),
            watcher,
            wait: None,
        }))
    }
}

/// The state of a body that is being played.
pub struct Played {
    steps: VecDeque<Step>,
    left_after_completion: usize,
    watcher: Box<dyn Watcher>,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Played {
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                std::task::ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send { bytes, mark }) => {
                    self.watcher.sent(mark);
                    if self.steps.len() == self.left_after_completion {
                        self.watcher.completed();
                    } else {
                        // Being pending once makes hyper write what it has before it asks for more.
                        self.wait = Some(Box::pin(tokio::task::yield_now()));
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Step::Pause(duration)) => self.wait = Some(Box::pin(tokio::time::sleep(duration))),
                Some(Step::Hold(limit)) => self.wait = Some(hold(self.watcher.released(), limit)),
                Some(Step::Cut { reset }) => {
                    self.watcher.cut(reset);
                    return Poll::Ready(Some(Err(Aborted)));
                }
            }
        }
    }
}

fn hold(
    released: Pin<Box<dyn Future<Output = ()> + Send>>,
    limit: Option<Duration>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match limit {
        None => released,
        Some(limit) => Box::pin(async move {
            // Running out of time is the other way a hold ends.
            let _ = tokio::time::timeout(limit, released).await;
        }),
    }
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Frames(frames) => Poll::Ready(frames.pop_front().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Played(played) => played.poll_step(cx).map(|next| next.map(|sent| sent.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Frames(_) | Self::Played(_) => SizeHint::new(),
        }
    }
}
