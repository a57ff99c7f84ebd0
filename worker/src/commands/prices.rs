//! `octroi prices list`, `octroi prices set` and `octroi prices check`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::price_map::{self, MappedModel};
use super::{Command, CommandError, plan_file};
use crate::database::{DatabaseError, ListedPrice, PriceChange};

/// Prices that are shown of a model, with what they are called there.
const SHOWN: [(&str, &str); 6] = [
    ("input", "input_price"),
    ("cached", "cached_input_price"),
    ("cache write", "cache_write_price"),
    ("12 h", "cache_write_12h_price"),
    ("output", "output_price"),
    ("above", "long_above_tokens"),
];
/// Micro-dollars in a dollar.
const MICRO_USD: i64 = 1_000_000;

/// Shows every price that is in force or begins later, in dollars per million tokens.
pub(super) async fn list(command: &mut Command<'_>) -> Result<(), CommandError> {
    let prices = command.database.price_list().await?;
    for price in &prices {
        let mut line = price.model.clone();
        if !price.is_in_force {
            line.push_str(&format!(", from {}", price.starts_at.date()));
        }
        if let Some(ends_at) = price.ends_at {
            line.push_str(&format!(", until {}", ends_at.date()));
        }
        let shown = SHOWN.iter().filter_map(|(label, name)| {
            let number = price.prices.get(*name).and_then(Value::as_i64)?;
            Some(match *name {
                "long_above_tokens" => format!("{label} {number} tokens {}", long(price)),
                _ => format!("{label} {}", usd(number)),
            })
        });
        writeln!(command.out, "{line}: {}", shown.collect::<Vec<_>>().join(", "))?;
        if !price.aliases.is_empty() {
            writeln!(command.out, "  also {}", price.aliases.join(", "))?;
        }
        let source = price.prices.get("source").and_then(Value::as_str).unwrap_or_default();
        writeln!(command.out, "  {source}")?;
    }
    writeln!(command.out, "prices: {}, in US dollars per million tokens", prices.len())?;
    Ok(())
}

fn long(price: &ListedPrice) -> String {
    let of = |name: &str| price.prices.get(name).and_then(Value::as_i64).map(usd).unwrap_or_default();
    format!("input {} and output {}", of("long_input_price"), of("long_output_price"))
}

fn usd(micro_usd: i64) -> String {
    let decimals = format!("{:06}", micro_usd % MICRO_USD);
    let significant = decimals.trim_end_matches('0');
    format!("{}.{significant:0<2}", micro_usd / MICRO_USD)
}

/// Declares the prices of a file. Idempotent.
pub(super) async fn set(
    command: &mut Command<'_>,
    file: &Path,
    is_dry_run: bool,
) -> Result<(), CommandError> {
    let prices = plan_file::read(file)?;
    let changes =
        command.database.declare_prices(&prices, is_dry_run).await.map_err(|error| match faults(&error) {
            Some(faults) => CommandError::Prices(faults),
            None => error.into(),
        })?;
    for change in &changes {
        writeln!(command.out, "{}", told(change))?;
    }
    let done = if is_dry_run { "to come" } else { "made" };
    writeln!(command.out, "{}: {} changes {done}", file.display(), changes.len())?;
    Ok(())
}

fn told(change: &PriceChange) -> String {
    let PriceChange { model, change: how, field, was, becomes, takes_effect_at } = change;
    let from = takes_effect_at.map(|at| format!(" from {at}")).unwrap_or_default();
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
    match field {
        Some(field) => format!("{model}: {field} {} -> {}{from}", value(was), value(becomes)),
        None => format!("{model}: {how}{from}"),
    }
}

/// Says what a cost map has otherwise than the prices in force; false when anything is.
pub(super) async fn check(command: &mut Command<'_>, map: &Path, file: &Path) -> Result<bool, CommandError> {
    let mapped = price_map::read(map)?;
    let left_out = left_out(&plan_file::read(file)?);
    let today = command.database.surroundings().await?.clock.date().to_string();
    let ours = command.database.price_list().await?;
    let mut differences = Vec::new();
    let mut known = BTreeSet::new();
    for price in ours.iter().filter(|price| price.is_in_force) {
        let names = std::iter::once(&price.model).chain(&price.aliases);
        for name in names {
            known.insert(name.as_str());
            differences.extend(compare(name, price, mapped.get(name), &today));
        }
    }
    for (name, theirs) in &mapped {
        let is_alive = theirs.shut_down_on.as_ref().is_none_or(|day| *day > today);
        if is_alive && !known.contains(name.as_str()) && !left_out.contains(name) {
            differences.push(format!("{name}: missing here"));
        }
    }
    for difference in &differences {
        writeln!(command.out, "{difference}")?;
    }
    writeln!(command.out, "models compared: {}, differences: {}", mapped.len(), differences.len())?;
    Ok(differences.is_empty())
}

/// The names under `not_offered` in the price file.
fn left_out(file: &Value) -> BTreeSet<String> {
    let tables = file.get("not_offered").and_then(Value::as_array).into_iter().flatten();
    let names = tables.filter_map(|table| table.get("models")?.as_array()).flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn compare(name: &str, ours: &ListedPrice, theirs: Option<&MappedModel>, today: &str) -> Vec<String> {
    let Some(theirs) = theirs else { return vec![format!("{name}: gone, the map does not have it")] };
    if let Some(day) = theirs.shut_down_on.as_deref().filter(|day| *day <= today) {
        return vec![format!("{name}: gone, it was shut down on {day}")];
    }
    let shown =
        |number: Option<i64>| number.map_or_else(|| "nothing".to_owned(), |number| number.to_string());
    let mut differences: Vec<String> = theirs
        .prices
        .iter()
        .map(|(field, theirs)| (field, ours.prices.get(*field).and_then(Value::as_i64), *theirs))
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(field, ours, theirs)| format!("{name}: {field} {} here, {} there", shown(ours), shown(theirs)))
        .collect();
    let ends_on = ours.ends_at.map(|ends_at| ends_at.date().to_string());
    if ends_on != theirs.shut_down_on {
        let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "nothing".to_owned());
        differences.push(format!(
            "{name}: until {} here, {} there",
            day(&ends_on),
            day(&theirs.shut_down_on)
        ));
    }
    differences
}

/// Every fault of a declaration that was refused for them.
fn faults(error: &DatabaseError) -> Option<String> {
    match (error.sqlstate(), error.server_message()) {
        (Some("OC030"), Some((message, detail))) => Some(detail.unwrap_or(message)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_told_in_dollars_with_every_digit_that_counts() {
        for (micro_usd, told) in
            [(1_250_000, "1.25"), (20_000, "0.02"), (150_001, "0.150001"), (5_000_000, "5.00")]
        {
            assert_eq!(usd(micro_usd), told);
        }
    }
}
