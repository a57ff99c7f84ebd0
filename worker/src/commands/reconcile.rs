//! `octroi reconcile`: the last line is `unexplained: N`.

use std::io::Write;

use super::{Command, CommandError, progress};
use crate::database::Difference;
use crate::reconciliation::reconcile;

pub(super) async fn run(command: &mut Command<'_>) -> Result<bool, CommandError> {
    let stripe = command.stripe()?;
    let bar = progress::bar("customers", 0);
    let (run, reconciled) = reconcile(&command.database, &stripe, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    for difference in command.database.reconciliation_differences(run).await? {
        tell(command.out, &difference)?;
    }
    writeln!(command.out, "customers: {}", reconciled.customers)?;
    writeln!(command.out, "explained: {}", reconciled.explained)?;
    writeln!(command.out, "unexplained: {}", reconciled.unexplained)?;
    Ok(reconciled.unexplained == 0)
}

fn tell(out: &mut (dyn Write + Send), difference: &Difference) -> std::io::Result<()> {
    let word = if difference.is_explained { "explained  " } else { "UNEXPLAINED" };
    let Difference { customer_id, what, .. } = difference;
    write!(out, "{word} {customer_id} {what}")?;
    if let Some(meter) = &difference.meter {
        write!(out, " {meter}")?;
    }
    if let (Some(start), Some(end)) = (difference.period_start, difference.period_end) {
        write!(out, " {}..{}", start.date(), end.date())?;
    }
    let sums = [
        ("ledger", difference.ledger),
        ("reported", difference.reported),
        ("stripe", difference.stripe),
        ("invoiced", difference.invoiced),
    ];
    for (name, sum) in sums {
        if let Some(sum) = sum {
            write!(out, " {name}={sum}")?;
        }
    }
    writeln!(out, ": {}", difference.reason.as_deref().unwrap_or("no reason is known"))
}
