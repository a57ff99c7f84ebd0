//! A call whose answer is a stream: its frames pass through while the usage in them is read.
//!
//! The frames that tell a client that all is well are held back until the settlement is durable. A client that reads
//! slowly slows the provider down. What becomes of a stream whose client has left is the plan's to say: it is closed, so
//! that the provider stops, or read on for its usage alone; once all is said, it always is.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::call_metrics::UpstreamOutcome;
use super::calls::Sending;
use super::charge::Charge;
use super::exchange::{give_up, page_operator};
use super::kept::KeptBody;
use super::open_call::OpenCall;
use super::patience::{Drain, Patience, Waited};
use super::{Answer, CallError, OutputLimit, StreamPiece};
use crate::database::{OnDisconnect, StoredResponse};
use crate::openai::{StreamMeter, StreamState, Upstream, UpstreamBody, UpstreamError};
use crate::telemetry;

/// Pieces on their way to a client; more wait at the provider.
const PIECES_IN_FLIGHT: usize = 8;
/// Longest a client may leave a piece unread before it counts as gone, seconds.
const CLIENT_STALL_SECONDS: u64 = 60;
const EVENT_STREAM: &str = "text/event-stream";

/// Where the frames go.
enum Reader {
    Present(mpsc::Sender<StreamPiece>),
    Left(Drain),
}

/// Why reading stopped.
enum Stopped {
    /// The stream ended, well or not; the meter knows.
    Ended,
    /// Nobody waits for the rest any more.
    Abandoned,
    /// The worker must stop.
    Halted,
}

/// What happened while waiting for the provider.
enum Next {
    Chunk(Bytes),
    /// The stream is over or broke off.
    End,
    /// The client has left, or its drain is over.
    ReaderGone,
    /// The worker must stop.
    Halt,
}

struct Pump<'a> {
    patience: &'a Patience,
    open: OpenCall,
    meter: StreamMeter,
    kept: KeptBody,
    on_disconnect: OnDisconnect,
    output_limit: OutputLimit,
}

