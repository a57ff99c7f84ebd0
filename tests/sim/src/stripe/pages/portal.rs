//! The page on which a customer ends a subscription, keeps it, or changes what pays for it.

use http::{Method, Response, StatusCode};
use serde_json::{Map, Value};

use super::{button, escaped, link, page, see_other};
use crate::control::parameter;
use crate::http::SimBody;
use crate::stripe::api::payment_methods::{self, Behaviour};
use crate::stripe::api::portal::PortalSession;
use crate::stripe::api::subscriptions::Subscription;
use crate::stripe::endpoint::Endpoint;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::state::Sim;
use crate::stripe::world::World;

pub(super) fn show(sim: &Sim, id: &str) -> Response<SimBody> {
    let world = sim.world();
    let Some(session) = world.portal_sessions.get(id) else {
        return page(StatusCode::NOT_FOUND, "<p>There is no such portal session.</p>");
    };
    let of_customer = |of: &&Subscription| of.customer == session.customer && of.is_live();
    let subscriptions: String =
        world.subscriptions.iter().filter(of_customer).map(|of| subscription(&world, id, of)).collect();
    let methods = [
        button(&format!("/portal/{id}?do=pays"), "Pay with a new test card"),
        button(&format!("/portal/{id}?do=declines"), "Pay with a card that will be declined"),
    ];
    let back = session.return_url.as_deref().map_or_else(String::new, |url| link(url, "Go back"));
    let title = "<h1>Customer portal of the Stripe stand-in</h1>";
    page(StatusCode::OK, &format!("{title}{subscriptions}{}{back}", methods.concat()))
}

fn subscription(world: &World, session: &str, of: &Subscription) -> String {
    let names = of.items.iter().filter_map(|item| {
        let price = world.prices.get(&item.price)?;
        world.products.get(&price.product).map(|product| escaped(&product.name))
    });
    let names = names.collect::<Vec<String>>().join(", ");
    let (wish, label) = match of.cancel_at_period_end {
        true => ("keep", "Keep it after all"),
        false => ("end", "Cancel at the end of the period"),
    };
    let action = format!("/portal/{session}?do={wish}&subscription={}", of.id);
    format!("<p>{names}: {}</p>{}", of.status.name(), button(&action, label))
}

pub(super) fn act(sim: &Sim, id: &str, query: &str) -> Response<SimBody> {
    let mut world = sim.world();
    world.catch_up();
    let done = carry_out(&mut world, id, query);
    drop(world);
    match done {
        Ok(()) => see_other(&format!("/portal/{id}")).unwrap_or_else(|| page(StatusCode::OK, "")),
        Err(error) => page(error.status, &format!("<p>{}</p>", escaped(&error.message))),
    }
}

fn carry_out(world: &mut World, id: &str, query: &str) -> Result<(), ApiError> {
    let customer = world.find::<PortalSession>(id)?.customer.clone();
    let wish = parameter(query, "do").unwrap_or_default();
    let behaviour = match wish {
        "pays" => Some(Behaviour::Pays),
        "declines" => Some(Behaviour::Declines),
        _ => None,
    };
    if let Some(behaviour) = behaviour {
        let method = payment_methods::set_default(world, &customer, behaviour)?;
        let paid_by_another =
            |of: &&Subscription| of.customer == customer && of.default_payment_method.is_some();
        let ids: Vec<String> =
            world.subscriptions.iter().filter(paid_by_another).map(|of| of.id.clone()).collect();
        return ids.iter().try_for_each(|id| update(world, id, "default_payment_method", &method));
    }
    let subscription = parameter(query, "subscription").unwrap_or_default();
    if world.find::<Subscription>(subscription)?.customer != customer {
        return Err(ApiError::no_such("subscription", subscription, None));
    }
    update(world, subscription, "cancel_at_period_end", if wish == "end" { "true" } else { "false" })
}

/// What the customer does is done as the API would do it.
fn update(world: &mut World, subscription: &str, name: &str, value: &str) -> Result<(), ApiError> {
    let members = Map::from_iter([(name.to_owned(), Value::String(value.to_owned()))]);
    let endpoint = Endpoint::of(&Method::POST, &format!("/v1/subscriptions/{subscription}"))?;
    endpoint.run(world, &mut Params::new(members)).map(drop)
}
