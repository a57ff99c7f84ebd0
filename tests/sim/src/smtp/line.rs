//! A command line in its parts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo,
    Helo,
    StartTls,
    /// Mechanism in upper case, and its initial response.
    Auth(String, Option<String>),
    Mail {
        from: String,
        parameters: Vec<String>,
    },
    Rcpt {
        to: String,
    },
    Data,
    Rset,
    Noop,
    Quit,
    Unknown,
    /// Known, but not as it must be.
    Malformed,
}

impl Command {
    pub(super) fn read(line: &[u8]) -> Self {
        let Ok(line) = std::str::from_utf8(line) else { return Self::Malformed };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (verb.to_ascii_uppercase().as_str(), rest) {
            ("EHLO", name) if !name.trim().is_empty() => Self::Ehlo,
            ("HELO", name) if !name.trim().is_empty() => Self::Helo,
            ("STARTTLS", "") => Self::StartTls,
            ("AUTH", rest) => {
                let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
                Self::Auth(mechanism.to_ascii_uppercase(), (!initial.is_empty()).then(|| initial.to_owned()))
            }
            ("MAIL", rest) => path(rest, "FROM:").map_or(Self::Malformed, |(from, parameters)| Self::Mail {
                from,
                parameters: parameters.split_whitespace().map(str::to_ascii_uppercase).collect(),
            }),
            ("RCPT", rest) => match path(rest, "TO:") {
                Some((to, parameters)) if !to.is_empty() && parameters.is_empty() => Self::Rcpt { to },
                _ => Self::Malformed,
            },
            ("DATA", "") => Self::Data,
            ("RSET", "") => Self::Rset,
            ("NOOP", _) => Self::Noop,
            ("QUIT", "") => Self::Quit,
            ("EHLO" | "HELO" | "STARTTLS" | "DATA" | "RSET" | "QUIT", _) => Self::Malformed,
            _ => Self::Unknown,
        }
    }

    /// As it may be shown: without what AUTH carries.
    pub(super) fn shown(line: &[u8]) -> String {
        let line = String::from_utf8_lossy(line);
        match line.get(..4) {
            Some(verb) if verb.eq_ignore_ascii_case("AUTH") => "AUTH".to_owned(),
            _ => line.into_owned(),
        }
    }
}

/// `FROM:<path> parameters` in two; a quoted local part may have `>` in it.
fn path(rest: &str, keyword: &str) -> Option<(String, String)> {
    let start = rest.get(..keyword.len())?;
    let rest = rest.get(keyword.len()..)?;
    let inside = rest.strip_prefix('<').filter(|_| start.eq_ignore_ascii_case(keyword))?;
    let (mut quoted, mut escaped) = (false, false);
    let end = inside.char_indices().find(|(_, character)| {
        let ends = *character == '>' && !quoted;
        quoted ^= *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        ends
    });
    let (end, _) = end?;
    let parameters = inside.get(end + 1..)?;
    let clean = parameters.is_empty() || parameters.starts_with(' ');
    clean.then(|| (inside[..end].to_owned(), parameters.trim().to_owned()))
}

/// What a client answered in AUTH, decoded.
pub(super) fn decoded(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(from: &str, parameters: &[&str]) -> Command {
        let parameters = parameters.iter().map(|text| (*text).to_owned()).collect();
        Command::Mail { from: from.to_owned(), parameters }
    }

    #[test]
    fn commands_are_read_as_rfc_5321_has_them() {
        for (line, command) in [
            ("ehlo me", Command::Ehlo),
            ("EHLO", Command::Malformed),
            ("MAIL FROM:<a@b.c>", mail("a@b.c", &[])),
            ("mail from:<a@b.c> SMTPUTF8 body=8bitmime", mail("a@b.c", &["SMTPUTF8", "BODY=8BITMIME"])),
            ("MAIL FROM:<>", mail("", &[])),
            ("MAIL FROM: <a@b.c>", Command::Malformed),
            ("MAIL FROM:a@b.c", Command::Malformed),
            ("RCPT TO:<\"a>\\\"b\"@c.d>", Command::Rcpt { to: "\"a>\\\"b\"@c.d".to_owned() }),
            ("RCPT TO:<a@b.c>x", Command::Malformed),
            ("RCPT TO:<>", Command::Malformed),
            ("AUTH plain AGEAYg==", Command::Auth("PLAIN".to_owned(), Some("AGEAYg==".to_owned()))),
            ("DATA now", Command::Malformed),
            ("VRFY a", Command::Unknown),
        ] {
            assert_eq!(Command::read(line.as_bytes()), command, "{line}");
        }
        assert_eq!(Command::shown(b"AUTH PLAIN AGEAYg=="), "AUTH");
    }
}