/// Sends the call, answers with a stream, and settles it, whatever happens.
pub(super) async fn stream(
    upstream: &Upstream,
    patience: &Patience,
    mut open: OpenCall,
    sending: Sending,
    mut answer: oneshot::Sender<Result<Answer, CallError>>,
) {
    // Whoever names the call may come back for its answer.
    let on_disconnect =
        if sending.keep_bytes.is_some() { OnDisconnect::Drain } else { sending.on_disconnect };
    let work = upstream.send(sending.endpoint, sending.body.clone(), open.request_id());
    let reply = match patience.wait_with(answer.closed(), on_disconnect, work).await {
        Waited::Done(Ok(reply)) => reply,
        Waited::Done(Err(error)) => {
            let error = give_up(open, error).await;
            let _ = answer.send(Err(error));
            return;
        }
        Waited::ClientLeft if on_disconnect == OnDisconnect::Cancel => {
            metrics::counter!(telemetry::STREAMS_CANCELLED).increment(1);
            open.ended(UpstreamOutcome::ClientLeft);
            let charge = Charge::estimate(0, open.bounds());
            // Nobody is left to be told; a failure is in the log.
            let _ = open.settle(charge, None).await;
            return;
        }
        gone @ (Waited::ClientLeft | Waited::Stopped) => {
            open.ended(match gone {
                Waited::Stopped => UpstreamOutcome::Stopped,
                _ => UpstreamOutcome::ClientLeft,
            });
            let error = give_up(open, UpstreamError::Unknown { stage: "abandoned" }).await;
            let _ = answer.send(Err(error));
            return;
        }
    };
    open.saw_reply(reply.upstream_request_id);
    let (pieces, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
    // A client that left in between drops the receiver, which the pump notices like any other departure.
    let _ = answer.send(Ok(Answer::Stream {
        request_id: open.request_id(),
        standing: sending.standing,
        output_limit: sending.output_limit,
        content_type: reply.content_type.clone(),
        pieces: receiver,
    }));
    let meter = StreamMeter::new(sending.endpoint, sending.client_wants_usage);
    let kept = KeptBody::new(sending.keep_bytes);
    let content_type = reply.content_type.unwrap_or_else(|| EVENT_STREAM.to_owned());
    Pump { patience, open, meter, kept, on_disconnect, output_limit: sending.output_limit }
        .run(reply.body, Reader::Present(pieces), reply.status, content_type)
        .await;
}

impl Pump<'_> {
    async fn run(mut self, body: UpstreamBody, mut reader: Reader, status: u16, content_type: String) {
        let stopped = self.relay(body, &mut reader).await;
        let had_output = self.open.has_output();
        let end = self.meter.finish();
        // A chat stream that broke off after its usage had only `[DONE]` left to say.
        let whole = (end.complete || end.report.usage.is_some()) && matches!(stopped, Stopped::Ended);
        match stopped {
            Stopped::Abandoned => self.open.ended(UpstreamOutcome::ClientLeft),
            Stopped::Halted => self.open.ended(UpstreamOutcome::Stopped),
            Stopped::Ended if whole => self.open.ended(UpstreamOutcome::Answered),
            // Why, the fault may say below.
            Stopped::Ended => {}
        }
        if let Some(fault) = &end.fault {
            tracing::warn!(code = fault.code, request.id = %self.open.request_id(), "the provider ended a stream with an error");
            if fault.own_account {
                self.open.ended(UpstreamOutcome::OwnAccount);
                page_operator(false);
            }
            // An error in place of an answer costs nothing.
            if !had_output && end.report.usage.is_none() {
                self.open.release("upstream_failed").await;
                return finish(reader, Ok(end.held)).await;
            }
        }
        let held = if end.report.ended_at_limit && self.output_limit.bound.is_ours() {
            told_of_cut(self.output_limit, &end.held)
        } else {
            end.held.clone()
        };
        self.kept.push(&held);
        let stored =
            self.kept.finish().filter(|_| whole).map(|body| StoredResponse { status, content_type, body });
        let charge = Charge::of_stream(end, self.open.bounds());
        let last = match self.open.settle(charge, stored).await {
            Ok(_) if whole => Ok(held),
            Ok(_) => Err(CallError::OutcomeUnknown),
            Err(error) => Err(error),
        };
        finish(reader, last).await;
    }

    /// Owns the body, so that the provider's connection is free before the database is asked for anything.
    async fn relay(&mut self, mut body: UpstreamBody, reader: &mut Reader) -> Stopped {
        loop {
            let chunk = match self.next(&mut body, reader).await {
                Next::Chunk(chunk) => chunk,
                Next::End => return Stopped::Ended,
                Next::ReaderGone if self.lose(reader) => continue,
                Next::ReaderGone => return Stopped::Abandoned,
                Next::Halt => return Stopped::Halted,
            };
            let forward = self.meter.push(chunk);
            if self.meter.has_output() {
                self.open.saw_output();
            }
            self.kept.push(&forward.bytes);
            if !forward.bytes.is_empty() && !self.hand_on(reader, forward.bytes).await {
                return Stopped::Abandoned;
            }
            match forward.state {
                StreamState::Open => {}
                StreamState::Ended | StreamState::Broken => return Stopped::Ended,
            }
        }
    }

    async fn next(&self, body: &mut UpstreamBody, reader: &Reader) -> Next {
        let reader_gone = async {
            match reader {
                Reader::Present(pieces) => pieces.closed().await,
                Reader::Left(drain) => tokio::time::sleep_until(drain.until).await,
            }
        };
        tokio::select! {
            biased;
            next = body.next() => match next {
                Ok(Some(chunk)) => Next::Chunk(chunk),
                Ok(None) => Next::End,
                Err(error) => {
                    tracing::warn!(%error, request.id = %self.open.request_id(), "a stream broke off");
                    Next::End
                }
            },
            () = reader_gone => Next::ReaderGone,
            () = self.patience.ended() => Next::Halt,
        }
    }

    /// The reader has left: true if the stream is to be read on without it.
    fn lose(&self, reader: &mut Reader) -> bool {
        if self.on_disconnect == OnDisconnect::Cancel && !self.meter.is_whole() {
            metrics::counter!(telemetry::STREAMS_CANCELLED).increment(1);
            return false;
        }
        match (&reader, self.patience.drain()) {
            (Reader::Present(_), Some(drain)) => {
                *reader = Reader::Left(drain);
                true
            }
            _ => false,
        }
    }

    /// Gives bytes to the client; false if the rest must not be read.
    async fn hand_on(&self, reader: &mut Reader, bytes: Bytes) -> bool {
        let Reader::Present(pieces) = &reader else { return true };
        let stall = Duration::from_secs(CLIENT_STALL_SECONDS);
        tokio::select! {
            biased;
            sent = pieces.send_timeout(Ok(bytes), stall) => sent.is_ok() || self.lose(reader),
            () = self.patience.ended() => false,
        }
    }
}

/// The held frames behind a comment, which every SSE parser skips: the answer ends where we cut it, not where the model
/// or the caller would have it end.
fn told_of_cut(limit: OutputLimit, held: &[u8]) -> Bytes {
    let OutputLimit { tokens, bound } = limit;
    let mut told = format!(": octroi output-limit={tokens} bound={}\n\n", bound.as_str()).into_bytes();
    told.extend_from_slice(held);
    told.into()
}

/// The last piece: the held frames, or why there are none.
async fn finish(reader: Reader, last: StreamPiece) {
    if let Reader::Present(pieces) = reader {
        let stall = Duration::from_secs(CLIENT_STALL_SECONDS);
        // A client that does not take it has left; the ledger is right without it.
        let _ = pieces.send_timeout(last, stall).await;
    }
}
