//! The closed set of jobs. A kind is a contract with rows already written: never rename one.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// A job, as its row spells it: `kind` and `args`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "args", rename_all = "snake_case")]
pub enum Job {
    /// Makes an OpenAI call that someone asked for through SQL.
    CompleteRequest {
        /// The `completion` row, and the request's id.
        completion_id: Uuid,
    },
    /// Sends a mail.
    SendMail {
        /// The `mail` row.
        mail_id: Uuid,
    },
}

/// A row that is no job this worker can run, although it asked for the kind.
#[derive(Debug, Error)]
#[error("the arguments of a {kind} job are not what its kind asks for")]
pub struct JobError {
    /// The row's kind.
    pub kind: String,
}

impl Job {
    /// Every kind this worker can run. It claims no others, so a newer kind waits for a newer worker.
    pub const KINDS: [&'static str; 2] = ["complete_request", "send_mail"];

    /// The job in a claimed row.
    ///
    /// # Errors
    /// [`JobError`] when the arguments do not fit the kind.
    pub fn read(kind: &str, args: serde_json::Value) -> Result<Self, JobError> {
        serde_json::from_value(serde_json::json!({ "kind": kind, "args": args }))
            .map_err(|_| JobError { kind: kind.to_owned() })
    }

    /// The kind, as in the row.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CompleteRequest { .. } => "complete_request",
            Self::SendMail { .. } => "send_mail",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_and_its_job_are_the_same_thing() {
        let completion_id = Uuid::from_u128(7);
        let job = Job::read("complete_request", json!({ "completion_id": completion_id })).unwrap();
        assert_eq!(job, Job::CompleteRequest { completion_id });
        assert_eq!(
            serde_json::to_value(&job).unwrap(),
            json!({ "kind": "complete_request", "args": { "completion_id": completion_id } })
        );
    }

    #[test]
    fn every_kind_claimed_can_be_run() {
        let jobs =
            [Job::CompleteRequest { completion_id: Uuid::nil() }, Job::SendMail { mail_id: Uuid::nil() }];
        assert_eq!(jobs.map(|job| job.kind()), Job::KINDS);
    }

    #[test]
    fn wrong_arguments_are_an_error_that_does_not_repeat_them() {
        for args in [json!({}), json!({ "completion_id": "secret" }), json!(null), json!([1])] {
            let error = Job::read("complete_request", args).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the arguments of a complete_request job are not what its kind asks for"
            );
        }
        assert!(Job::read("fly_to_the_moon", json!({})).is_err());
    }
}
