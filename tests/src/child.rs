//! The real worker as a process that may be killed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use octroi_sim::openai;

use crate::client::Client;
use crate::deadline::{eventually, within};
use crate::gateway::{environment, free_port};
use crate::stage::Stage;

/// A worker process. Killed when dropped.
#[derive(Debug)]
pub struct Worker {
    /// A client without credentials.
    pub client: Client,
    process: tokio::process::Child,
}

/// The `octroi` binary: from `OCTROI_TEST_BIN`, or built beside this test's own.
fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(directory) = std::env::var_os("OCTROI_TEST_BIN") {
            return PathBuf::from(directory).join("octroi");
        }
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "octroi-worker", "--target-dir"]);
        cargo.arg(profile.parent().expect("target/PROFILE"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the worker does not build");
        profile.join("octroi")
    })
}

impl Worker {
    /// Starts gateway and jobs, and waits until they are ready.
    pub async fn start(stage: &Stage, sim: &openai::Handle, more: &[(&str, &str)]) -> Self {
        Self::start_heard(stage, sim, more, Stdio::inherit()).await
    }

    /// The same, with what it writes to standard error, its log, going to `log`.
    pub async fn start_heard(stage: &Stage, sim: &openai::Handle, more: &[(&str, &str)], log: Stdio) -> Self {
        let port = free_port();
        let process = tokio::process::Command::new(binary())
            .arg("serve")
            .env_clear()
            .envs(environment(stage, sim, port, more))
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let worker = Self { client: Client::new(port), process };
        eventually("the worker is ready", async || worker.client.is_ready().await.then_some(())).await;
        worker
    }

    /// kill -9, and nothing of it is left when this returns.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let id = self.process.id().expect("the worker runs").to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits until it ends by itself, which it must do in order.
    pub async fn ended(mut self) {
        let status = within("the worker to end", self.process.wait()).await.unwrap();
        assert!(status.success(), "the worker ended with {status}");
    }
}
