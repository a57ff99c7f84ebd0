//! `octroi serve`: puts the parts together, runs them, and stops them in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::cli::Serve;
use crate::config::Config;
use crate::database::{Database, DatabaseError};
use crate::gateway::{self, GatewayState, KnownPages};
use crate::jobs::JobContext;
use crate::mail::{PhraseError, Phrasebook, Post, PostError};
use crate::meter::{Meter, MeterLimits};
use crate::metered_call::MeteredCalls;
use crate::openai::{IdentityKey, Upstream, UpstreamSettings};
use crate::queue::{self, Runner};
use crate::refused_calls::RefusedCalls;
use crate::startup::{self, StartupError};
use crate::stripe::{Stripe, StripeError};
use crate::{existing_users, privacy_watch, shutdown, sweeper, telemetry};

/// Longest wait for a TCP and TLS connection to the upstream, in seconds.
const CONNECT_SECONDS: u64 = 10;
/// Longest silence within an answer from the upstream, in seconds: models reason in silence for minutes.
const IDLE_SECONDS: u64 = 300;
/// How long a hold outlasts the longest call, in seconds: reading on after a client left, settling through an outage.
const LEASE_MARGIN_SECONDS: u64 = 300;
/// How long jobs may take to record the outcome of calls that were cut off when the drain ended, in seconds.
const LAST_JOBS_SECONDS: u64 = 5;
/// Room in the lanes beyond the connections served: jobs, and calls read on after their clients left.
const QUEUE_ITEMS_SPARE: usize = 2_048;
/// Time for the last settles after everything else has ended, in seconds.
const FLUSH_SECONDS: u64 = 10;

