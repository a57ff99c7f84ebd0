//! Headers on every answer, for the case that it ends up in a browser: nothing here is a page to be framed, guessed at or
//! linked from. Pages that need other rules set their own.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
];

/// Adds what an answer does not set itself.
pub(super) async fn add(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_not_sniffed_not_framed_and_tells_nobody_where_it_came_from() {
        let router = Router::new()
            .route("/api", get(|| async { "{}" }))
            .route("/page", get(|| async { ([(CONTENT_SECURITY_POLICY, "default-src 'self'")], "<p>") }))
            .layer(from_fn(add));
        let service = TowerToHyperService::new(router);
        for (path, policy) in [
            ("/api", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
            ("/page", "default-src 'self'"),
            ("/missing", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
        ] {
            let request = Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
            let response = service.call(request).await.unwrap();
            let header = |name: HeaderName| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(X_FRAME_OPTIONS), "DENY");
            assert_eq!(header(REFERRER_POLICY), "no-referrer");
            assert_eq!(header(CONTENT_SECURITY_POLICY), policy, "{path}");
        }
    }
}
