//! AUTH, MAIL and RCPT: who sends, from where, to whom.

use std::io;

use super::dialogue::{Dialogue, Draft, Next, answer};
use super::line::decoded;
use super::transport::Line;

/// Most recipients of a mail (RFC 5321 §4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;

impl Dialogue {
    pub(super) async fn sign_in(&mut self, mechanism: &str, initial: Option<String>) -> io::Result<Next> {
        let given = match (mechanism, initial) {
            ("PLAIN", Some(initial)) => decoded(&initial).and_then(|text| {
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                Some((parts.next()?, parts.next()?))
            }),
            ("LOGIN", None) => {
                let user = self.ask("334 VXNlcm5hbWU6").await?;
                let password = self.ask("334 UGFzc3dvcmQ6").await?;
                user.zip(password)
            }
            _ => return Ok(answer("504 5.5.4 Mechanism not supported")),
        };
        if given.is_none() || given != self.sim.options.credentials {
            return Ok(answer("535 5.7.8 Authentication credentials invalid"));
        }
        self.user = given.map(|(user, _)| user);
        Ok(answer("235 2.7.0 Authentication successful"))
    }

    async fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.transport.send(&format!("{question}\r\n")).await?;
        match self.transport.line().await? {
            Line::Text(line) => Ok(std::str::from_utf8(&line).ok().and_then(decoded)),
            Line::Malformed => Ok(None),
        }
    }

    pub(super) fn begin(&mut self, from: String, parameters: &[String]) -> Next {
        let smtputf8 = parameters.iter().any(|parameter| parameter == "SMTPUTF8");
        let known = |parameter: &String| {
            parameter == "SMTPUTF8" && self.sim.options.smtputf8
                || matches!(parameter.as_str(), "BODY=8BITMIME" | "BODY=7BIT")
                || parameter.starts_with("SIZE=")
        };
        if !parameters.iter().all(known) {
            return answer("555 5.5.4 Parameter not recognised");
        }
        if !from.is_ascii() && !smtputf8 {
            return answer("553 5.6.7 Address is not ASCII and SMTPUTF8 was not asked for");
        }
        self.mail = Some(Draft { from, to: Vec::new(), smtputf8 });
        answer("250 2.1.0 Ok")
    }

    pub(super) fn add(&mut self, to: String) -> Next {
        let Some(mail) = &mut self.mail else { return answer("503 5.5.1 Need MAIL first") };
        if mail.to.len() == RECIPIENTS_MAX {
            return answer("452 4.5.3 Too many recipients");
        }
        if !to.is_ascii() && !mail.smtputf8 {
            return answer("553 5.6.7 Address is not ASCII and SMTPUTF8 was not asked for");
        }
        if !to.contains('@') {
            return answer("501 5.1.3 Bad recipient address");
        }
        mail.to.push(to);
        answer("250 2.1.5 Ok")
    }
}
