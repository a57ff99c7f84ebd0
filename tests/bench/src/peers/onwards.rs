//! onwards: a plain proxy in Rust, without keys or limits here.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use tokio::process::Command;

use super::Peer;
use crate::child::{Running, free_port};
use crate::figure::Target;
use crate::keys;
use crate::rig::Rig;

/// Starts it.
pub async fn start(rig: &Rig, directory: &Path, upstream: SocketAddr) -> Result<Peer> {
    let targets = json!({ "targets": { "gpt-5.4-mini": { "url": format!("http://{upstream}") } } });
    let file = rig.args.state.join("onwards.json");
    std::fs::write(&file, targets.to_string())?;
    let port = free_port()?;
    let mut command = Command::new(directory.join("onwards/bin/onwards"));
    command
        .arg("--targets")
        .arg(&file)
        .args(["--port", &port.to_string(), "--metrics-port", &free_port()?.to_string()])
        .env("ONWARDS_SHUTDOWN_DELAY_SECS", "0");
    let mut running = Running::start(rig, "onwards", &mut command)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    running.listens(address).await?;
    Ok(Peer {
        name: "onwards (no limits)",
        address,
        asked: keys::question("", false),
        running: vec![running],
        targets: (Target::None, Target::None),
    })
}
