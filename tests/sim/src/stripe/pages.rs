//! The hosted pages, as far as a person at the local stack needs them.

use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::api::checkout::{self, Completion, Session};
use super::api::payment_methods::Behaviour;
use super::state::Sim;
use crate::control::parameter;
use crate::http::SimBody;

/// Answers a browser.
pub fn answer(sim: &Sim, parts: &Parts) -> Response<SimBody> {
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    match (&parts.method, &path[..]) {
        (&Method::GET, ["pay", id]) => checkout_page(sim, id),
        (&Method::POST, ["pay", id]) => pay(sim, id, parts.uri.query().unwrap_or_default()),
        (&Method::GET, ["portal" | "invoices" | "receipts", ..]) => {
            page(StatusCode::OK, "<p>Stripe would show this page. The stand-in has nothing on it.</p>")
        }
        _ => page(StatusCode::NOT_FOUND, "<p>The Stripe stand-in has no such page.</p>"),
    }
}

fn page(status: StatusCode, content: &str) -> Response<SimBody> {
    let html = format!("<!doctype html><meta charset=\"utf-8\"><title>Stripe stand-in</title>{content}");
    let mut response = Response::new(SimBody::whole(html.into()));
    *response.status_mut() = status;
    let html_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html_type);
    response
}

fn checkout_page(sim: &Sim, id: &str) -> Response<SimBody> {
    let world = sim.world();
    let Some(session) = world.sessions.get(id).filter(|session| session.status == checkout::Status::Open)
    else {
        return page(StatusCode::NOT_FOUND, "<p>This checkout session is not open.</p>");
    };
    let products = session.bought.iter().filter_map(|bought| {
        let price = world.prices.get(&bought.price)?;
        world.products.get(&price.product).map(|product| format!("<li>{}</li>", escaped(&product.name)))
    });
    let products: String = products.collect();
    let currency = session.currency.to_uppercase();
    let amount = format!("{}.{:02} {currency}", session.amount_total / 100, session.amount_total % 100);
    let button = |with: &str, label: &str| {
        format!("<form method=\"post\" action=\"/pay/{id}?with={with}\"><button>{label}</button></form>")
    };
    let buttons = [
        button("pays", "Pay with a test card"),
        button("delayed", "Pay by bank debit, which takes days"),
        button("declines", "Try a card that is declined"),
    ];
    let back = session.cancel_url.as_deref().map_or_else(String::new, |url| {
        format!("<p><a href=\"{}\">Go back without paying</a></p>", escaped(url))
    });
    let title = "<h1>Checkout of the Stripe stand-in</h1>";
    page(
        StatusCode::OK,
        &format!("{title}<ul>{products}</ul><p>Due today: {amount}</p>{}{back}", buttons.concat()),
    )
}

fn pay(sim: &Sim, id: &str, query: &str) -> Response<SimBody> {
    let pays_with = match parameter(query, "with") {
        Some("delayed") => Behaviour::Delayed,
        Some("declines") => Behaviour::Declines,
        _ => Behaviour::Pays,
    };
    let mut world = sim.world();
    world.catch_up();
    if let Err(error) = checkout::complete(&mut world, id, &Completion { pays_with, email: None }) {
        return page(error.status, &format!("<p>{}</p>", escaped(&error.message)));
    }
    let session = world.sessions.get(id);
    let next = session.filter(|session| session.status == checkout::Status::Complete).map(success_url);
    drop(world);
    let Some(location) = next.and_then(|url| HeaderValue::from_str(&url).ok()) else {
        return page(
            StatusCode::PAYMENT_REQUIRED,
            "<p>Your card was declined. Go back and try another one.</p>",
        );
    };
    let mut response = page(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Where the customer goes next; Stripe puts the session's id where the URL has a place for it.
fn success_url(session: &Session) -> String {
    session.success_url.as_deref().unwrap_or_default().replace("{CHECKOUT_SESSION_ID}", &session.id)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
