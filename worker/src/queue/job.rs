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
    /// Carries out what an account's owner asked of Stripe.
    RunBillingRequest {
        /// The `billing_request` row.
        billing_request_id: Uuid,
    },
    /// Looks at an object of Stripe's and writes down what it is now.
    SyncStripeObject {
        /// What it is, as SQL names it.
        kind: String,
        /// Its id at Stripe.
        id: String,
    },
    /// Reads an event about reports that Stripe found invalid.
    ReadMeterErrors {
        /// The event's id at Stripe.
        event_id: String,
    },
    /// Reports usage to Stripe's meter.
    SendMeterReport {
        /// The `meter_report` row.
        report_id: Uuid,
    },
    /// Closes the billing cycle that an invoice bills.
    CloseCycle {
        /// The invoice's id at Stripe.
        invoice_id: String,
    },
    /// Asks Stripe for the events that never arrived.
    ListMissedEvents {},
    /// Compares the books with Stripe's.
    Reconcile {},
    /// Corrects a customer at Stripe.
    PushContact {
        /// The `contact_change` row.
        contact_change_id: Uuid,
    },
    /// Sends a mail.
    SendMail {
        /// The `mail` row.
        mail_id: Uuid,
    },
    /// Removes the calls of an erased person.
    RemoveUsage {
        /// The `erasure_receipt` row.
        receipt_id: Uuid,
    },
    /// Erases an erased account's customer at Stripe.
    EraseAtStripe {
        /// The `erasure_step` row.
        step_id: i64,
    },
    /// Queues the mails that tell people of a breach.
    SendBreachNotices {
        /// The breach's number.
        breach_id: i64,
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
    pub const KINDS: [&'static str; 13] = [
        "complete_request",
        "run_billing_request",
        "sync_stripe_object",
        "read_meter_errors",
        "send_meter_report",
        "close_cycle",
        "list_missed_events",
        "reconcile",
        "push_contact",
        "send_mail",
        "remove_usage",
        "erase_at_stripe",
        "send_breach_notices",
    ];

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
            Self::RunBillingRequest { .. } => "run_billing_request",
            Self::SyncStripeObject { .. } => "sync_stripe_object",
            Self::ReadMeterErrors { .. } => "read_meter_errors",
            Self::SendMeterReport { .. } => "send_meter_report",
            Self::CloseCycle { .. } => "close_cycle",
            Self::ListMissedEvents {} => "list_missed_events",
            Self::Reconcile {} => "reconcile",
            Self::PushContact { .. } => "push_contact",
            Self::SendMail { .. } => "send_mail",
            Self::RemoveUsage { .. } => "remove_usage",
            Self::EraseAtStripe { .. } => "erase_at_stripe",
            Self::SendBreachNotices { .. } => "send_breach_notices",
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
        let (id, name) = (Uuid::nil(), || "x_1".to_owned());
        let jobs = [
            Job::CompleteRequest { completion_id: id },
            Job::RunBillingRequest { billing_request_id: id },
            Job::SyncStripeObject { kind: name(), id: name() },
            Job::ReadMeterErrors { event_id: name() },
            Job::SendMeterReport { report_id: id },
            Job::CloseCycle { invoice_id: name() },
            Job::ListMissedEvents {},
            Job::Reconcile {},
            Job::PushContact { contact_change_id: id },
            Job::SendMail { mail_id: id },
            Job::RemoveUsage { receipt_id: id },
            Job::EraseAtStripe { step_id: 7 },
            Job::SendBreachNotices { breach_id: 1 },
        ];
        for job in &jobs {
            let row = serde_json::to_value(job).unwrap();
            assert_eq!(&Job::read(job.kind(), row["args"].clone()).unwrap(), job);
        }
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
