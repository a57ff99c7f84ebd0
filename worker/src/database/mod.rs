//! The only SQL in the worker: one function per verb, one file per family of verbs.
//!
//! Every rule about money, limits and periods lives behind these verbs. This module binds typed arguments,
//! reads typed rows, and sorts failures into [`DatabaseError`]; it decides nothing.
//!
//! Two kinds of connection are used. A [`Session`] belongs to one task (a metering lane), is opened on first use and
//! reopened after a loss. Everything else borrows from the pool inside [`Database`].

mod admin_exports;
mod audit;
mod billing_cycles;
mod billing_inbox;
mod billing_objects;
mod billing_plans;
mod billing_reconciliation;
mod billing_reports;
mod billing_requests;
mod breaches;
mod callers;
mod completions;
mod contact_changes;
mod data_keys;
mod erasure;
mod error;
mod exports;
mod jobs;
mod leaked_keys;
mod limits;
mod mail;
mod models;
mod nudges;
mod people;
mod pool;
mod prices;
mod privacy_requests;
mod purchase_pages;
mod readiness;
mod refused_calls;
mod release;
mod reserve;
mod session;
mod settle;
mod sweep;
mod verdict;

pub use admin_exports::{AdminReader, AdminTable};
pub use audit::{AuditBreak, AuditPart, AuditPosition};
pub use billing_cycles::{CloseStep, CloseWindow};
pub use billing_inbox::{EVENTS_MAX, EventVerdict};
pub use billing_objects::Applied;
pub use billing_plans::{CatalogueEntry, PlanChange, PlanMargin};
pub use billing_reconciliation::{BillingTrouble, Difference, Reconciled};
pub use billing_reports::ReportStep;
pub use billing_requests::{BillingRequest, CancelStep, ChangeStep, RefusedCall};
pub use breaches::{AuthorityReport, BreachEntry, RefusalCount, SecuritySignal};
pub use callers::{AccountState, KeyCaller, KeyState, UserCaller};
pub use completions::Completion;
pub use contact_changes::ContactChange;
pub use data_keys::{OperatorKeyUse, RotatedBatch};
pub use erasure::{ErasedCustomer, ErasureStep, Handover, OpenInvoice, Removal, Replayed};
pub use error::DatabaseError;
pub use exports::ExportSnapshot;
pub use jobs::{ClaimedJob, FinishedAs, FinishedJob};
pub use leaked_keys::{LEAKED_KEYS_MAX, RevokedKeys};
pub use limits::{LimitMeter, LimitPeriod, LimitScope, LimitSetter, LimitStanding};
pub use mail::{ClaimedMail, MailOutcome, MailPurpose, MailState, Unsubscription};
pub use models::{ListedModel, ModelLimits, ModelTrouble};
pub use nudges::JobNudges;
pub use people::BackfilledBite;
pub use pool::{Database, SessionLimits};
pub use prices::{ListedPrice, PriceChange};
pub use privacy_requests::PrivacyTrouble;
pub use purchase_pages::PurchasePages;
pub use readiness::{Readiness, RoleRights, Surroundings};
pub use refused_calls::RefusedCallCount;
pub use release::ReleaseOutcome;
pub use reserve::ReserveItem;
pub use session::Session;
pub use settle::{SettleItem, SettleOutcome, SettleSource, SettledUsage, Settlement, StoredResponse};
pub use sweep::SweptTask;
pub use verdict::{
    HeldBack, Hold, OnDisconnect, OutputBound, Refusal, RefusalReason, Replay, ReplayState, ReserveVerdict,
};
