//! The hosted pages, as far as a person at the local stack needs them.

mod checkout;
mod portal;

use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::state::Sim;
use crate::http::SimBody;

/// Answers a browser.
pub fn answer(sim: &Sim, parts: &Parts) -> Response<SimBody> {
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let query = parts.uri.query().unwrap_or_default();
    match (&parts.method, &path[..]) {
        (&Method::GET, ["pay", id]) => checkout::show(sim, id),
        (&Method::POST, ["pay", id]) => checkout::pay(sim, id, query),
        (&Method::GET, ["portal", id]) => portal::show(sim, id),
        (&Method::POST, ["portal", id]) => portal::act(sim, id, query),
        (&Method::GET, ["invoices" | "receipts", ..]) => {
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

/// Sends the browser on to `url`; none if that cannot stand in a header.
fn see_other(url: &str) -> Option<Response<SimBody>> {
    let location = HeaderValue::from_str(url).ok()?;
    let mut response = page(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}

/// A button that posts to `action`, a path of ours.
fn button(action: &str, label: &str) -> String {
    format!("<form method=\"post\" action=\"{}\"><button>{}</button></form>", escaped(action), escaped(label))
}

fn link(url: &str, label: &str) -> String {
    format!("<p><a href=\"{}\">{}</a></p>", escaped(url), escaped(label))
}

/// An amount in a currency with cents.
fn money(amount: i64, currency: &str) -> String {
    format!("{}.{:02} {}", amount / 100, amount % 100, currency.to_uppercase())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
