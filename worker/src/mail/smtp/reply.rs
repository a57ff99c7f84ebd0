//! What lettre reports, as an answer or as what kept one from coming.

use std::error::Error;

use lettre::transport::smtp::Error as SmtpError;

use crate::mail::delivery::{Problem, Reply};

/// Longest text of a broken connection that is kept, in characters.
const TEXT_CHARACTERS_MAX: usize = 200;

/// What ended a command.
pub(super) fn problem(error: &SmtpError) -> Problem {
    match error.status() {
        Some(code) => Problem::Reply(Reply {
            code: u16::from(code),
            enhanced: error.source().and_then(|text| enhanced(&text.to_string())),
        }),
        None if error.is_timeout() => Problem::TimedOut,
        // An answer that is none can be anything, so it is not repeated; an end without an answer looks the same.
        None if error.is_response() => {
            Problem::Broken("the connection ended without an SMTP answer".to_owned())
        }
        None => Problem::Broken(text(error)),
    }
}

/// The status code of RFC 3463 that an answer begins with.
fn enhanced(answer: &str) -> Option<String> {
    let first = answer.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(is_number)).then(|| first.to_owned())
}

/// What lies at the bottom of it: every layer above only says that there was an error.
fn text(error: &SmtpError) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().chars().filter(|character| !character.is_control()).take(TEXT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::enhanced;

    #[test]
    fn a_status_code_is_taken_and_nothing_else_of_the_text() {
        assert_eq!(enhanced("5.1.1 <ada@example.com>: no such user").as_deref(), Some("5.1.1"));
        assert_eq!(enhanced("4.7.100 greylisted").as_deref(), Some("4.7.100"));
        for text in ["", "no such user ada@example.com", "5.1 x", "5.1.1.1 x", "5.1.a x", "127.0.0.1000"] {
            assert_eq!(enhanced(text), None, "{text}");
        }
    }
}
