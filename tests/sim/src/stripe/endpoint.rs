//! Which endpoint a request is for.

use http::Method;
use serde_json::Value;

use super::api;
use super::errors::ApiError;
use super::params::Params;
use super::world::{Resource, World};

/// What an endpoint answers.
pub type Answer = Result<Value, ApiError>;

/// An endpoint on a collection: creates or lists.
pub type OnAll = fn(&mut World, &mut Params) -> Answer;

/// An endpoint on one object.
pub type OnOne = fn(&mut World, &str, &mut Params) -> Answer;

#[derive(Clone, Debug)]
enum Act {
    All(OnAll),
    One(String, OnOne),
}

/// An endpoint, with the id its path names.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name in fault plans and in the books, such as `invoices.finalize`.
    pub name: &'static str,
    act: Act,
}

impl Endpoint {
    /// An endpoint on a collection.
    pub fn all(name: &'static str, act: OnAll) -> Self {
        Self { name, act: Act::All(act) }
    }

    /// An endpoint on the object `id`.
    pub fn one(name: &'static str, id: &str, act: OnOne) -> Self {
        Self { name, act: Act::One(id.to_owned(), act) }
    }

    /// The endpoint of a request line, or Stripe's error for it.
    pub fn of(method: &Method, path: &str) -> Result<Self, ApiError> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        api::endpoint(method.as_str(), &segments).ok_or_else(|| ApiError::unknown_url(method.as_str(), path))
    }

    /// Answers the request, and refuses parameters that nobody took.
    pub fn run(&self, world: &mut World, params: &mut Params) -> Answer {
        match &self.act {
            Act::All(act) => act(world, params),
            Act::One(id, act) => act(world, id, params),
        }
    }
}

/// The endpoint that answers an object as it is.
pub fn retrieve<T: Resource>(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    world.find::<T>(id).map(|object| object.render(world))
}
