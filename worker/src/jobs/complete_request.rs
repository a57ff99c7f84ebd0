//! Makes an OpenAI call that someone asked for with `octroi.request_completion`.
//!
//! The completion's id is the request's id, so however often the job runs the call is reserved once, sent once and
//! settled once. The answer is kept by the settlement itself; only a failure is written here.

use std::time::Duration;

use uuid::Uuid;

use super::JobContext;
use crate::database::{Completion, ReplayState};
use crate::gateway::GatewayError;
use crate::meter::MeterError;
use crate::metered_call::{CallError, Caller, NewCall};
use crate::openai::{Endpoint, parse_request};
use crate::queue::{Failure, Outcome};

/// Runs the job.
pub(super) async fn run(completion_id: Uuid, context: &JobContext) -> Result<Outcome, Failure> {
    let Some(completion) = context.database.load_completion(completion_id).await? else {
        return Ok(Outcome::Done);
    };
    let told = match new_call(completion_id, &completion) {
        Err(error) => error,
        Ok(call) => match context.calls.run_to_completion(call).await {
            Ok(_) => return Ok(Outcome::Done),
            Err(error) => match try_again(&error) {
                Some(failure) => return Err(failure),
                None => GatewayError::from_call(error, &context.pages.get().await),
            },
        },
    };
    let body = serde_json::to_value(told.body()).map_err(|_| Failure::BadArguments)?;
    let status = told.status().as_u16();
    context.database.fail_completion(completion_id, status, &body).await?;
    Ok(Outcome::Done)
}

fn new_call(completion_id: Uuid, completion: &Completion) -> Result<NewCall, GatewayError> {
    let endpoint = Endpoint::from_name(&completion.endpoint).ok_or(GatewayError::UnknownPath)?;
    let request =
        parse_request(endpoint, completion.request.get().as_bytes()).map_err(GatewayError::Request)?;
    let caller = Caller { api_key_id: None, account_id: completion.account_id, user_id: completion.user_id };
    Ok(NewCall { request_id: completion_id, caller, request, idempotency: None })
}

/// What to tell the queue about a call that may still succeed; none when its owner has to be told.
fn try_again(error: &CallError) -> Option<Failure> {
    match error {
        CallError::NotMetered(MeterError::Overloaded | MeterError::Unavailable | MeterError::Closed)
        | CallError::DatabaseUnavailable => Some(Failure::DatabaseAway),
        CallError::Held { retry_after_seconds, .. } => {
            Some(Failure::HeldBack { retry_after: Duration::from_secs(*retry_after_seconds) })
        }
        CallError::NotAccepted { retry_after } => Some(Failure::UpstreamAway { retry_after: *retry_after }),
        // The hold is still open: when it has been settled or has lapsed, the next look finds out which.
        CallError::Repeats { state: ReplayState::Open } | CallError::NotSettled | CallError::Interrupted => {
            Some(Failure::UnderWay)
        }
        CallError::ModelNotPriced { .. }
        | CallError::ModelElsewhere { .. }
        | CallError::Request(_)
        | CallError::Refused { .. }
        | CallError::Repeats { .. }
        | CallError::NotMetered(MeterError::Refused { .. })
        | CallError::RequestRefused { .. }
        | CallError::OutcomeUnknown
        | CallError::ClientLeft => None,
    }
}
