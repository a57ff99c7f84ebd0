//! The only SQL in the worker: one function per verb, one file per family of verbs.
//!
//! Every rule about money, limits and periods lives behind these verbs. This module binds typed arguments,
//! reads typed rows, and sorts failures into [`DatabaseError`]; it decides nothing.
//!
//! Two kinds of connection are used. A [`Session`] belongs to one task (a metering lane), is opened on first use and
//! reopened after a loss. Everything else borrows from the pool inside [`Database`].

mod billing_cycles;
mod billing_inbox;
mod billing_objects;
mod billing_plans;
mod billing_reconciliation;
mod billing_reports;
mod billing_requests;
mod callers;
mod completions;
mod error;
mod jobs;
mod limits;
mod mail;
mod models;
mod nudges;
mod pool;
mod readiness;
mod release;
mod reserve;
mod session;
mod settle;
mod sweep;

pub use billing_cycles::{CloseStep, CloseWindow};
pub use billing_objects::Applied;
pub use billing_plans::{CatalogueEntry, PlanChange};
pub use billing_reconciliation::{BillingTrouble, Difference, Reconciled};
pub use billing_reports::ReportStep;
pub use billing_requests::{BillingRequest, CancelStep};
pub use callers::{AccountState, KeyCaller, KeyState, UserCaller};
pub use completions::Completion;
pub use error::DatabaseError;
pub use jobs::{ClaimedJob, FinishedAs, FinishedJob};
pub use limits::{LimitMeter, LimitPeriod, LimitScope, LimitStanding};
pub use mail::{ClaimedMail, MailOutcome, MailState, Unsubscription};
pub use models::{ListedModel, ModelLimits};
pub use nudges::JobNudges;
pub use pool::{Database, SessionLimits};
pub use readiness::{Readiness, RoleRights, Surroundings};
pub use release::ReleaseOutcome;
pub use reserve::{Hold, Refusal, RefusalReason, Replay, ReplayState, ReserveItem, ReserveVerdict};
pub use session::Session;
pub use settle::{SettleItem, SettleOutcome, SettleSource, SettledUsage, Settlement, StoredResponse};
pub use sweep::SweptTask;
