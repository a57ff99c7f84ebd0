//! The body of a streamed answer: pieces as the pump hands them on, or one last frame that says what went wrong.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use super::admission::CallPermit;
use super::errors::GatewayError;
use crate::database::PurchasePages;
use crate::metered_call::StreamPiece;

/// Ends with the pump. While it is being read its call counts as in flight; dropping it tells the pump that the client
/// has left.
pub struct EventStream {
    pieces: mpsc::Receiver<StreamPiece>,
    _permit: CallPermit,
}

impl EventStream {
    /// A body of `pieces`.
    pub fn new(pieces: mpsc::Receiver<StreamPiece>, permit: CallPermit) -> Self {
        Self { pieces, _permit: permit }
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.pieces.poll_recv(context).map(|piece| {
            let bytes = match piece? {
                Ok(bytes) => bytes,
                Err(error) => error_frame(&GatewayError::from_call(error, &PurchasePages::default())),
            };
            Some(Ok(Frame::data(bytes)))
        })
    }
}

/// An SSE frame that the OpenAI SDKs raise as an error, on chat and on responses streams alike.
fn error_frame(error: &GatewayError) -> Bytes {
    let mut frame = b"event: error\ndata: ".to_vec();
    frame.extend_from_slice(&error.body().to_json());
    frame.extend_from_slice(b"\n\n");
    frame.into()
}
