//! The `octroi` command.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use octroi_worker::cli::{Cli, Command, Export, Serve};
use octroi_worker::commands::{self, CommandError};
use octroi_worker::config::{Config, LogConfig, Variables};
use octroi_worker::{doctor, serve, telemetry};

/// Exit status when the configuration is wrong, as in `sysexits.h`.
const CONFIGURATION_STATUS: u8 = 78;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let variables = Variables::of_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("no runtime could be started: {error}"), 1),
    };
    let status = match cli.command {
        Command::Serve(parts) => runtime.block_on(run_serve(parts, &variables)),
        Command::Doctor => runtime.block_on(run_doctor(&variables)),
        Command::Export(asked) => runtime.block_on(run_export(&asked, &variables)),
        command => runtime.block_on(run_command(&command, &variables)),
    };
    // Everything that must end has ended; a name look-up on a blocking thread need not.
    runtime.shutdown_background();
    status
}

async fn run_serve(parts: Serve, variables: &Variables) -> ExitCode {
    let (log, config) = match (LogConfig::read(variables), Config::read(variables)) {
        (Ok(log), Ok(config)) => (log, config),
        (Err(error), _) | (_, Err(error)) => {
            return complain(
                &format!("{error}\n`octroi doctor` shows everything that is wrong"),
                CONFIGURATION_STATUS,
            );
        }
    };
    telemetry::start_logging(&log);
    let prometheus = match telemetry::start_metrics() {
        Ok(prometheus) => prometheus,
        Err(error) => return complain(&format!("metrics could not be started: {error}"), 1),
    };
    match serve::run(config, parts, prometheus).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string(), 1),
    }
}

async fn run_doctor(variables: &Variables) -> ExitCode {
    match doctor::examine(variables, &mut std::io::stdout()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

async fn run_command(command: &Command, variables: &Variables) -> ExitCode {
    let mut out = std::io::stdout();
    let done = match commands::Command::new(variables, &mut out) {
        Err(error) => Err(error),
        Ok(ready) => match command {
            Command::Plans(command) => ready.plans(command).await,
            Command::Prices(command) => ready.prices(command).await,
            Command::Stripe(command) => ready.at_stripe(command).await,
            Command::Keys(command) => ready.keys(command).await,
            Command::Reconcile => ready.reconcile().await,
            Command::Audit(command) => ready.audit(command).await,
            Command::Erasure(command) => ready.erasure(command).await,
            Command::Breach(command) => ready.breach(command).await,
            Command::Export(_) | Command::Serve(_) | Command::Doctor => Ok(true),
        },
    };
    finish(done)
}

async fn run_export(asked: &Export, variables: &Variables) -> ExitCode {
    finish(commands::export::run(variables, &mut std::io::stdout(), asked).await.map(|()| true))
}

fn finish(done: Result<bool, CommandError>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error @ CommandError::Config(_)) => complain(&error.to_string(), CONFIGURATION_STATUS),
        Err(error) => complain(&error.to_string(), 1),
    }
}

fn complain(message: &str, status: u8) -> ExitCode {
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "octroi: {message}");
    ExitCode::from(status)
}
