//! The accept loop, which a test can close and open again on the same port.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::body::{Aborted, SimBody};
use super::connection::{Connection, Socket};

/// Connections a stand-in serves at once; further ones wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 4096;

/// Why a stand-in could not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The accept loop has ended, so that it can no longer be opened or closed.
    #[error("the stand-in is no longer running")]
    Stopped,
}

/// What answers the requests of a listener.
pub trait Responder: Send + Sync + 'static {
    /// Answers one request, or ends its connection without an answer.
    fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Result<Response<SimBody>, Aborted>> + Send;
}

enum Command {
    Close(oneshot::Sender<()>),
    Open(oneshot::Sender<Result<(), ListenError>>),
}

/// A listening stand-in. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    commands: mpsc::Sender<Command>,
    task: AbortHandle,
}

impl Listening {
    /// Where it listens, with the real port when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port and every open connection: new ones are refused until [`Listening::open`].
    pub async fn close(&self) -> Result<(), ListenError> {
        let (done, closed) = oneshot::channel();
        self.commands.send(Command::Close(done)).await.map_err(|_| ListenError::Stopped)?;
        closed.await.map_err(|_| ListenError::Stopped)
    }

    /// Listens again on the same port.
    pub async fn open(&self) -> Result<(), ListenError> {
        let (done, opened) = oneshot::channel();
        self.commands.send(Command::Open(done)).await.map_err(|_| ListenError::Stopped)?;
        opened.await.map_err(|_| ListenError::Stopped)?
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on `address` and answers with `responder` until the result is dropped.
pub async fn listen<R: Responder>(address: SocketAddr, responder: Arc<R>) -> Result<Listening, ListenError> {
    let listener = bind(address).await?;
    let address = listener.local_addr().map_err(|source| ListenError::Bind { address, source })?;
    let (commands, inbox) = mpsc::channel(1);
    let task = tokio::spawn(accept_loop(Some(listener), address, inbox, responder)).abort_handle();
    Ok(Listening { address, commands, task })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })
}

async fn accept_loop<R: Responder>(
    mut listener: Option<TcpListener>,
    address: SocketAddr,
    mut inbox: mpsc::Receiver<Command>,
    responder: Arc<R>,
) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(command) = inbox.recv() => match command {
                Command::Close(done) => {
                    listener = None;
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                Command::Open(done) => {
                    let opened = match listener {
                        Some(_) => Ok(()),
                        None => bind(address).await.map(|bound| listener = Some(bound)),
                    };
                    let _ = done.send(opened);
                }
            },
            Some(_) = connections.join_next() => {}
            stream = accept(listener.as_ref()), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(serve(stream, Arc::clone(&responder)));
            }
        }
    }
}

/// The next connection; while the port is closed, never. A connection that failed while it was being
/// accepted (reset in the backlog, out of descriptors) is the client's loss, not the stand-in's end.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn serve<R: Responder>(stream: TcpStream, responder: Arc<R>) {
    // Without this, small chunks would wait for the peer's acknowledgements.
    let _ = stream.set_nodelay(true);
    let connection = Connection::default();
    let socket = TokioIo::new(Socket::new(stream, connection.clone()));
    let service = service_fn(|request| Arc::clone(&responder).respond(request, connection.clone()));
    // The error is the client's departure or a cut that was asked for; both are in the stand-in's books.
    let _ = http1::Builder::new().serve_connection(socket, service).await;
}

/// A whole body that is ready, as handlers return it.
impl From<Bytes> for SimBody {
    fn from(bytes: Bytes) -> Self {
        SimBody::whole(bytes)
    }
}
