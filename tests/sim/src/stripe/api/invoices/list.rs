//! The endpoints of invoices, and the ones that only read.

use super::{Invoice, act, create, preview};
use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::list;
use crate::stripe::params::Params;
use crate::stripe::world::{Resource, World};

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("invoices.create", create::create),
        ("GET", []) => Endpoint::all("invoices.list", all),
        ("POST", ["create_preview"]) => Endpoint::all("invoices.createPreview", preview::create_preview),
        ("GET", [id]) => Endpoint::one("invoices.retrieve", id, retrieve),
        ("POST", [id]) => Endpoint::one("invoices.update", id, act::update),
        ("DELETE", [id]) => Endpoint::one("invoices.del", id, act::delete),
        ("GET", [id, "lines"]) => Endpoint::one("invoices.listLineItems", id, lines),
        ("POST", [id, "finalize"]) => Endpoint::one("invoices.finalizeInvoice", id, act::finalize),
        ("POST", [id, "pay"]) => Endpoint::one("invoices.pay", id, act::pay),
        ("POST", [id, "void"]) => Endpoint::one("invoices.voidInvoice", id, act::void),
        ("POST", [id, "mark_uncollectible"]) => {
            Endpoint::one("invoices.markUncollectible", id, act::mark_uncollectible)
        }
        _ => return None,
    })
}

fn retrieve(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    act::existing(world, id).map(|invoice| invoice.render(world))
}

fn all(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let subscription = params.text("subscription")?;
    let status = params.one_of("status", &["draft", "open", "paid", "uncollectible", "void"])?;
    let collection = params.one_of("collection_method", &["charge_automatically", "send_invoice"])?;
    let wanted = |invoice: &Invoice| {
        !invoice.deleted
            && customer.as_ref().is_none_or(|customer| invoice.customer == *customer)
            && (subscription.is_none() || invoice.subscription == subscription)
            && status.is_none_or(|status| invoice.status.name() == status)
            && collection.is_none_or(|collection| (collection == "send_invoice") == invoice.send_invoice)
    };
    list::page(world, params, "/v1/invoices", wanted)
}

/// `GET /v1/invoices/{id}/lines`: all of them, page by page.
fn lines(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let limit = params.integer("limit")?.unwrap_or(10).clamp(1, 100);
    let after = params.text("starting_after")?;
    params.finish()?;
    let invoice = act::existing(world, id)?;
    let place = after.and_then(|after| invoice.lines.iter().position(|line| line.id == after));
    let rest = invoice.lines.iter().skip(place.map_or(0, |place| place + 1));
    let mut shown: Vec<_> = rest
        .map(|line| line.render(world, id, invoice.subscription.as_deref(), &invoice.currency))
        .take(usize::try_from(limit).unwrap_or(10) + 1)
        .collect();
    let has_more = shown.len() > usize::try_from(limit).unwrap_or(10);
    shown.truncate(usize::try_from(limit).unwrap_or(10));
    Ok(list::list(&format!("/v1/invoices/{id}/lines"), shown, has_more))
}
