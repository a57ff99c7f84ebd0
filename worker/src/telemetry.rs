//! Logs and metrics.
//!
//! Log rules: an error is logged once, where it is dealt with; identifiers go into fields; units stand in names. Never
//! logged: keys, tokens, prompts, completions, mail addresses, whole URLs of the database.

use std::io::IsTerminal;
use std::time::Duration;

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Items a lane put to the database at once, by `lane`.
pub const LANE_BATCH_ITEMS: &str = "octroi_lane_batch_items";
/// Time a lane's batch took, retries included, by `lane`.
pub const LANE_BATCH_SECONDS: &str = "octroi_lane_batch_seconds";
/// Batches tried again because the database was away, by `lane`.
pub const LANE_RETRIES: &str = "octroi_lane_retries_total";
/// Job attempts that ended, by `kind` and `outcome`.
pub const JOBS_FINISHED: &str = "octroi_jobs_finished_total";
/// Time a job attempt took, by `kind`.
pub const JOB_SECONDS: &str = "octroi_job_seconds";
/// Jobs running in this worker.
pub const JOBS_RUNNING: &str = "octroi_jobs_running";
/// Job attempts whose lease was lost before they ended.
pub const JOB_LEASES_LOST: &str = "octroi_job_leases_lost_total";
/// Times the LISTEN connection had to be opened again.
pub const LISTENER_RECONNECTS: &str = "octroi_listener_reconnects_total";
/// Rows the sweep changed, by `task`.
pub const SWEPT_ROWS: &str = "octroi_swept_rows_total";
/// Sweeps that failed.
pub const SWEEP_FAILURES: &str = "octroi_sweep_failures_total";

/// Requests to metered endpoints that were answered, by `endpoint` and `status` class.
pub const REQUESTS: &str = "octroi_requests_total";
/// Calls under way, those read on without a client included.
pub const CALLS_IN_FLIGHT: &str = "octroi_calls_in_flight";
/// Calls that wait for room which other calls hold.
pub const CALLS_WAITING: &str = "octroi_calls_waiting";
/// Calls told to come again because no such room came free.
pub const CALLS_HELD_BACK: &str = "octroi_calls_held_back_total";
/// Time that calls waited for such room, whether it came or not.
pub const ROOM_WAIT_SECONDS: &str = "octroi_room_wait_seconds";
/// Calls whose usage could not be recorded.
pub const SETTLE_FAILURES: &str = "octroi_settle_failures_total";
/// Calls charged at their hold because the provider told no usage.
pub const SETTLED_AT_HOLD: &str = "octroi_settled_at_hold_total";
/// Streams closed at the provider because their client had left.
pub const STREAMS_CANCELLED: &str = "octroi_streams_cancelled_total";
/// Tokens that the provider may have counted, at most, beyond what was charged as estimated.
pub const UNCONFIRMED_TOKENS: &str = "octroi_unconfirmed_tokens_total";
/// Tokens used beyond what was held.
pub const OVERRUN_TOKENS: &str = "octroi_overrun_tokens_total";
/// Calls the provider refused because of the operator's own account, by `reason`.
pub const OPERATOR_ACCOUNT_FAILURES: &str = "octroi_operator_account_failures_total";

/// Differences that the last reconciliation found no explanation for.
pub const UNEXPLAINED_DIFFERENCES: &str = "octroi_unexplained_differences";

/// Requests about personal data that are due soon or late.
pub const PRIVACY_REQUESTS_DUE: &str = "octroi_privacy_requests_due";

/// Signals of a possible breach that were raised, by `kind`.
pub const SECURITY_SIGNALS: &str = "octroi_security_signals_total";

/// How often recorded histogram values are folded into their buckets, in seconds.
const UPKEEP_SECONDS: u64 = 5;

const SECONDS_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
    600.0,
];
const ITEMS_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Sends log lines to standard error in the configured shape. A second call changes nothing.
pub fn start_logging(config: &LogConfig) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only when logging has been started before.
    let _ = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Pretty => lines.with_target(false).try_init(),
    };
}

/// Starts collecting metrics; the handle renders them for `/metrics`.
///
/// # Errors
/// [`BuildError`] when metrics are being collected already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_items".to_owned()), ITEMS_BUCKETS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

/// Folds histograms until `stop`, since nothing else bounds their memory when `/metrics` is never read.
pub async fn keep_metrics(handle: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(UPKEEP_SECONDS))).await.is_some() {
        handle.run_upkeep();
    }
}

fn describe() {
    metrics::describe_counter!(REQUESTS, Unit::Count, "Requests to metered endpoints that were answered");
    metrics::describe_gauge!(CALLS_IN_FLIGHT, Unit::Count, "Calls under way");
    metrics::describe_counter!(SETTLE_FAILURES, Unit::Count, "Calls whose usage could not be recorded");
    metrics::describe_counter!(
        SETTLED_AT_HOLD,
        Unit::Count,
        "Calls charged at their hold: no usage was told"
    );
    metrics::describe_counter!(
        STREAMS_CANCELLED,
        Unit::Count,
        "Streams closed because their client had left"
    );
    metrics::describe_counter!(
        UNCONFIRMED_TOKENS,
        Unit::Count,
        "Tokens the provider may have counted beyond what was charged as estimated"
    );
    metrics::describe_counter!(OVERRUN_TOKENS, Unit::Count, "Tokens used beyond what was held");
    metrics::describe_counter!(
        OPERATOR_ACCOUNT_FAILURES,
        Unit::Count,
        "Calls refused for the operator's own account"
    );
    metrics::describe_histogram!(LANE_BATCH_ITEMS, Unit::Count, "Items a lane put to the database at once");
    metrics::describe_histogram!(
        LANE_BATCH_SECONDS,
        Unit::Seconds,
        "Time of a lane's batch, retries included"
    );
    metrics::describe_counter!(LANE_RETRIES, Unit::Count, "Batches tried again: the database was away");
    metrics::describe_counter!(JOBS_FINISHED, Unit::Count, "Job attempts that ended");
    metrics::describe_histogram!(JOB_SECONDS, Unit::Seconds, "Time of a job attempt");
    metrics::describe_gauge!(JOBS_RUNNING, Unit::Count, "Jobs running in this worker");
    metrics::describe_counter!(JOB_LEASES_LOST, Unit::Count, "Job attempts that lost their lease");
    metrics::describe_counter!(LISTENER_RECONNECTS, Unit::Count, "Times LISTEN was connected again");
    metrics::describe_gauge!(UNEXPLAINED_DIFFERENCES, Unit::Count, "Differences without an explanation");
    metrics::describe_gauge!(
        PRIVACY_REQUESTS_DUE,
        Unit::Count,
        "Requests about personal data due soon or late"
    );
    metrics::describe_counter!(SECURITY_SIGNALS, Unit::Count, "Signals of a possible breach");
    metrics::describe_counter!(SWEPT_ROWS, Unit::Count, "Rows the sweep changed");
    metrics::describe_counter!(SWEEP_FAILURES, Unit::Count, "Sweeps that failed");
}
