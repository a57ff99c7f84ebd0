//! The content of a mail, up to its dot.

use std::io;

use super::dialogue::{Dialogue, Draft};
use super::faults::{FaultKind, Verb};
use super::mailbox::ReceivedMail;
use super::transport::Line;

/// Largest mail, in bytes; EHLO says so.
pub(super) const MAIL_BYTES_MAX: usize = 10 * 1024 * 1024;

impl Dialogue {
    /// Reads a mail up to its dot, and keeps it unless a fault is planned or something is wrong with it.
    pub(super) async fn take_content(&mut self) -> io::Result<()> {
        let (mut bytes, mut well_formed) = (Vec::new(), true);
        loop {
            match self.transport.line().await? {
                Line::Text(line) if line == b"." => break,
                Line::Text(line) => {
                    if bytes.len() <= MAIL_BYTES_MAX {
                        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                        bytes.extend_from_slice(b"\r\n");
                    }
                }
                Line::Malformed => well_formed = false,
            }
        }
        let Some(draft) = self.mail.take() else { return Ok(()) };
        let fault = self.sim.plan.take(Verb::Dot);
        if let Some(FaultKind::Stall { for_ms }) = &fault {
            self.sim.plan.hold(*for_ms).await;
        }
        let refused = match &fault {
            Some(FaultKind::Reply { code, text }) => Some(format!("{code} {text}\r\n")),
            Some(FaultKind::Garbage { text }) => Some(text.clone()),
            Some(FaultKind::Drop) => return Err(io::ErrorKind::ConnectionAborted.into()),
            _ if bytes.len() > MAIL_BYTES_MAX => Some("552 5.3.4 Message too big\r\n".to_owned()),
            // What lets one mail smuggle another past a server that is less strict.
            _ if !well_formed => Some("550 5.6.11 Bare CR or LF, or a line over 998 bytes\r\n".to_owned()),
            _ => None,
        };
        if let Some(text) = refused {
            return self.transport.send(&text).await;
        }
        let Draft { from, to, smtputf8 } = draft;
        let (encrypted, user, connection) = (self.transport.encrypted, self.user.clone(), self.number);
        let mail = ReceivedMail { from, to, bytes, encrypted, user, smtputf8, connection };
        if self.sim.mailbox.keep(mail).is_err() {
            return self.transport.send("452 4.3.1 Insufficient storage\r\n").await;
        }
        match fault {
            Some(FaultKind::AcceptThenDrop) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(FaultKind::AcceptThenStall { for_ms }) => self.sim.plan.hold(for_ms).await,
            _ => {}
        }
        self.transport.send("250 2.0.0 Ok: queued\r\n").await
    }
}
