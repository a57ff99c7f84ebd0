//! One connection from its greeting to its end.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::content::MAIL_BYTES_MAX;
use super::faults::{FaultKind, Verb};
use super::line::Command;
use super::transport::{Line, Transport};
use super::{Sim, TlsMode};

/// A client and what it has said so far.
pub(super) struct Dialogue {
    pub(super) transport: Transport,
    pub(super) sim: Arc<Sim>,
    /// Which connection it is, from 1.
    pub(super) number: u64,
    greeted: bool,
    pub(super) user: Option<String>,
    pub(super) mail: Option<Draft>,
}

/// A mail that is being addressed.
pub(super) struct Draft {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) smtputf8: bool,
}

/// What follows from a command.
pub(super) enum Next {
    Answer(String),
    Encrypt,
    Content,
    End,
}

pub(super) fn answer(text: &str) -> Next {
    Next::Answer(text.to_owned())
}

impl Dialogue {
    /// Serves a client until it leaves.
    pub(super) async fn hold(socket: TcpStream, sim: Arc<Sim>, number: u64) {
        // How a client leaves is its own affair.
        let _ = Self::serve(socket, sim, number).await;
    }

    async fn serve(socket: TcpStream, sim: Arc<Sim>, number: u64) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut transport = Transport::plain(socket);
        match sim.plan.take(Verb::Connect) {
            None => {}
            Some(FaultKind::Stall { for_ms } | FaultKind::AcceptThenStall { for_ms }) => {
                sim.plan.hold(for_ms).await
            }
            Some(FaultKind::Garbage { text }) => return transport.send(&text).await,
            Some(_) => return Ok(()),
        }
        if sim.options.tls == TlsMode::Implicit {
            transport = transport.encrypt(&sim.identity.acceptor).await?;
        }
        let mut dialogue = Self { transport, sim, number, greeted: false, user: None, mail: None };
        if !dialogue.say(Verb::Banner, "220 localhost ESMTP octroi-sim").await? {
            return Ok(());
        }
        loop {
            let Line::Text(line) = dialogue.transport.line().await? else {
                dialogue.transport.send("500 5.5.2 Line too long or not ended by CRLF\r\n").await?;
                continue;
            };
            dialogue.sim.mailbox.note(&Command::shown(&line));
            dialogue = match dialogue.obey(Command::read(&line)).await? {
                Some(dialogue) => dialogue,
                None => return Ok(()),
            };
        }
    }

    /// Does what a command asks; nothing when the connection is over.
    async fn obey(mut self, command: Command) -> io::Result<Option<Self>> {
        let verb = verb(&command);
        match self.decide(command).await? {
            Next::Answer(text) => match verb {
                Some(verb) if !self.say(verb, &text).await? => self.forget(verb),
                Some(_) => {}
                None => self.transport.send(&lines(&text, "")).await?,
            },
            Next::Encrypt => {
                if self.say(Verb::StartTls, "220 2.0.0 Ready to start TLS").await? {
                    let acceptor = self.sim.identity.acceptor.clone();
                    // RFC 3207 §4.2: what was said before is forgotten.
                    let transport = self.transport.encrypt(&acceptor).await?;
                    self = Self { transport, greeted: false, user: None, mail: None, ..self };
                }
            }
            Next::Content => {
                if self.say(Verb::Data, "354 End data with <CR><LF>.<CR><LF>").await? {
                    self.take_content().await?;
                }
            }
            Next::End => {
                self.say(Verb::Quit, "221 2.0.0 Bye").await?;
                return Ok(None);
            }
        }
        Ok(Some(self))
    }

    async fn decide(&mut self, command: Command) -> io::Result<Next> {
        let options = &self.sim.options;
        let may_send = self.transport.encrypted || options.tls == TlsMode::None;
        Ok(match command {
            Command::Ehlo => {
                self.greeted = true;
                self.mail = None;
                return Ok(Next::Answer(self.capabilities()));
            }
            Command::Helo => {
                self.greeted = true;
                answer("250 localhost")
            }
            Command::StartTls if self.transport.encrypted || options.tls != TlsMode::StartTls => {
                answer("503 5.5.1 STARTTLS is not to be had here")
            }
            Command::StartTls => Next::Encrypt,
            Command::Auth(..) if !may_send => {
                answer("538 5.7.11 Encryption required for requested mechanism")
            }
            Command::Auth(mechanism, initial) => return self.sign_in(&mechanism, initial).await,
            Command::Mail { .. } if !may_send => answer("530 5.7.0 Must issue a STARTTLS command first"),
            Command::Mail { .. } if options.credentials.is_some() && self.user.is_none() => {
                answer("530 5.7.0 Authentication required")
            }
            Command::Mail { .. } if !self.greeted || self.mail.is_some() => answer("503 5.5.1 Bad sequence"),
            Command::Mail { from, parameters } => self.begin(from, &parameters),
            Command::Rcpt { to } => self.add(to),
            Command::Data if self.mail.as_ref().is_some_and(|mail| !mail.to.is_empty()) => Next::Content,
            Command::Data => answer("503 5.5.1 No valid recipients"),
            Command::Rset => {
                self.mail = None;
                answer("250 2.0.0 Ok")
            }
            Command::Noop => answer("250 2.0.0 Ok"),
            Command::Quit => Next::End,
            Command::Unknown => answer("500 5.5.2 Command not recognised"),
            Command::Malformed => answer("501 5.5.4 Syntax error in parameters"),
        })
    }

    fn capabilities(&self) -> String {
        let options = &self.sim.options;
        let mut words = vec!["localhost".to_owned(), format!("SIZE {MAIL_BYTES_MAX}"), "8BITMIME".to_owned()];
        if options.tls == TlsMode::StartTls && !self.transport.encrypted {
            words.push("STARTTLS".to_owned());
        }
        if options.credentials.is_some() && (self.transport.encrypted || options.tls == TlsMode::None) {
            words.push("AUTH PLAIN LOGIN".to_owned());
        }
        if options.smtputf8 {
            words.push("SMTPUTF8".to_owned());
        }
        words.push("ENHANCEDSTATUSCODES".to_owned());
        words.join("\n")
    }

    /// Answers a verb, or fails at it as planned. True when the answer was the one given.
    async fn say(&mut self, verb: Verb, text: &str) -> io::Result<bool> {
        let (mut without, mut behind) = (String::new(), String::new());
        match self.sim.plan.take(verb) {
            None => {}
            Some(FaultKind::Reply { code, text }) => {
                self.transport.send(&format!("{code} {text}\r\n")).await?;
                return Ok(false);
            }
            Some(FaultKind::Garbage { text }) => {
                self.transport.send(&text).await?;
                return Ok(false);
            }
            Some(FaultKind::Drop | FaultKind::AcceptThenDrop) => {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Some(FaultKind::Stall { for_ms } | FaultKind::AcceptThenStall { for_ms }) => {
                self.sim.plan.hold(for_ms).await;
            }
            Some(FaultKind::Inject { text }) => behind = text,
            Some(FaultKind::Without { capability }) => without = capability,
        }
        self.transport.send(&format!("{}{behind}", lines(text, &without))).await?;
        Ok(true)
    }

    /// A refused command has had no effect.
    fn forget(&mut self, verb: Verb) {
        match verb {
            Verb::Mail => self.mail = None,
            Verb::Auth => self.user = None,
            Verb::Rcpt => drop(self.mail.as_mut().map(|mail| mail.to.pop())),
            _ => {}
        }
    }
}

/// The verb a command's answer may fail at. DATA, STARTTLS and QUIT fail where their effect is.
fn verb(command: &Command) -> Option<Verb> {
    match command {
        Command::Ehlo | Command::Helo => Some(Verb::Ehlo),
        Command::Auth(..) => Some(Verb::Auth),
        Command::Mail { .. } => Some(Verb::Mail),
        Command::Rcpt { .. } => Some(Verb::Rcpt),
        Command::Rset => Some(Verb::Rset),
        _ => None,
    }
}

/// An answer as it goes over the wire. Several lines are capabilities, all with code 250.
fn lines(text: &str, without: &str) -> String {
    if !text.contains('\n') {
        return format!("{text}\r\n");
    }
    let kept: Vec<&str> = text
        .split('\n')
        .filter(|line| without.is_empty() || line.split(' ').next() != Some(without))
        .collect();
    let last = kept.len().saturating_sub(1);
    let line = |(at, line): (usize, &&str)| format!("250{}{line}\r\n", if at == last { ' ' } else { '-' });
    kept.iter().enumerate().map(line).collect()
}
