//! The shop's processes.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Command;

use crate::child::{Running, free_port};
use crate::load::{self, Request};
use crate::rig::Rig;
use crate::upstreams::{self, Server};

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_only_in_benchmarks";

const STRIPE_KEY: &str = "sk_test_only_in_benchmarks";
const SECRET_KEY: &str = "sb_secret_only_in_benchmarks";
const PUBLISHABLE_KEY: &str = "sb_publishable_only_in_benchmarks";
const JWT_SECRET: &str = "only-in-benchmarks-0123456789abcdef";

/// An address that nobody listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], free_port()?)))
}

/// Starts Supabase Lite in front of `database`.
pub async fn lite(rig: &Rig, database: &str) -> Result<Server> {
    let password = rig.password()?;
    let mut connection: PgConnection = rig.superuser().await?;
    let statement = format!("alter role supabase_lite password '{password}'");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    let (host, server_port) = rig.server();
    let address = free_address()?;
    let mut command = Command::new("node");
    command
        .arg(rig.args.checkout.join("stack/lite/server.mjs"))
        .env("LITE_PORT", address.port().to_string())
        .env(
            "LITE_DATABASE_URL",
            format!("postgres://supabase_lite:{password}@{host}:{server_port}/{database}"),
        )
        .env("LITE_JWT_SECRET", JWT_SECRET)
        .env("LITE_JWT_ISSUER", format!("http://{address}/auth/v1"))
        .env("LITE_FUNCTION_URLS", "{}")
        .env("SUPABASE_PUBLISHABLE_KEY", PUBLISHABLE_KEY)
        .env("SUPABASE_SECRET_KEY", SECRET_KEY);
    let mut running = Running::start(rig, "lite", &mut command)?;
    running.listens(address).await?;
    Ok(Server { running, address })
}

/// Starts Stripe's stand-in, with its webhooks going to `door`.
pub async fn stripe(rig: &Rig, door: SocketAddr) -> Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(rig.args.bin.join("octroi-sim"));
    command.args(["stripe", "--listen", &address.to_string(), "--secret-key", STRIPE_KEY]).args([
        "--webhook-secret",
        WEBHOOK_SECRET,
        "--webhook-url",
        &format!("http://{door}/stripe-webhook"),
    ]);
    let mut running = Running::start(rig, "stripe", &mut command)?;
    running.listens(address).await?;
    Ok(Server { running, address })
}

/// Starts the edge function, as the local stack does.
pub async fn door(rig: &Rig, address: SocketAddr, lite: SocketAddr) -> Result<Server> {
    let function = rig.args.checkout.join("supabase/functions/stripe-webhook");
    let mut command = Command::new(rig.args.checkout.join("stack/node_modules/.bin/deno"));
    command
        .args(["run", "--quiet", "--frozen", "--allow-env", "--allow-net=127.0.0.1", "--config"])
        .arg(function.join("deno.json"))
        .arg(function.join("index.ts"))
        .env("DENO_SERVE_ADDRESS", format!("tcp:{address}"))
        .env("SUPABASE_URL", format!("http://{lite}"))
        .env("SUPABASE_SECRET_KEYS", format!(r#"{{"default":"{SECRET_KEY}"}}"#))
        .env("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET);
    let mut running = Running::start(rig, "stripe-webhook", &mut command)?;
    running.listens(address).await?;
    Ok(Server { running, address })
}

/// Starts the worker.
pub async fn worker(rig: &Rig, database: &str, stripe: SocketAddr) -> Result<Server> {
    let address = free_address()?;
    let mut command = configured(rig, database, stripe)?;
    command.arg("serve").env("OCTROI_LISTEN", address.to_string());
    let mut running = Running::start(rig, "shop-worker", &mut command)?;
    running.listens(address).await?;
    load::until_ok(address, Request::get("/readyz"), "octroi is not ready").await?;
    Ok(Server { running, address })
}

/// Runs `octroi` to its end; what it says.
pub async fn octroi(rig: &Rig, database: &str, stripe: SocketAddr, arguments: &[&str]) -> Result<String> {
    let output = configured(rig, database, stripe)?.args(arguments).output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    // `reconcile` ends with 1 when there are differences, and says which.
    ensure!(!said.is_empty(), "octroi {} failed: {complaint}", arguments.join(" "));
    Ok(said)
}

fn configured(rig: &Rig, database: &str, stripe: SocketAddr) -> Result<Command> {
    let mut command = upstreams::octroi_command(rig);
    command
        .current_dir(&rig.args.checkout)
        .env("OCTROI_DATABASE_URL", rig.worker_url(database)?)
        // Nobody asks it for a completion here.
        .env("OCTROI_UPSTREAM_URL", format!("http://{stripe}/v1"))
        .env("STRIPE_SECRET_KEY", STRIPE_KEY)
        .env("OCTROI_STRIPE_API_BASE", format!("http://{stripe}"));
    Ok(command)
}
