//! A worker inside the test's own process, in front of the provider's stand-in.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use metrics_exporter_prometheus::PrometheusBuilder;
use octroi_sim::openai;
use octroi_worker::cli::Serve;
use octroi_worker::config::{Config, Variables};
use octroi_worker::serve::{self, ServeError};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cast::Caller;
use crate::client::Client;
use crate::deadline::{eventually, within};
use crate::stage::Stage;

/// The operator's key at the provider.
pub const OPERATOR_KEY: &str = "sk-operator";
/// The secret that signs access tokens.
pub const JWT_SECRET: &str = "a secret of at least thirty-two bytes";
/// Who signs them.
pub const JWT_ISSUER: &str = "http://auth.test/auth/v1";

/// The provider, which takes the operator's key and nobody else's.
pub async fn provider() -> openai::Handle {
    let options = openai::Options { api_key: Some(OPERATOR_KEY.to_owned()), ..openai::Options::default() };
    openai::spawn(options).await.unwrap()
}

/// A worker's environment on this stage, listening on `port`; `more` comes last and wins.
pub fn environment(
    stage: &Stage,
    sim: &openai::Handle,
    port: u16,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let listen = format!("127.0.0.1:{port}");
    let url = stage.worker_url();
    let base = [
        ("OCTROI_DATABASE_URL", url.as_str()),
        ("OCTROI_DATABASE_CONNECTIONS", "4"),
        ("OCTROI_LISTEN", &listen),
        ("OCTROI_UPSTREAM_URL", &sim.base_url),
        ("OPENAI_API_KEY", OPERATOR_KEY),
        ("OCTROI_JWT_SECRET", JWT_SECRET),
        ("OCTROI_JWT_ISSUER", JWT_ISSUER),
        ("OCTROI_SAFETY_KEY", "thirty-two bytes that nobody else knows"),
        ("OCTROI_LOG", "warn"),
        ("OCTROI_LOG_FORMAT", "pretty"),
    ];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A port that nobody listens on. Below those that the system gives to outgoing connections, so that none of them takes
/// it before it is used, and never the same twice in this process.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const PORTS: u32 = 12_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let is_free = |port| std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok();
    (0..PORTS)
        .map(|_| std::process::id().wrapping_mul(97).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)))
        .map(|number| u16::try_from(FIRST + number % PORTS).unwrap())
        .find(|port| is_free(*port))
        .expect("a port that is free")
}

/// A worker that runs in this process.
#[derive(Debug)]
pub struct Gateway {
    /// A client without credentials.
    pub client: Client,
    stop: CancellationToken,
    worker: JoinHandle<Result<(), ServeError>>,
}

impl Gateway {
    /// Somebody who may use so many tokens a month, and a client with their key.
    pub async fn customer(&self, stage: &Stage, tokens: i64) -> (Caller, Client) {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", tokens, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        (caller, self.client.with(&key.secret))
    }

    /// Starts gateway and jobs, and waits until they are ready.
    pub async fn start(stage: &Stage, sim: &openai::Handle) -> Self {
        Self::start_with(stage, sim, &[], Serve { no_gateway: false, no_jobs: false }).await
    }

    /// Starts parts of a worker with more variables than usual.
    pub async fn start_with(
        stage: &Stage,
        sim: &openai::Handle,
        more: &[(&str, &str)],
        parts: Serve,
    ) -> Self {
        let port = free_port();
        let variables: Variables = environment(stage, sim, port, more).into_iter().collect();
        let config = Config::read(&variables).unwrap();
        let prometheus = PrometheusBuilder::new().build_recorder().handle();
        let stop = CancellationToken::new();
        let worker = tokio::spawn(serve::run_until(config, parts, prometheus, stop.clone()));
        let gateway = Self { client: Client::new(port), stop, worker };
        if !parts.no_gateway {
            eventually("the gateway is ready", async || {
                assert!(!gateway.worker.is_finished(), "the worker has ended");
                gateway.client.is_ready().await.then_some(())
            })
            .await;
        }
        gateway
    }

    /// Tells the worker to stop, as SIGTERM does.
    pub fn tell_to_stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has stopped of its own accord.
    pub async fn stopped(self) {
        within("the worker to stop", self.worker).await.unwrap().unwrap();
    }

    /// Stops it and waits: every call is settled then.
    pub async fn stop(self) {
        self.tell_to_stop();
        self.stopped().await;
    }
}
