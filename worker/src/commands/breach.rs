//! `octroi breach …`: the register of breaches, from the alarm to the last notice. SQL has the rules; this asks and tells.

use std::io::Write;
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Command, CommandError, breach_report, plan_file};
use crate::cli::{BreachCommand, BreachNotify, ReportFormat};
use crate::database::{AuthorityReport, BreachEntry, SecuritySignal};

pub(super) async fn run(command: &mut Command<'_>, breach: &BreachCommand) -> Result<(), CommandError> {
    match breach {
        BreachCommand::Open { title, nature, detected_at, signal } => {
            let (id, due_at) = command.database.open_breach(title, nature, *detected_at).await?;
            if !signal.is_empty() {
                command.database.resolve_signals(signal, Some(id), None).await?;
            }
            writeln!(command.out, "breach: {id}\nreport due: {}", instant(due_at))?;
        }
        BreachCommand::Assess { id, file } => {
            let affected = command.database.assess_breach(*id, &plan_file::read(file)?).await?;
            writeln!(command.out, "affected: {affected}")?;
        }
        BreachCommand::Report { id, format, out } => report(command, *id, *format, out.as_deref()).await?,
        BreachCommand::Notify(notify) => tell(command, notify).await?,
        BreachCommand::Close { id, note, no_notice } => {
            command.database.close_breach(*id, note, no_notice.as_deref()).await?;
            writeln!(command.out, "closed: {id}")?;
        }
        BreachCommand::List { all } => {
            for entry in command.database.breaches(*all).await? {
                list(command.out, &entry)?;
            }
        }
        BreachCommand::Signals { all } => {
            for signal in command.database.security_signals(*all).await? {
                show(command.out, &signal)?;
            }
        }
        BreachCommand::Dismiss { ids, reason } => {
            let dismissed = command.database.resolve_signals(ids, None, Some(reason)).await?;
            writeln!(command.out, "dismissed: {dismissed}")?;
        }
        BreachCommand::Settings { change } => {
            let change = change.iter().map(|(name, number)| (name.clone(), (*number).into())).collect();
            let settings = command.database.set_security_settings(&serde_json::Value::Object(change)).await?;
            for (name, number) in settings.as_object().into_iter().flatten() {
                writeln!(command.out, "{name}={number}")?;
            }
        }
    }
    Ok(())
}

async fn report(
    command: &mut Command<'_>,
    id: i64,
    format: ReportFormat,
    out: Option<&Path>,
) -> Result<(), CommandError> {
    let record = command.database.breach_report(id).await?.ok_or(CommandError::NoBreach(id))?;
    let text = match format {
        ReportFormat::Markdown => breach_report::markdown(&record),
        ReportFormat::Json => format!("{record:#}\n"),
    };
    match out {
        None => command.out.write_all(text.as_bytes())?,
        // What was handed in before is evidence, and not written over.
        Some(path) => std::fs::File::create_new(path)?.write_all(text.as_bytes())?,
    }
    Ok(())
}

async fn tell(command: &mut Command<'_>, notify: &BreachNotify) -> Result<(), CommandError> {
    if let Some(authority) = &notify.authority {
        let report = AuthorityReport {
            authority: authority.clone(),
            reference: notify.reference.clone(),
            notified_at: notify.at,
            delay_reason: notify.delay_reason.clone(),
        };
        command.database.notify_authority(notify.id, &report).await?;
        writeln!(command.out, "recorded: {authority} was told of breach {}", notify.id)?;
    }
    if let Some(file) = &notify.people {
        let people = command.database.notify_affected(notify.id, &plan_file::read(file)?).await?;
        writeln!(
            command.out,
            "notices: {people}, queued by the worker; `octroi breach report {}` counts them",
            notify.id
        )?;
    }
    Ok(())
}

fn list(out: &mut (dyn Write + Send), entry: &BreachEntry) -> std::io::Result<()> {
    let clock = match entry.minutes_left {
        None => "no report due".to_owned(),
        Some(left) if left < 0 => format!("OVERDUE by {} h {} min", -left / 60, -left % 60),
        Some(left) => format!("{} h {} min left", left / 60, left % 60),
    };
    let risk = entry.risk.as_deref().unwrap_or("not assessed");
    writeln!(out, "{} {} [{}; risk: {risk}; {clock}]", entry.id, entry.title, entry.state)
}

fn show(out: &mut (dyn Write + Send), signal: &SecuritySignal) -> std::io::Result<()> {
    write!(out, "{} {} {}", signal.id, instant(signal.window_start), signal.kind)?;
    if let Some(account_id) = signal.account_id {
        write!(out, " account {account_id}")?;
    }
    if let Some(api_key_id) = signal.api_key_id {
        write!(out, " key {api_key_id}")?;
    }
    write!(out, " {}", signal.detail)?;
    match (&signal.breach_id, &signal.dismissed_reason) {
        (Some(breach), _) => writeln!(out, " (breach {breach})"),
        (None, Some(reason)) => writeln!(out, " (dismissed: {reason})"),
        (None, None) => writeln!(out),
    }
}

fn instant(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
