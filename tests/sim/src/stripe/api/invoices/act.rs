//! What can be done to an invoice.

use super::{Invoice, Reason, Status, collect, finalize_now};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::{Due, Resource, World};

/// Changes a draft; of a final invoice only what does not touch its amount.
pub(super) fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let mut changed = existing(world, id)?.clone();
    let auto_advance = params.boolean("auto_advance")?;
    let finalizes_at = params.integer("automatically_finalizes_at")?;
    params.metadata(&mut changed.metadata)?;
    if let Some(description) = params.clearable("description")? {
        changed.description = description;
    }
    let method = params.clearable("default_payment_method")?;
    params.ignore(&["footer", "rendering", "payment_settings", "statement_descriptor", "custom_fields"]);
    params.finish()?;
    if let Some(method) = method {
        if let Some(method) = &method {
            crate::stripe::api::payment_methods::attached_to(
                world,
                method,
                &changed.customer,
                "default_payment_method",
            )?;
        }
        changed.default_payment_method = method;
    }
    if let Some(auto_advance) = auto_advance {
        set_auto_advance(world, &mut changed, auto_advance);
    }
    if let Some(at) = finalizes_at {
        if changed.status != Status::Draft {
            return Err(ApiError::impossible_because("invoice_not_editable", "Only a draft is finalized."));
        }
        changed.auto_advance = true;
        changed.finalizes_at = Some(at);
    }
    if let Some(at) = changed.finalizes_at {
        world.plan(at, Due::Finalize(id.to_owned()));
    }
    if let Some(at) = changed.next_attempt.filter(|_| changed.status == Status::Open) {
        world.plan(at, Due::Retry(id.to_owned()));
    }
    world.update::<Invoice>(id, "invoice.updated", |invoice| *invoice = changed);
    Ok(world.rendered::<Invoice>(id))
}

/// A draft that advances by itself becomes final an hour after it was made, or an hour from now if that is over.
fn set_auto_advance(world: &World, invoice: &mut Invoice, auto_advance: bool) {
    if invoice.auto_advance == auto_advance {
        return;
    }
    invoice.auto_advance = auto_advance;
    let grace = world.settings.draft_grace_seconds;
    match invoice.status {
        Status::Draft => {
            let usual = invoice.created + grace;
            let at = if usual > world.now { usual } else { world.now + grace };
            invoice.finalizes_at = auto_advance.then_some(at);
            invoice.next_attempt = invoice.finalizes_at;
        }
        Status::Open => invoice.next_attempt = auto_advance.then_some(world.now + grace),
        Status::Paid | Status::Uncollectible | Status::Void => {}
    }
}

/// The invoice, deleted ones refused.
pub(super) fn existing<'w>(world: &'w World, id: &str) -> Result<&'w Invoice, ApiError> {
    let invoice = world.find::<Invoice>(id)?;
    if invoice.deleted { Err(ApiError::no_such(Invoice::KIND, id, None)) } else { Ok(invoice) }
}

/// Makes a draft final now; with `auto_advance` it is collected as well.
pub(super) fn finalize(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let advance = params.boolean("auto_advance")?;
    params.finish()?;
    existing(world, id)?;
    finalize_now(world, id)?;
    world.change::<Invoice>(id, |invoice| invoice.auto_advance = advance.unwrap_or(invoice.auto_advance));
    if existing(world, id)?.auto_advance {
        collect::collect(world, id);
    }
    Ok(world.rendered::<Invoice>(id))
}

/// Pays an invoice now, with its usual method or another one.
pub(super) fn pay(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let method = params.text("payment_method")?;
    let out_of_band = params.boolean("paid_out_of_band")?.unwrap_or(false);
    params.ignore(&["off_session", "forgive", "mandate"]);
    params.finish()?;
    let invoice = existing(world, id)?.clone();
    if let Some(method) = &method {
        crate::stripe::api::payment_methods::attached_to(world, method, &invoice.customer, "payment_method")?;
    }
    if invoice.status == Status::Draft {
        finalize_now(world, id)?;
    }
    let invoice = existing(world, id)?.clone();
    match invoice.status {
        Status::Open | Status::Uncollectible => {}
        Status::Paid if method.is_none() && invoice.amount_due() == 0 => {
            return Ok(world.rendered::<Invoice>(id));
        }
        Status::Paid => return Err(ApiError::impossible("Invoice is already paid")),
        Status::Void | Status::Draft => return Err(ApiError::impossible("Invoice can no longer be paid")),
    }
    if out_of_band {
        world.change::<Invoice>(id, |invoice| invoice.paid_off_stripe = true);
        collect::mark_paid(world, id);
    } else {
        let method = method.or_else(|| collect::method_of(world, &invoice));
        collect::attempt(world, id, method.as_deref())?;
    }
    Ok(world.rendered::<Invoice>(id))
}

pub(super) fn void(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let invoice = existing(world, id)?;
    if !matches!(invoice.status, Status::Open | Status::Uncollectible) {
        let message = format!(
            "You can only void open or uncollectible invoices; this one is {}.",
            invoice.status.name()
        );
        return Err(ApiError::impossible(message));
    }
    collect::void(world, id);
    Ok(world.rendered::<Invoice>(id))
}

pub(super) fn mark_uncollectible(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let invoice = existing(world, id)?;
    if invoice.status != Status::Open {
        let message =
            format!("You can only mark open invoices uncollectible; this one is {}.", invoice.status.name());
        return Err(ApiError::impossible(message));
    }
    collect::mark_uncollectible(world, id);
    Ok(world.rendered::<Invoice>(id))
}

/// Deletes a draft that no subscription made.
pub(super) fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let invoice = existing(world, id)?;
    if invoice.status != Status::Draft || invoice.reason != Reason::Manual {
        return Err(ApiError::impossible(
            "You can only delete draft invoices that no subscription has made.",
        ));
    }
    world.emit::<Invoice>("invoice.deleted", id);
    world.change::<Invoice>(id, |invoice| invoice.deleted = true);
    Ok(world.rendered::<Invoice>(id))
}
