//! TensorZero: a gateway in Rust, without limits or with token limits in Redis, which it reserves from `max_tokens`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::Peer;
use crate::child::{Running, free_port};
use crate::figure::Target;
use crate::keys;
use crate::rig::Rig;

const LIMITS: &str = "
[rate_limiting]
enabled = true
[[rate_limiting.rules]]
always = true
tokens_per_month = 900000000000
";

/// Octroi adds no more than it does with Redis.
const ADDED_RATIO_MAX: f64 = 1.0;
/// Octroi answers at least as many requests as it does with Redis.
const RATE_RATIO_MIN: f64 = 1.0;

/// Starts it, and with `limits` a Redis that keeps nothing on disk.
pub async fn start(rig: &Rig, directory: &Path, upstream: SocketAddr, limits: bool) -> Result<Peer> {
    let name = if limits { "tensorzero_redis" } else { "tensorzero" };
    let model = r#"models."gpt-5.4-mini""#;
    let config = format!(
        r#"[gateway]
observability.enabled = false
[{model}]
routing = ["stand_in"]
[{model}.providers.stand_in]
type = "openai"
model_name = "gpt-5.4-mini"
api_base = "http://{upstream}/v1/"
api_key_location = "none"
{}"#,
        if limits { LIMITS } else { "" }
    );
    let file = rig.args.state.join(format!("{name}.toml"));
    std::fs::write(&file, config)?;

    let script = rig.args.state.join("tensorzero_gateway.py");
    std::fs::write(&script, include_str!("../../tensorzero_gateway.py"))?;
    let mut command = Command::new(directory.join("tensorzero/bin/python"));
    command.arg(&script).arg(&file).env("TENSORZERO_DISABLE_PSEUDONYMOUS_USAGE_ANALYTICS", "1");
    let mut redis = None;
    if limits {
        let (running, address) = start_redis(rig, directory).await?;
        command.arg(format!("redis://{address}"));
        redis = Some(running);
    }
    let mut running = Running::start(rig, name, &mut command)?;
    let url = running
        .logs(|log| {
            let (_, rest) = log.split_once("listening on http://")?;
            Some(rest.split_once('\n')?.0.trim().to_owned())
        })
        .await?;
    let (host, path) = url.split_once('/').unwrap_or((&url, ""));
    let address = host
        .replace("localhost", "127.0.0.1")
        .replace("0.0.0.0", "127.0.0.1")
        .parse()
        .with_context(|| format!("TensorZero listens on {url}"))?;
    let path = format!("/{}/chat/completions", path.trim_matches('/')).replace("//", "/");
    Ok(Peer {
        name: if limits { "TensorZero with Redis limits" } else { "TensorZero (no limits)" },
        address,
        asked: keys::question_at(&path, "", Some("tensorzero::model_name::gpt-5.4-mini"), false),
        running: std::iter::once(running).chain(redis).collect(),
        targets: if limits {
            (Target::RatioAtMost(ADDED_RATIO_MAX), Target::RatioAtLeast(RATE_RATIO_MIN))
        } else {
            (Target::None, Target::None)
        },
    })
}

async fn start_redis(rig: &Rig, directory: &Path) -> Result<(Running, SocketAddr)> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let mut command = Command::new(directory.join("redis/redis-server"));
    command
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(&rig.args.state);
    let mut running = Running::start(rig, "redis", &mut command)?;
    running.listens(address).await?;
    Ok((running, address))
}
