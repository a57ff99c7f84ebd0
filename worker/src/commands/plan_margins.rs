//! What is sold beside what it can cost at worst, in words. What is a loss SQL decides.

use std::io::Write;

use crate::database::PlanMargin;

type Out<'o> = &'o mut (dyn Write + Send);

/// Says of everything what it is sold for and can cost; how much of it can lose more than the file allows.
pub(super) fn tell(out: Out<'_>, margins: &[PlanMargin]) -> std::io::Result<usize> {
    for margin in margins {
        writeln!(out, "{}", line(margin))?;
    }
    Ok(margins.iter().filter(|margin| margin.is_refused).count())
}

/// Says what can lose more than the file allows.
pub(super) fn warn(out: Out<'_>, margins: &[PlanMargin]) -> std::io::Result<()> {
    for margin in margins.iter().filter(|margin| margin.is_refused) {
        writeln!(out, "warning: {}", line(margin))?;
    }
    Ok(())
}

fn line(margin: &PlanMargin) -> String {
    let PlanMargin { kind, code, part, .. } = margin;
    let sold = margin.worth.map_or_else(|| "an unknown sum".to_owned(), usd);
    let cost = margin.worst_cost.map_or_else(|| "any sum: no limit bounds it".to_owned(), usd);
    let model = match (&margin.model, margin.token_price) {
        (Some(model), Some(price)) => format!(" ({model}, {} per million tokens)", usd(price)),
        (Some(model), None) => format!(" ({model} has no price)"),
        _ => String::new(),
    };
    format!("{kind} {code}, {part}: sold for {sold}, costs at most {cost}{model}{}", verdict(margin))
}

fn verdict(margin: &PlanMargin) -> String {
    let allowed = margin.allowed_loss.map(usd);
    match (margin.loss, margin.is_refused) {
        (Some(0), false) => String::new(),
        (Some(loss), false) => {
            let reason = margin.reason.as_deref().unwrap_or_default();
            format!("; loses up to {}, and {} is allowed: {reason}", usd(loss), allowed.unwrap_or_default())
        }
        (Some(loss), true) => {
            let more = allowed.map(|allowed| format!(" (allowed: {allowed})")).unwrap_or_default();
            format!(
                "; LOSES UP TO {}{more}: name cheaper models, limit the cost, raise the price, or declare allow_loss",
                usd(loss)
            )
        }
        (None, _) if margin.worth.is_none() => {
            "; NOT KNOWN: declare what its currency is worth in micro_usd_per_minor_unit".to_owned()
        }
        (None, _) => "; LOSES ANY SUM: give it a limit of tokens, requests or cost".to_owned(),
    }
}

/// Micro-USD in dollars, with cents at least and no digit lost.
fn usd(micro_usd: i64) -> String {
    let (dollars, fraction) = (micro_usd / 1_000_000, (micro_usd % 1_000_000).unsigned_abs());
    let fraction = format!("{fraction:06}");
    let digits = fraction.trim_end_matches('0');
    format!("{dollars}.{digits:0<2} USD")
}

#[cfg(test)]
mod tests {
    use super::usd;

    #[test]
    fn dollars_have_cents_and_keep_what_is_less() {
        assert_eq!(
            [0, 9_000_000, 7_500_000, 100_000, 1, 12_345_600].map(usd),
            ["0.00 USD", "9.00 USD", "7.50 USD", "0.10 USD", "0.000001 USD", "12.3456 USD"]
        );
    }
}
