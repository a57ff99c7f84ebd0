//! How handing a mail over can fail, sorted by what may be done about it.

use std::fmt;

use thiserror::Error;

/// The mail was not sent, surely.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    /// The other side is away or does not let us in. It says nothing about the mail, which can wait.
    #[error("{step}: {problem}")]
    Away {
        /// Where it ended.
        step: Step,
        /// Why.
        problem: Problem,
    },
    /// Every connection we allow ourselves is busy.
    #[error("every connection to the mail server is busy")]
    Busy,
    /// The server does not take this mail now (4xx): a greylist, a full mailbox.
    #[error("{step}: the server answered {reply}")]
    Deferred {
        /// The command it did not take.
        step: Step,
        /// What it said.
        reply: Reply,
    },
    /// The server will never take this mail (5xx): no such mailbox, its content is not wanted.
    #[error("{step}: the server answered {reply}")]
    Refused {
        /// The command it refused.
        step: Step,
        /// What it said.
        reply: Reply,
    },
    /// The address needs SMTPUTF8, which the server does not speak.
    #[error("the address is not ASCII and the server does not speak SMTPUTF8")]
    NeedsSmtputf8,
}

/// Handing over failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandOverError {
    /// The mail was not taken, surely.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// The content was sent and no answer to it came: it may have been taken or not.
    #[error("{}: {problem}, so it is not known whether the mail was taken", Step::Content)]
    Unknown {
        /// Why no answer came.
        problem: Problem,
    },
}

/// Where in the dialogue it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Name, TCP, TLS if it is implicit, greeting and EHLO.
    Connect,
    /// STARTTLS and the EHLO after it.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL FROM, which is about the operator's own address.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, before any content.
    Data,
    /// The content up to the answer to its final dot.
    Content,
    /// The directory of the file backend.
    Directory,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connect",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Content => "content",
            Self::Directory => "directory",
        })
    }
}

/// What ended a dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The server said no.
    Reply(Reply),
    /// No answer in time.
    TimedOut,
    /// The server does not offer what we insist on.
    NotOffered(&'static str),
    /// The connection was lost, TLS failed, or what came was no SMTP. Nothing of it is personal: no command that
    /// carries an address is repeated in such a text.
    Broken(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => write!(formatter, "the server answered {reply}"),
            Self::TimedOut => formatter.write_str("no answer in time"),
            Self::NotOffered(what) => write!(formatter, "the server does not offer {what}"),
            Self::Broken(text) => formatter.write_str(text),
        }
    }
}

/// A negative answer: its codes only, since servers like to repeat addresses in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// RFC 5321.
    pub code: u16,
    /// RFC 3463, such as `5.1.1`; not every server sends one.
    pub enhanced: Option<String>,
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.enhanced {
            Some(enhanced) => write!(formatter, "{} {enhanced}", self.code),
            None => write!(formatter, "{}", self.code),
        }
    }
}

impl Reply {
    /// Service not available, closing (RFC 5321 §3.8): whatever it answers, it is about the connection.
    pub(super) fn closes(&self) -> bool {
        self.code == 421
    }

    pub(super) fn is_permanent(&self) -> bool {
        self.code >= 500
    }
}
