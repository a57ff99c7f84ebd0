//! The page on which somebody pays.

use http::{Response, StatusCode};

use super::{button, escaped, link, money, page, see_other};
use crate::control::parameter;
use crate::http::SimBody;
use crate::stripe::api::checkout::{self, Completion, Session, Status};
use crate::stripe::api::payment_methods::Behaviour;
use crate::stripe::state::Sim;

pub(super) fn show(sim: &Sim, id: &str) -> Response<SimBody> {
    let world = sim.world();
    let Some(session) = world.sessions.get(id).filter(|session| session.status == Status::Open) else {
        return page(StatusCode::NOT_FOUND, "<p>This checkout session is not open.</p>");
    };
    let products = session.bought.iter().filter_map(|bought| {
        let price = world.prices.get(&bought.price)?;
        world.products.get(&price.product).map(|product| format!("<li>{}</li>", escaped(&product.name)))
    });
    let products: String = products.collect();
    let due = money(session.amounts().total(), &session.currency);
    let buttons = [
        button(&format!("/pay/{id}?with=pays"), "Pay with a test card"),
        button(&format!("/pay/{id}?with=delayed"), "Pay by bank debit, which takes days"),
        button(&format!("/pay/{id}?with=declines"), "Try a card that is declined"),
    ];
    let back =
        session.cancel_url.as_deref().map_or_else(String::new, |url| link(url, "Go back without paying"));
    let title = "<h1>Checkout of the Stripe stand-in</h1>";
    page(
        StatusCode::OK,
        &format!("{title}<ul>{products}</ul><p>Due today: {due}</p>{}{back}", buttons.concat()),
    )
}

pub(super) fn pay(sim: &Sim, id: &str, query: &str) -> Response<SimBody> {
    let pays_with = match parameter(query, "with") {
        Some("delayed") => Behaviour::Delayed,
        Some("declines") => Behaviour::Declines,
        _ => Behaviour::Pays,
    };
    let mut world = sim.world();
    world.catch_up();
    if let Err(error) = checkout::complete(&mut world, id, &Completion { pays_with, ..Completion::default() })
    {
        return page(error.status, &format!("<p>{}</p>", escaped(&error.message)));
    }
    let session = world.sessions.get(id).filter(|session| session.status == Status::Complete);
    session.map(success_url).and_then(|url| see_other(&url)).unwrap_or_else(|| {
        page(StatusCode::PAYMENT_REQUIRED, "<p>Your card was declined. Go back and try another one.</p>")
    })
}

/// Where the customer goes next; Stripe puts the session's id where the URL has a place for it.
fn success_url(session: &Session) -> String {
    session.success_url.as_deref().unwrap_or_default().replace("{CHECKOUT_SESSION_ID}", &session.id)
}
