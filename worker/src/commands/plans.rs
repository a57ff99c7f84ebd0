//! `octroi plans push` and `octroi plans check`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::catalogue::{self, Step, StepKind};
use super::{Command, CommandError, plan_file, plan_margins, progress};
use crate::database::PlanChange;

/// Declares the plans and makes what they need at Stripe. Idempotent; false when Stripe is needed and not configured.
pub(super) async fn push(
    command: &mut Command<'_>,
    file: &Path,
    is_dry_run: bool,
) -> Result<bool, CommandError> {
    let plans = plan_file::read(file)?;
    let changes = command.database.declare_plans(&plans, is_dry_run).await?;
    tell_changes(command.out, &changes)?;
    let margins = command.database.plan_margins(&plans).await?;
    plan_margins::warn(command.out, &margins)?;
    if is_dry_run {
        return Ok(true);
    }
    let Some(stripe) = command.optional_stripe()? else {
        let needed = !command.database.plan_catalogue().await?.is_empty();
        if needed {
            writeln!(
                command.out,
                "the plans are declared; set STRIPE_SECRET_KEY and push again to sell them"
            )?;
        }
        return Ok(!needed);
    };
    let steps = catalogue::steps(&command.database, &stripe).await?;
    let bar = progress::bar("Stripe", steps.len() as u64);
    let mut meters = HashMap::new();
    for step in &steps {
        catalogue::take(step, &command.database, &stripe, &mut meters).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    tell_steps(command.out, &steps, is_past)?;
    writeln!(command.out, "{}: {} changed at Stripe", file.display(), count(&steps))?;
    Ok(true)
}

/// Says what differs between file, database and Stripe, and what can be lost on what is sold; false when anything
/// differs, or more can be lost than the file allows.
pub(super) async fn check(command: &mut Command<'_>, file: &Path) -> Result<bool, CommandError> {
    let plans = plan_file::read(file)?;
    let changes = command.database.declare_plans(&plans, true).await?;
    tell_changes(command.out, &changes)?;
    let mut differences = changes.iter().filter(|change| change.change != "unchanged").count();
    match command.optional_stripe()? {
        Some(stripe) => {
            let steps = catalogue::steps(&command.database, &stripe).await?;
            tell_steps(command.out, &steps, is_to_come)?;
            differences += steps.len();
        }
        None => writeln!(command.out, "Stripe was not looked at: STRIPE_SECRET_KEY is not set")?,
    }
    let margins = command.database.plan_margins(&plans).await?;
    let losses = plan_margins::tell(command.out, &margins)?;
    writeln!(command.out, "differences: {differences}, losses: {losses}")?;
    Ok(differences == 0 && losses == 0)
}

fn tell_changes(out: &mut (dyn Write + Send), changes: &[PlanChange]) -> std::io::Result<()> {
    for change in changes {
        let PlanChange { kind, code, change: how, .. } = change;
        let version = change.version.map(|version| format!(" (version {version})")).unwrap_or_default();
        match &change.field {
            Some(field) => {
                let (was, becomes) = (told(change.was.as_ref()), told(change.becomes.as_ref()));
                writeln!(out, "{kind} {code}: {field} {was} -> {becomes}{version}")?;
            }
            None => writeln!(out, "{kind} {code}: {how}{version}")?,
        }
    }
    Ok(())
}

fn told(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn tell_steps(
    out: &mut (dyn Write + Send),
    steps: &[Step],
    word: fn(StepKind) -> &'static str,
) -> std::io::Result<()> {
    for step in steps {
        writeln!(out, "Stripe: {} {} {}", step.entry.object, step.entry.key, word(step.kind))?;
    }
    Ok(())
}

fn is_past(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Make => "made",
        StepKind::Change => "changed",
        StepKind::Keep => "found",
    }
}

fn is_to_come(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Make => "is missing",
        StepKind::Change => "differs",
        StepKind::Keep => "is not known here",
    }
}

fn count(steps: &[Step]) -> usize {
    steps.iter().filter(|step| step.kind != StepKind::Keep).count()
}
