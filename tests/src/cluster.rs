//! A Postgres cluster of a test's own, durable, that may be killed.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::deadline::eventually;
use crate::gateway::free_port;

/// How long starting and recovery may take, in seconds.
const START_SECONDS: &str = "60";

/// How much of the log is shown when it does not start.
const LOG_LINES: usize = 12;

/// A cluster with the extension. Killed and removed when dropped.
#[derive(Debug)]
pub struct Cluster {
    data: PathBuf,
    binaries: PathBuf,
    port: u16,
    settings: Vec<String>,
}

/// A command as the operating system's user that runs Postgres, who is not root.
fn command(program: PathBuf) -> Command {
    let mut command = match std::env::var("OCTROI_TEST_OS_USER") {
        Ok(user) if !user.is_empty() => {
            let mut command = Command::new("runuser");
            command.args(["-u", &user, "--"]).arg(program);
            command
        }
        _ => Command::new(program),
    };
    // The current directory may be closed to that user.
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {} {said}", output.status);
    output
}

impl Cluster {
    /// Makes and starts a cluster that keeps what it has acknowledged.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more settings, each `name=value`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let path =
            |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
        let name = format!("octroi-{}-{}", std::process::id(), uuid::Uuid::new_v4().simple());
        let data = path("OCTROI_TEST_ROOT").join(name);
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let cluster = Self { data, binaries: path("OCTROI_PG_BINDIR"), port: free_port(), settings };
        let mut initdb = command(cluster.binaries.join("initdb"));
        initdb.arg("--pgdata").arg(&cluster.data);
        run(initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]));
        cluster.set_operator_keys(&[("k1", 1), ("index", 9)]);
        cluster.resume().await;
        cluster
    }

    /// Puts other operator keys in place, at once: each 32 times the same byte, the first one active.
    pub fn set_operator_keys(&self, keys: &[(&str, u8)]) {
        use base64::Engine as _;
        let encode = |byte| base64::engine::general_purpose::STANDARD.encode([byte; 32]);
        let text: String = keys.iter().map(|(id, byte)| format!("{id}:{}\n", encode(*byte))).collect();
        // by an argument, since these keys are nobody's secret
        let script = "umask 077 && printf %s \"$2\" >\"$1.new\" && mv \"$1.new\" \"$1\"";
        let mut write = command(PathBuf::from("/bin/sh"));
        run(write.args(["-c", script, "sh"]).arg(self.operator_keys()).arg(text));
    }

    fn operator_keys(&self) -> PathBuf {
        self.data.join("operator_keys")
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        read_as_owner(&self.data.join("test.log")).unwrap()
    }

    /// Starts what was killed; recovery is over when this returns.
    pub async fn resume(&self) {
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=on -c max_connections=100 \
             -c 'octroi.key_file={}'",
            self.port,
            self.operator_keys().display()
        );
        for setting in &self.settings {
            options += &format!(" -c '{setting}'");
        }
        let mut start = command(self.binaries.join("pg_ctl"));
        start.arg("--pgdata").arg(&self.data).arg("--log").arg(self.data.join("test.log"));
        start
            .args(["--options", &options, "--timeout", START_SECONDS, "--wait", "start"])
            .stdout(Stdio::null());
        let status = start.stderr(Stdio::null()).status().unwrap();
        if !status.success() {
            let log = read_as_owner(&self.data.join("test.log")).unwrap_or_default();
            panic!("Postgres does not start: {:#?}", log.lines().rev().take(LOG_LINES).collect::<Vec<_>>());
        }
        eventually("Postgres answers", async || PgConnection::connect_with(&self.superuser()).await.ok())
            .await;
    }

    /// Where its superuser connects.
    pub fn superuser(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .database("postgres")
    }

    /// kill -9 of the postmaster and all its backends at once.
    pub async fn kill(&self) {
        let postmaster = self.postmaster().expect("Postgres runs");
        // Stopped first, so that it starts no backend between the look and the kill.
        signal("STOP", &[postmaster]);
        eventually("the postmaster stands still", async || (state(postmaster) == Some('T')).then_some(()))
            .await;
        let mut all = children(postmaster);
        all.push(postmaster);
        signal("KILL", &all);
        eventually("all of Postgres is gone", async || {
            all.iter().all(|id| state(*id).is_none()).then_some(())
        })
        .await;
        // Where nobody collects the dead, their ids look taken, and the lock file would keep Postgres from starting.
        run(command(PathBuf::from("rm")).arg("-f").arg(self.data.join("postmaster.pid")));
    }

    /// The postmaster, if it runs.
    fn postmaster(&self) -> Option<u32> {
        let file = read_as_owner(&self.data.join("postmaster.pid")).ok()?;
        let id = file.lines().next()?.parse().ok()?;
        state(id).is_some().then_some(id)
    }
}

fn signal(name: &str, ids: &[u32]) {
    // One that has just ended by itself is no failure.
    let _ = Command::new("kill")
        .arg(format!("-{name}"))
        .args(ids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}

fn children(id: u32) -> Vec<u32> {
    let listing = Command::new("ps").args(["-o", "pid=", "--ppid", &id.to_string()]).output().unwrap();
    String::from_utf8_lossy(&listing.stdout).split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The state letter of a process; nothing when there is none, or nothing left of it but its exit status.
fn state(id: u32) -> Option<char> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let letter = text.rsplit_once(") ")?.1.chars().next()?;
    (!['Z', 'X'].contains(&letter)).then_some(letter)
}

fn read_as_owner(file: &std::path::Path) -> std::io::Result<String> {
    let output = command(PathBuf::from("cat")).arg(file).output()?;
    if !output.status.success() {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(postmaster) = self.postmaster() {
            // Immediate shutdown, which takes the backends along.
            signal("QUIT", &[postmaster]);
        }
        // What is left goes with OCTROI_TEST_ROOT.
        let _ = command(PathBuf::from("rm")).arg("-rf").arg(&self.data).status();
    }
}
