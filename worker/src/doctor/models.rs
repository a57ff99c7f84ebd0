//! What `octroi doctor` says of models: those that end soon, those that a plan sells and that are gone, and those that
//! customers asked for in vain.

use super::Finding;
use crate::database::{Database, ModelTrouble};

/// Models named in one finding; the rest is counted.
const NAMED_MAX: usize = 20;

pub(super) async fn findings(database: &Database) -> Vec<Finding> {
    match database.model_troubles().await {
        Err(error) => Finding::unchecked("the models that are asked for", &error).into_iter().collect(),
        Ok(troubles) if troubles.is_empty() => {
            vec![Finding::Good("every model that is asked for has a price, and none ends soon".to_owned())]
        }
        Ok(troubles) => {
            [ending(&troubles), allowed(&troubles), asked(&troubles)].into_iter().flatten().collect()
        }
    }
}

fn of_kind<'t>(troubles: &'t [ModelTrouble], kind: &str) -> Vec<&'t ModelTrouble> {
    troubles.iter().filter(|trouble| trouble.kind == kind).collect()
}

fn listed(troubles: &[&ModelTrouble], told: impl Fn(&ModelTrouble) -> String) -> Option<String> {
    let more = troubles.len().saturating_sub(NAMED_MAX);
    let mut names =
        troubles.iter().take(NAMED_MAX).map(|trouble| told(trouble)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        names.push_str(&format!(", and {more} more"));
    }
    (!troubles.is_empty()).then_some(names)
}

fn ending(troubles: &[ModelTrouble]) -> Option<Finding> {
    let names = listed(&of_kind(troubles, "ending"), |trouble| match trouble.at {
        Some(at) => format!("{} on {}", trouble.model, at.date()),
        None => trouble.model.clone(),
    })?;
    Some(Finding::Warning(format!(
        "the prices of these models end within 30 days, and calls for them are then answered with 404: {names}; tell \
         your customers, and take the models out of your plans"
    )))
}

fn allowed(troubles: &[ModelTrouble]) -> Option<Finding> {
    let names = listed(&of_kind(troubles, "allowed_without_price"), |trouble| trouble.model.clone())?;
    Some(Finding::Warning(format!(
        "plans on sale name models that have no price: {names}; octroi prices list"
    )))
}

fn asked(troubles: &[ModelTrouble]) -> Option<Finding> {
    let names = listed(&of_kind(troubles, "asked_without_price"), |trouble| {
        format!("{} ({} times)", trouble.model, trouble.requests.unwrap_or_default())
    })?;
    Some(Finding::Warning(format!(
        "customers asked for models that have no price, and got 404: {names}; price them in prices.toml, or leave it"
    )))
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_is_told_in_one_line() {
        let trouble = |number: u32| ModelTrouble {
            kind: "asked_without_price".to_owned(),
            model: format!("gpt-{number}"),
            requests: Some(3),
            at: None,
        };
        let troubles: Vec<_> = (0..25).map(trouble).collect();
        let Some(Finding::Warning(told)) = asked(&troubles) else { panic!("no warning") };
        assert!(told.contains("gpt-0 (3 times), gpt-1 (3 times)") && told.contains("and 5 more"), "{told}");
        assert_eq!((ending(&troubles), allowed(&troubles)), (None, None));
    }
}
