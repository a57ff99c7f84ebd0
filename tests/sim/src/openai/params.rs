//! Typed reading of a request's members, with OpenAI's errors for what is wrong.

use serde_json::{Map, Value};

use super::answer::{Effort, Form};
use super::errors::ApiError;
use super::models::{self, Kind, Model};

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

    /// The form of the answer, from `tools`, `tool_choice` and the endpoint's own `format`.
    pub fn form(&self, format: Option<&Value>) -> Form {
        if let Some(called) = self.forced_tool() {
            return called;
        }
        let kind = format.and_then(|format| format.get("type")).and_then(Value::as_str);
        match (kind, format) {
            (Some("json_object"), _) => Form::Json { schema: Value::Null },
            (Some("json_schema"), Some(format)) => {
                // Chat nests the schema once more than the Responses API.
                let schema = format.pointer("/json_schema/schema").or_else(|| format.get("schema"));
                Form::Json { schema: schema.cloned().unwrap_or(Value::Null) }
            }
            _ => Form::Prose,
        }
    }

    /// The tool that `tool_choice` forces. Left to itself, the stand-in answers in words.
    fn forced_tool(&self) -> Option<Form> {
        let tools = self.get("tools")?.as_array()?;
        let definition = |tool: &'b Value| tool.get("function").unwrap_or(tool);
        let choice = self.get("tool_choice")?;
        let named = choice.pointer("/function/name").or_else(|| choice.get("name"));
        let tool = match (choice.as_str(), named) {
            (Some("required"), _) => definition(tools.first()?),
            (_, Some(name)) => tools.iter().map(definition).find(|tool| tool.get("name") == Some(name))?,
            _ => return None,
        };
        let name = tool.get("name")?.as_str()?.to_owned();
        Some(Form::Call { name, schema: tool.get("parameters").cloned().unwrap_or(Value::Null) })
    }
}