/// Why the worker did not start or had to end.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The database is not as it must be.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// The database URL cannot be used.
    #[error("OCTROI_DATABASE_URL cannot be used: {0}")]
    DatabaseUrl(#[source] DatabaseError),
    /// An address is taken or not ours.
    #[error("{variable}: cannot listen on {address}: {source}")]
    Listen {
        /// The variable that names the address.
        variable: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A part could not be set up from its configuration.
    #[error("{variable}: {problem}")]
    Setup {
        /// The variable to change.
        variable: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// No client for Stripe could be set up.
    #[error("STRIPE_SECRET_KEY: {0}")]
    Stripe(#[from] StripeError),
    /// Mail cannot be sent as configured.
    #[error(transparent)]
    Mail(#[from] PostError),
    /// A page cannot be said.
    #[error(transparent)]
    Phrases(#[from] PhraseError),
    /// Signals cannot be waited for.
    #[error("signal handlers cannot be installed: {0}")]
    Signals(#[source] std::io::Error),
    /// A metering lane ended although calls may need it.
    #[error("a metering lane broke")]
    LaneBroke,
}

/// Runs the worker until a signal tells it to stop.
///
/// # Errors
/// As [`run_until`].
pub async fn run(config: Config, parts: Serve, prometheus: PrometheusHandle) -> Result<(), ServeError> {
    let stop = shutdown::on_signal().map_err(ServeError::Signals)?;
    run_until(config, parts, prometheus, stop).await
}

/// Runs the worker until `stop`, then lets calls finish and flushes every settle.
///
/// # Errors
/// A [`ServeError`]; what was acknowledged is durable all the same.
pub async fn run_until(
    config: Config,
    parts: Serve,
    prometheus: PrometheusHandle,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let database = Database::new(&config.database).map_err(ServeError::DatabaseUrl)?;
    startup::check(&database).await?;

    let limits = MeterLimits {
        queue_items: config.gateway.max_connections + config.jobs.concurrency + QUEUE_ITEMS_SPARE,
        lease_seconds: i32::try_from(config.openai.timeout.as_secs() + LEASE_MARGIN_SECONDS)
            .unwrap_or(i32::MAX),
    };
    let (meter, mut lanes) = Meter::start(&database, limits);
    let calls = metered_calls(&config, &database, meter)?;
    let upkeep = tokio::spawn(telemetry::keep_metrics(prometheus.clone(), stop.clone()));

    let stripe = config.stripe.as_ref().map(Stripe::new).transpose()?;
    if stripe.is_none() && !parts.no_jobs {
        tracing::warn!(
            "STRIPE_SECRET_KEY is not set: nothing is billed, and jobs for Stripe wait for another worker"
        );
    }
    let post = config.mail.as_ref().map(Post::new).transpose()?;
    let refused_calls = RefusedCalls::default();
    let gateway = serve_gateway(&config, parts, &database, &calls, prometheus, &refused_calls, &stop).await?;
    tracing::info!(
        gateway = !parts.no_gateway,
        jobs = !parts.no_jobs,
        mail = post.is_some(),
        "octroi is ready"
    );
    let work = async {
        let context = JobContext {
            database: database.clone(),
            calls: calls.clone(),
            upstream_timeout: config.openai.timeout,
            pages: KnownPages::new(database.clone()),
            refused_calls: refused_calls.clone(),
            stripe,
            post: post.clone(),
        };
        tokio::join!(
            gateway,
            run_jobs(&config, parts, context, &stop),
            refused_calls.tell_until(&database, stop.clone()),
        );
    };
    tokio::select! {
        () = work => {}
        () = lanes.broken() => return Err(ServeError::LaneBroke),
    }

    refused_calls.tell(&database).await;
    if !lanes.drain(Instant::now() + Duration::from_secs(FLUSH_SECONDS)).await {
        tracing::error!("stopped with settles that the database had not taken; their holds will lapse");
    }
    if let Some(post) = post {
        post.mailer.close().await;
    }
    database.close().await;
    // It only ever returns after `stop`.
    let _ = upkeep.await;
    tracing::info!("stopped");
    Ok(())
}

fn metered_calls(config: &Config, database: &Database, meter: Meter) -> Result<MeteredCalls, ServeError> {
    let identity = IdentityKey::new(&config.openai.safety_key)
        .map_err(|error| ServeError::Setup { variable: "OCTROI_SAFETY_KEY", problem: error.to_string() })?;
    let upstream = Upstream::new(UpstreamSettings {
        base_url: config.openai.upstream_url.clone(),
        api_key: config.openai.api_key.clone(),
        connect_timeout: Duration::from_secs(CONNECT_SECONDS),
        first_byte_timeout: config.openai.timeout,
        idle_timeout: Duration::from_secs(IDLE_SECONDS).min(config.openai.timeout),
        deadline: config.openai.timeout,
        outbound: config.openai.outbound.clone(),
    })
    .map_err(|error| ServeError::Setup { variable: "OCTROI_UPSTREAM_URL", problem: error.to_string() })?;
    Ok(MeteredCalls::new(database.clone(), meter, upstream, identity))
}

/// Binds the gateway's addresses and returns its serving; without a gateway, only the draining of jobs' calls is left.
async fn serve_gateway(
    config: &Config,
    parts: Serve,
    database: &Database,
    calls: &MeteredCalls,
    prometheus: PrometheusHandle,
    refused_calls: &RefusedCalls,
    stop: &CancellationToken,
) -> Result<impl Future<Output = ()> + use<>, ServeError> {
    let drain = config.gateway.drain;
    let (calls, stop) = (calls.clone(), stop.clone());
    let served = if parts.no_gateway {
        None
    } else {
        let public = bind("OCTROI_LISTEN", config.gateway.listen).await?;
        let operator = match config.gateway.metrics_listen {
            Some(address) => Some(bind("OCTROI_METRICS_LISTEN", address).await?),
            None => None,
        };
        let state = GatewayState::new(
            &config.gateway,
            &config.auth,
            database.clone(),
            calls.clone(),
            prometheus,
            refused_calls.clone(),
            Phrasebook::new()?,
        )
        .map_err(|_| ServeError::Setup {
            variable: "OCTROI_JWKS_URL",
            problem: "no HTTP client could be set up".to_owned(),
        })?;
        Some((Arc::new(state), public, operator, config.gateway.max_connections))
    };
    Ok(async move {
        match served {
            Some((state, public, operator, max_connections)) => {
                gateway::serve(state, public, operator, max_connections, drain, stop).await;
            }
            None => {
                stop.cancelled().await;
                calls.drain(drain).await;
            }
        }
    })
}

async fn bind(variable: &'static str, address: std::net::SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { variable, address, source })
}

/// Runs jobs, their wake-up, the sweep, the watch over privacy requests and the walk over old users until `stop`, then hands
/// unfinished jobs back.
async fn run_jobs(config: &Config, parts: Serve, context: JobContext, stop: &CancellationToken) {
    if parts.no_jobs {
        return;
    }
    let database = context.database.clone();
    let wake = Arc::new(Notify::new());
    let runner = Runner::new(context, database.clone(), config.jobs.concurrency);
    tokio::join!(
        queue::listen(database.clone(), Arc::clone(&wake), stop.clone()),
        sweeper::sweep_until(&database, stop.clone()),
        privacy_watch::watch_until(&database, stop.clone()),
        existing_users::admit_until(&database, stop.clone()),
        runner.run(&wake, stop.clone(), config.gateway.drain + Duration::from_secs(LAST_JOBS_SECONDS)),
    );
}
