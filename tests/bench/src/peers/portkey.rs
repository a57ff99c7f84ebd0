//! Portkey: a gateway in TypeScript, without keys or limits here.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use tokio::process::Command;

use super::Peer;
use crate::child::{Running, free_port};
use crate::figure::Target;
use crate::keys;
use crate::rig::Rig;

/// Starts it.
pub async fn start(rig: &Rig, directory: &Path, upstream: SocketAddr) -> Result<Peer> {
    let port = free_port()?;
    let mut command = Command::new("node");
    command
        .arg(directory.join("portkey/node_modules/@portkey-ai/gateway/build/start-server.js"))
        .args(["--headless", &format!("--port={port}")]);
    let mut running = Running::start(rig, "portkey", &mut command)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    running.listens(address).await?;
    let headers = format!(
        "x-portkey-provider: openai\r\nx-portkey-custom-host: http://{upstream}/v1\r\nauthorization: Bearer sk-stand-in\r\n"
    );
    Ok(Peer {
        name: "Portkey (no limits)",
        address,
        asked: keys::question(&headers, false),
        running: vec![running],
        targets: (Target::None, Target::None),
    })
}
