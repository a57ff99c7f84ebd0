//! Typed reading of a request's members, with OpenAI's errors for what is wrong.

use serde_json::{Map, Value};

use super::answer::{Effort, Form};
use super::errors::ApiError;
use super::models::{self, Kind, Model};
use super::schema;
use super::tools::{self, Turn};

/// Most tokens that are listed for one place.
const MAX_TOP_LOGPROBS: u64 = 20;

/// The members of a request's body.
#[derive(Debug)]
pub struct Params<'b> {
    members: &'b Map<String, Value>,
}

impl<'b> Params<'b> {
    /// The members, none of which may be other than `known`.
    pub fn new(members: &'b Map<String, Value>, known: &[&str]) -> Result<Self, ApiError> {
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(ApiError::unknown_parameter(unknown)),
            None => Ok(Self { members }),
        }
    }

    /// A member, unless it is missing or null.
    pub fn get(&self, name: &str) -> Option<&'b Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A member as text.
    pub fn text(&self, name: &str) -> Result<Option<&'b str>, ApiError> {
        let read = |value: &'b Value| value.as_str().ok_or_else(|| ApiError::wrong_type(name, "a string"));
        self.get(name).map(read).transpose()
    }

    /// A member as true or false; missing is false.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| ApiError::wrong_type(name, "a boolean"));
        self.get(name).map_or(Ok(false), read)
    }

    /// A member as a whole number of at least `least` and at most `most`.
    pub fn integer(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if !(value.is_u64() || value.is_i64()) {
            return Err(ApiError::wrong_type(name, "an integer"));
        }
        let bounds = |word: &str, sign: &str, bound: u64| {
            let message = format!(
                "Invalid '{name}': integer {word} value. Expected a value {sign} {bound}, but got {value} instead."
            );
            let code = format!("integer_{}_value", word.replace("imum", "").replace(' ', "_"));
            ApiError::invalid(message, Some(name), Some(&code))
        };
        match value.as_u64() {
            Some(number) if number > most => Err(bounds("above maximum", "<=", most)),
            Some(number) if number >= least => Ok(Some(number)),
            _ => Err(bounds("below minimum", ">=", least)),
        }
    }

    /// How many tokens `top_logprobs` lists for each place.
    pub fn top_logprobs(&self) -> Result<Option<u64>, ApiError> {
        self.integer("top_logprobs", 0, MAX_TOP_LOGPROBS)
    }

    /// A member as a number between two bounds.
    pub fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_f64().ok_or_else(|| ApiError::wrong_type(name, "a number"))?;
        if (least..=most).contains(&number) {
            return Ok(Some(number));
        }
        let (word, sign, bound) =
            if number > most { ("above maximum", "<=", most) } else { ("below minimum", ">=", least) };
        let message = format!(
            "Invalid '{name}': decimal {word} value. Expected a value {sign} {bound}, but got {number} instead."
        );
        let code = format!("decimal_{}_value", word.replace("imum", "").replace(' ', "_"));
        Err(ApiError::invalid(message, Some(name), Some(&code)))
    }

    /// The model, which must answer in text.
    pub fn text_model(&self) -> Result<&'static Model, ApiError> {
        let model = self.model()?;
        match model.kind {
            Kind::Text { .. } => Ok(model),
            Kind::Embedding { .. } => Err(ApiError::invalid(
                "This is not a chat model and thus not supported in this endpoint.",
                Some("model"),
                None,
            )),
        }
    }

    /// The model.
    pub fn model(&self) -> Result<&'static Model, ApiError> {
        let missing = || ApiError::invalid("you must provide a model parameter", None, None);
        models::find(self.text("model")?.ok_or_else(missing)?)
    }

    /// `service_tier` as the answer reports it.
    pub fn service_tier(&self) -> Result<&'b str, ApiError> {
        Ok(match self.text("service_tier")? {
            None | Some("auto") => "default",
            Some("fast") => "priority",
            Some(tier) => tier,
        })
    }

    /// How much the model may think; `effort` is where the endpoint has it.
    pub fn effort(effort: Option<&Value>) -> Effort {
        Effort::named(effort.and_then(Value::as_str))
    }

    /// The form of the answer, from `tools`, `tool_choice` and the endpoint's own `format`. `conversation` is
    /// the member that holds what was said.
    pub fn form(&self, conversation: &str, format: Option<&Value>) -> Result<Form, ApiError> {
        let turn = Turn::read(self.get(conversation));
        let calls = tools::calls(self, &turn);
        if !calls.is_empty() {
            return Ok(Form::Calls(calls));
        }
        let kind = format.and_then(|format| format.get("type")).and_then(Value::as_str);
        Ok(match (kind, format) {
            (Some("json_object"), _) => Form::Json { schema: self.schema_of_any_object(conversation)? },
            (Some("json_schema"), Some(format)) => {
                // Chat nests the schema once more than the Responses API.
                let schema = format.pointer("/json_schema/schema").or_else(|| format.get("schema"));
                Form::Json { schema: schema.cloned().unwrap_or(Value::Null) }
            }
            _ => Form::Prose,
        })
    }

    /// In the mode `json_object` only the conversation says what the object is like, and it must say that it
    /// is JSON.
    fn schema_of_any_object(&self, conversation: &str) -> Result<Value, ApiError> {
        let mut texts = Vec::new();
        for member in [conversation, "instructions"] {
            if let Some(value) = self.get(member) {
                strings(value, &mut texts);
            }
        }
        if !texts.iter().any(|text| text.to_lowercase().contains("json")) {
            let (whose, param) = match conversation {
                "messages" => ("'messages'", "response_format"),
                _ => ("Response input messages", "text.format"),
            };
            let message = format!(
                "{whose} must contain the word 'json' in some form, to use '{param}' of type 'json_object'."
            );
            return Err(ApiError::invalid(message, Some(conversation), None));
        }
        Ok(texts.into_iter().find_map(schema::written_in).unwrap_or_else(schema::of_an_answer))
    }
}

/// Every string inside `value`; a request's nesting is bounded by its parser.
fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}
