//! The accept loop, which a test can close and open again on the same port.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::Sim;
use super::dialogue::Dialogue;
use crate::http::ListenError;

/// Connections served at once; further ones wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 256;

enum Order {
    Close(oneshot::Sender<()>),
    Open(oneshot::Sender<Result<(), ListenError>>),
}

/// A listening stand-in. Dropping it closes the port and every connection.
pub(super) struct Listening {
    address: SocketAddr,
    orders: mpsc::Sender<Order>,
    task: AbortHandle,
}

impl Listening {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn close(&self) -> Result<(), ListenError> {
        let (done, closed) = oneshot::channel();
        self.orders.send(Order::Close(done)).await.map_err(|_| ListenError::Stopped)?;
        closed.await.map_err(|_| ListenError::Stopped)
    }

    pub(super) async fn open(&self) -> Result<(), ListenError> {
        let (done, opened) = oneshot::channel();
        self.orders.send(Order::Open(done)).await.map_err(|_| ListenError::Stopped)?;
        opened.await.map_err(|_| ListenError::Stopped)?
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn listen(address: SocketAddr, sim: Arc<Sim>) -> Result<Listening, ListenError> {
    let listener = bind(address).await?;
    let address = listener.local_addr().map_err(|source| ListenError::Bind { address, source })?;
    let (orders, inbox) = mpsc::channel(1);
    let task = tokio::spawn(accept_loop(Some(listener), address, inbox, sim)).abort_handle();
    Ok(Listening { address, orders, task })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })
}

async fn accept_loop(
    mut listener: Option<TcpListener>,
    address: SocketAddr,
    mut inbox: mpsc::Receiver<Order>,
    sim: Arc<Sim>,
) -> Infallible {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            biased;
            Some(order) = inbox.recv() => match order {
                Order::Close(done) => {
                    listener = None;
                    connections.shutdown().await;
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
                Order::Open(done) => {
                    let opened = match listener {
                        Some(_) => Ok(()),
                        None => bind(address).await.map(|bound| listener = Some(bound)),
                    };
                    let _ = done.send(opened);
                }
            },
            Some(_) = connections.join_next() => {}
            socket = accept(listener.as_ref()), if connections.len() < CONNECTIONS_MAX => {
                number += 1;
                connections.spawn(Dialogue::hold(socket, Arc::clone(&sim), number));
            }
        }
    }
}

/// The next connection; while the port is closed, never.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
