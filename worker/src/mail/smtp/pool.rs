//! The connections to the server: few, kept open for a while, never waited for long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::connect::SmtpServer;
use super::session::Session;
use crate::mail::delivery::{HandOverError, NotSent};
use crate::mail::message::Message;

/// Most connections at once: relays limit them per sender, and more would not be faster.
const CONNECTIONS_MAX: usize = 4;

/// The connections to one server.
pub(crate) struct Pool {
    server: SmtpServer,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    /// When connecting failed last, and how.
    failed: Mutex<Option<(Instant, NotSent)>>,
}

/// A mail that the server would take.
pub(crate) struct SmtpOffer {
    session: Session,
    message: Message,
    pool: Arc<Pool>,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// Connects to nothing yet.
    pub(crate) fn new(server: SmtpServer) -> Arc<Self> {
        let pool = Arc::new(Self {
            server,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            idle: Mutex::default(),
            failed: Mutex::default(),
        });
        tokio::spawn(end_idle(Arc::downgrade(&pool)));
        pool
    }

    /// Brings the server to where it would take the mail.
    pub(crate) async fn offer(self: &Arc<Self>, message: Message) -> Result<SmtpOffer, NotSent> {
        let place = timeout(self.server.patience.place, Arc::clone(&self.places).acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(NotSent::Busy)?;
        let session = self.addressed(&message).await?;
        Ok(SmtpOffer { session, message, pool: Arc::clone(self), _place: place })
    }

    async fn addressed(&self, message: &Message) -> Result<Session, NotSent> {
        if let Some(mut session) = self.take_idle() {
            match session.address(message).await {
                Ok(()) => return Ok(session),
                // The server has ended it meanwhile; only a new connection can tell how things are.
                Err(NotSent::Away { .. }) => {}
                Err(about_the_mail) => {
                    self.reuse(session).await;
                    return Err(about_the_mail);
                }
            }
        }
        let mut session = self.open().await?;
        match session.address(message).await {
            Ok(()) => Ok(session),
            Err(not_sent) => {
                if !matches!(not_sent, NotSent::Away { .. }) {
                    self.reuse(session).await;
                }
                Err(not_sent)
            }
        }
    }

    async fn open(&self) -> Result<Session, NotSent> {
        if let Some((at, not_sent)) = locked(&self.failed).as_ref()
            && at.elapsed() < self.server.patience.after_failure
        {
            return Err(not_sent.clone());
        }
        let opened = self.server.open().await;
        *locked(&self.failed) = opened.as_ref().err().map(|not_sent| (Instant::now(), not_sent.clone()));
        opened
    }

    /// Connects, signs in and leaves. Host and port, for people.
    pub(crate) async fn check(&self) -> Result<String, NotSent> {
        self.server.open().await?.quit().await;
        Ok(self.server.place())
    }

    /// Ends every idle connection in order.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *locked(&self.idle));
        for session in idle {
            session.quit().await;
        }
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = locked(&self.idle);
        idle.retain(Session::is_fresh);
        idle.pop()
    }

    /// Keeps a connection whose mail came to nothing.
    async fn reuse(&self, mut session: Session) {
        if session.reset().await {
            self.keep(session).await;
        }
    }

    async fn keep(&self, session: Session) {
        if session.is_fresh() {
            locked(&self.idle).push(session);
        } else {
            session.quit().await;
        }
    }
}

impl SmtpOffer {
    /// Sends it.
    pub(crate) async fn hand_over(mut self) -> Result<(), HandOverError> {
        let handed_over = self.session.hand_over(&self.message).await;
        match &handed_over {
            Ok(()) => self.pool.keep(self.session).await,
            Err(HandOverError::NotSent(NotSent::Refused { .. } | NotSent::Deferred { .. })) => {
                self.pool.reuse(self.session).await;
            }
            // Nothing is known of the connection any more.
            Err(_) => {}
        }
        handed_over
    }
}

/// Ends connections that were not used for a while, for as long as there is a pool.
async fn end_idle(pool: Weak<Pool>) {
    while let Some(pause) = pool.upgrade().map(|pool| pool.server.patience.idle) {
        tokio::time::sleep(pause).await;
        let Some(pool) = pool.upgrade() else { return };
        let stale: Vec<Session> = locked(&pool.idle).extract_if(.., |session| !session.is_fresh()).collect();
        for session in stale {
            session.quit().await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
