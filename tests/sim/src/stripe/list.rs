//! Lists: pages with cursors, newest first.

use serde_json::{Value, json};

use super::endpoint::Answer;
use super::errors::ApiError;
use super::params::Params;
use super::world::{Resource, World};

/// Objects on a page, unless the request says otherwise, and at most.
const USUAL_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

/// Bounds on the time of creation: `created=…` or `created[gte]=…`, in Unix seconds.
struct Created {
    from: i64,
    until: i64,
}

impl Created {
    fn take(params: &mut Params) -> Result<Self, ApiError> {
        let mut bounds = Self { from: i64::MIN, until: i64::MAX };
        if let Ok(Some(mut range)) = params.object("created") {
            bounds.from = range.integer("gte")?.unwrap_or(i64::MIN);
            if let Some(after) = range.integer("gt")? {
                bounds.from = bounds.from.max(after + 1);
            }
            bounds.until = range.integer("lte")?.unwrap_or(i64::MAX);
            if let Some(before) = range.integer("lt")? {
                bounds.until = bounds.until.min(before - 1);
            }
            range.finish()?;
        } else if let Some(at) = params.integer("created")? {
            bounds = Self { from: at, until: at };
        }
        Ok(bounds)
    }

    fn contains(&self, at: i64) -> bool {
        self.from <= at && at <= self.until
    }
}

/// The page that the request asks for, of the objects that `wanted` lets through. Takes the last parameters.
pub fn page<T: Resource>(
    world: &World,
    params: &mut Params,
    url: &str,
    wanted: impl Fn(&T) -> bool,
) -> Answer {
    let created = Created::take(params)?;
    let limit = params.integer("limit")?.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let message = format!("Limit must be between 1 and {MAX_LIMIT}");
        return Err(ApiError::parameter("parameter_invalid_integer", "limit", message));
    }
    let limit = usize::try_from(limit).unwrap_or(1);
    let after = params.text("starting_after")?;
    let before = params.text("ending_before")?;
    params.finish()?;
    for (cursor, param) in [(&after, "starting_after"), (&before, "ending_before")] {
        if let Some(id) = cursor {
            world.named::<T>(id, param)?;
        }
    }
    let suits = |row: &&T| created.contains(row.created()) && wanted(row);
    let rows = T::table(world).iter();
    let mut found: Vec<&T> = match (&before, &after) {
        // The page next to the cursor: its newer neighbours, not the newest of all.
        (Some(id), _) => {
            rows.skip_while(|row| row.id() != id).skip(1).filter(suits).take(limit + 1).collect()
        }
        (None, Some(id)) => {
            rows.rev().skip_while(|row| row.id() != id).skip(1).filter(suits).take(limit + 1).collect()
        }
        (None, None) => rows.rev().filter(suits).take(limit + 1).collect(),
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    if before.is_some() {
        found.reverse();
    }
    let data: Vec<Value> = found.into_iter().map(|row| row.render(world)).collect();
    Ok(list(url, data, has_more))
}

/// A list as Stripe answers it.
pub fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

/// An object with the members of both: the largest are written in two parts.
pub fn joined(mut first: Value, rest: Value) -> Value {
    if let (Some(members), Value::Object(rest)) = (first.as_object_mut(), rest) {
        members.extend(rest);
    }
    first
}
