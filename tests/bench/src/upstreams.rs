//! The processes between a client and an answer: the stand-in for OpenAI, nginx, and Octroi's worker.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::child::{Running, free_port};
use crate::load::{self, Request};
use crate::rig::Rig;

/// What an answer reports as used; the question that is asked has no less input.
pub const INPUT_TOKENS: u64 = 24;
/// Output tokens of an answer, and deltas of a streamed one.
pub const OUTPUT_TOKENS: u64 = 64;
/// Time between the deltas of a paced stream, in milliseconds.
pub const PACE_MS: u64 = 20;

/// A server that answers on `address`, and every process it is made of.
#[derive(Debug)]
pub struct Server {
    /// The process that is stopped.
    pub running: Running,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Starts the stand-in for OpenAI with ready-made answers; `pace_ms` 0 sends streams as fast as they are read.
pub async fn stand_in(rig: &Rig, name: &str, pace_ms: u64) -> Result<Server> {
    let input = INPUT_TOKENS.to_string();
    let output = OUTPUT_TOKENS.to_string();
    let ready_made = ["--bench", "--bench-input-tokens", &input, "--bench-output-tokens", &output];
    start_stand_in(rig, name, pace_ms, &ready_made).await
}

/// Starts the stand-in for OpenAI as tests have it: an answer is as long as its question says and its caller allows.
pub async fn answering(rig: &Rig, name: &str, pace_ms: u64) -> Result<Server> {
    start_stand_in(rig, name, pace_ms, &[]).await
}

async fn start_stand_in(rig: &Rig, name: &str, pace_ms: u64, more: &[&str]) -> Result<Server> {
    let mut command = Command::new(rig.args.bin.join("octroi-sim"));
    command.args(["openai", "--listen", "127.0.0.1:0", "--chunk-delay-ms", &pace_ms.to_string()]).args(more);
    let mut running = Running::start(rig, name, &mut command)?;
    let address = running
        .logs(|log| {
            let (_, rest) = log.split_once("listening on http://")?;
            rest.split_once('\n')?.0.trim().parse().ok()
        })
        .await?;
    Ok(Server { running, address })
}

/// Starts nginx as a plain reverse proxy before `upstream`.
pub async fn nginx(rig: &Rig, upstream: SocketAddr) -> Result<Server> {
    let port = free_port()?;
    let home = rig.args.state.join("nginx");
    std::fs::create_dir_all(&home)?;
    let place = home.display();
    let is_root = std::fs::metadata(format!("/proc/{}", std::process::id()))
        .is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0);
    // Its workers write below `home`, which only its owner may.
    let user = if is_root { "user root;" } else { "" };
    let config = format!(
        "{user} worker_processes auto; daemon off; pid {place}/pid; error_log {place}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place}; uwsgi_temp_path {place};
  scgi_temp_path {place};
  upstream openai {{ server {upstream}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://openai; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off;
    }}
  }}
}}
"
    );
    let file = home.join("nginx.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new(&rig.args.nginx);
    command.arg("-p").arg(&home).arg("-e").arg(home.join("error.log")).arg("-c").arg(&file);
    let mut running = Running::start(rig, "nginx", &mut command)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    running.listens(address).await?;
    Ok(Server { running, address })
}

/// `octroi` with what every command of it needs, and nothing of the caller's environment.
pub fn octroi_command(rig: &Rig) -> Command {
    let mut command = Command::new(rig.args.bin.join("octroi"));
    for (name, _) in std::env::vars_os() {
        let is_setting = |name: &str| ["OCTROI_", "OPENAI_", "STRIPE_"].iter().any(|of| name.starts_with(of));
        if name.to_str().is_some_and(is_setting) {
            command.env_remove(name);
        }
    }
    command
        .env("OPENAI_API_KEY", "sk-stand-in")
        .env("OCTROI_SAFETY_KEY", "only-in-benchmarks-0123456789abcdef");
    command
}

/// Starts Octroi's worker before `upstream`, with everything on that it has in production.
pub async fn octroi(rig: &Rig, upstream: SocketAddr) -> Result<Server> {
    octroi_on(rig, rig.database(), upstream).await
}

/// The same with another database.
pub async fn octroi_on(rig: &Rig, database: &str, upstream: SocketAddr) -> Result<Server> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let mut command = octroi_command(rig);
    command
        .arg("serve")
        .env("OCTROI_DATABASE_URL", rig.worker_url(database)?)
        .env("OCTROI_LISTEN", address.to_string())
        .env("OCTROI_UPSTREAM_URL", format!("http://{upstream}/v1"));
    let mut running = Running::start(rig, "octroi", &mut command)?;
    running.listens(address).await?;
    load::until_ok(address, Request::get("/readyz"), "octroi is not ready").await?;
    Ok(Server { running, address })
}

/// What the stand-in has served: requests and tokens.
pub async fn served(upstream: SocketAddr) -> Result<(i64, i64)> {
    let ledger: serde_json::Value =
        serde_json::from_slice(&load::fetch(upstream, Request::get("/sim/ledger")).await?)?;
    let number = |pointer: &str| {
        let value = ledger.pointer(pointer).and_then(serde_json::Value::as_i64);
        value.with_context(|| format!("the stand-in's ledger has no {pointer}: {ledger}"))
    };
    let tokens = number("/totals/input_tokens")? + number("/totals/output_tokens")?;
    Ok((number("/totals/requests")?, tokens))
}
