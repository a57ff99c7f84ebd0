//! Where webhooks arrive in a test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use octroi_sim::http::{Aborted, Connection, Listening, Responder, SimBody, listen};
use serde_json::Value;

/// One webhook as it came.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub signature: String,
    pub body: String,
}

impl Arrived {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Desk {
    arrived: Mutex<Vec<Arrived>>,
    answers: Mutex<VecDeque<u16>>,
}

/// A receiver on a free port.
pub struct Receiver {
    pub url: String,
    desk: Arc<Desk>,
    _listening: Listening,
}

impl Responder for Desk {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let signature = request.headers()["stripe-signature"].to_str().unwrap().to_owned();
        let body = request.into_body().collect().await.map_err(|_| Aborted)?.to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.arrived.lock().unwrap().push(Arrived { signature, body });
        let mut response = Response::new(SimBody::whole(bytes::Bytes::new()));
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(200);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(response)
    }
}

impl Receiver {
    pub async fn open() -> Self {
        let desk = Arc::new(Desk::default());
        let listening = listen("127.0.0.1:0".parse().unwrap(), Arc::clone(&desk)).await.unwrap();
        Self { url: format!("http://{}/hook", listening.address()), desk, _listening: listening }
    }

    /// Answers the next webhooks with these, and then with 200 again.
    pub fn answer(&self, statuses: &[u16]) {
        self.desk.answers.lock().unwrap().extend(statuses);
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.desk.arrived.lock().unwrap().clone()
    }

    /// The types of what has arrived.
    pub fn kinds(&self) -> Vec<String> {
        self.arrived().iter().map(|one| one.event()["type"].as_str().unwrap().to_owned()).collect()
    }
}
