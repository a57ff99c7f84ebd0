//! An edge function under Deno, as the local stack runs it.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::deadline::eventually;
use crate::gateway::free_port;
use crate::template;

/// A function that listens; stopped when dropped.
#[derive(Debug)]
pub struct EdgeFunction {
    /// Where it is called.
    pub url: String,
    log: PathBuf,
    _process: Child,
}

impl EdgeFunction {
    /// Runs `supabase/functions/{name}` with these variables.
    pub async fn run(name: &str, variables: &[(&str, &str)]) -> Self {
        let source = template::checkout().join("supabase/functions").join(name);
        let log = std::env::temp_dir().join(format!("octroi-{name}-{}.log", Uuid::new_v4().simple()));
        let file = std::fs::File::create(&log).unwrap();
        let port = free_port();
        let process = Command::new(deno())
            .args(["run", "--quiet", "--frozen", "--allow-env", "--allow-net=127.0.0.1", "--config"])
            .args([source.join("deno.json"), source.join("index.ts")])
            .env("DENO_SERVE_ADDRESS", format!("tcp:127.0.0.1:{port}"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .expect("Deno is there: `stack/node_packages.sh stack` installs it, and NODE_BIN says where else it is");
        eventually("the edge function listens", async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop)
        })
        .await;
        Self { url: format!("http://127.0.0.1:{port}/{name}"), log, _process: process }
    }

    /// All that it has written so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for EdgeFunction {
    fn drop(&mut self) {
        // What is left goes with the temporary directory.
        let _ = std::fs::remove_file(&self.log);
    }
}

fn deno() -> PathBuf {
    let binaries = std::env::var_os("NODE_BIN").map(PathBuf::from);
    binaries.unwrap_or_else(|| template::checkout().join("stack/node_modules/.bin")).join("deno")
}
