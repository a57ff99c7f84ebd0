//! LiteLLM: a proxy in Python, one worker, without the database that its keys and budgets need.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use tokio::process::Command;

use super::Peer;
use crate::child::{Running, free_port};
use crate::figure::Target;
use crate::keys;
use crate::rig::Rig;

/// Octroi answers so many times as many requests.
const RATE_RATIO_MIN: f64 = 50.0;

/// It does not start without one.
const MASTER_KEY: &str = "sk-only-in-benchmarks";

/// Starts it, which takes twenty seconds.
pub async fn start(rig: &Rig, directory: &Path, upstream: SocketAddr) -> Result<Peer> {
    let config = format!(
        "model_list:
  - model_name: gpt-5.4-mini
    litellm_params:
      model: openai/gpt-5.4-mini
      api_base: http://{upstream}/v1
      api_key: sk-stand-in
"
    );
    let file = rig.args.state.join("litellm.yaml");
    std::fs::write(&file, config)?;
    let port = free_port()?;
    let mut command = Command::new(directory.join("litellm/bin/litellm"));
    command
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--num_workers", "1"])
        .args(["--telemetry", "False"])
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_MASTER_KEY", MASTER_KEY);
    let mut running = Running::start(rig, "litellm", &mut command)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    running.listens(address).await?;
    Ok(Peer {
        name: "LiteLLM (1 worker, no database)",
        address,
        asked: keys::question(&format!("authorization: Bearer {MASTER_KEY}\r\n"), false),
        running: vec![running],
        targets: (Target::None, Target::RatioAtLeast(RATE_RATIO_MIN)),
    })
}
