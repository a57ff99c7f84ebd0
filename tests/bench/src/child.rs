//! Processes the benchmark starts: each ends with its handle, by its pid.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::rig::Rig;

/// How long a process may take to listen: LiteLLM imports for twenty seconds, on a busy machine far longer.
const READY_SECONDS: u64 = 120;
/// How often it is asked, in milliseconds.
const ASKED_EVERY_MS: u64 = 20;
/// How long it may take to end after SIGTERM, in seconds.
const STOP_SECONDS: u64 = 35;

/// A running process.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    /// Its pid.
    pub pid: u32,
    log: PathBuf,
}

impl Running {
    /// Starts `command`, with its output in a log of that name.
    pub fn start(rig: &Rig, name: &str, command: &mut Command) -> Result<Self> {
        let log = rig.args.state.join(format!("{name}.log"));
        let output =
            std::fs::File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let pid = child.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Self { name: name.to_owned(), child, pid, log })
    }

    /// Waits until it accepts connections.
    pub async fn listens(&mut self, address: SocketAddr) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS);
        while TcpStream::connect(address).await.is_err() {
            self.still_runs(deadline)?;
            sleep(Duration::from_millis(ASKED_EVERY_MS)).await;
        }
        Ok(())
    }

    /// Waits until `read` finds what it looks for in the log.
    pub async fn logs<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS);
        loop {
            if let Some(found) = read(&std::fs::read_to_string(&self.log).unwrap_or_default()) {
                return Ok(found);
            }
            self.still_runs(deadline)?;
            sleep(Duration::from_millis(ASKED_EVERY_MS)).await;
        }
    }

    fn still_runs(&mut self, deadline: Instant) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended while starting ({status}); its log is {}", self.name, self.log.display());
        }
        if Instant::now() > deadline {
            bail!("{} is not ready after {READY_SECONDS} s; its log is {}", self.name, self.log.display());
        }
        Ok(())
    }

    /// Asks it to end, waits, and kills it if it does not.
    pub async fn stop(mut self) -> Result<()> {
        let told = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await?;
        let waited = tokio::time::timeout(Duration::from_secs(STOP_SECONDS), self.child.wait()).await;
        if !told.success() || waited.is_err() {
            Rig::say(&format!("{} did not end within {STOP_SECONDS} s and is killed", self.name));
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// A port of 127.0.0.1 that nobody listens on. Somebody could take it before it is used; then the process that was to
/// have it says so and the benchmark fails.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
