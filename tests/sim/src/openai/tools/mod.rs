//! The tools a request offers, and which of them the model calls.

mod marks;
mod turn;

use serde_json::{Value, json};

use super::params::Params;
use super::schema;
use marks::Mark;
pub use turn::Turn;

/// A word of a tool's name that is shorter says nothing of what the tool is for ("get", "run").
const SHORTEST_TELLING_WORD_BYTES: usize = 4;

/// What a tool takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Takes {
    /// Arguments that fit a JSON Schema.
    Arguments(Value),
    /// Text: a custom tool.
    Text,
}

/// One tool of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The namespace that groups it, which the Responses API has.
    pub namespace: Option<String>,
    description: String,
    /// What it takes.
    pub takes: Takes,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The tool.
    pub tool: Tool,
    /// Its arguments as JSON text, or a custom tool's input.
    pub input: String,
}

impl Tool {
    /// Reads a definition: chat nests it in `function` or `custom`, the Responses API has it flat.
    fn read(definition: &Value, namespace: Option<&str>) -> Option<Self> {
        let kind = definition.get("type").and_then(Value::as_str).unwrap_or("function");
        let takes_text = match kind {
            "function" => false,
            "custom" => true,
            _ => return None,
        };
        let inner = definition.get(kind).filter(|inner| inner.is_object()).unwrap_or(definition);
        let text = |name: &str| inner.get(name).and_then(Value::as_str).map(str::to_owned);
        let schema = || inner.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" }));
        Some(Self {
            name: text("name")?,
            namespace: namespace.map(str::to_owned),
            description: text("description").unwrap_or_default(),
            takes: if takes_text { Takes::Text } else { Takes::Arguments(schema()) },
        })
    }

    /// A call with what the script says, or with a sample of what the tool takes.
    fn called(&self, scripted: Option<&Value>) -> Call {
        let input = match (&self.takes, scripted) {
            (Takes::Text, Some(Value::String(text))) => text.clone(),
            (Takes::Text, None) => schema::SAMPLE_TEXT.to_owned(),
            (Takes::Text | Takes::Arguments(_), Some(value)) => value.to_string(),
            (Takes::Arguments(schema), None) => schema::sample(schema).to_string(),
        };
        Call { tool: self.clone(), input }
    }

    fn named_in(&self, text: &str) -> bool {
        let name = self.name.to_lowercase();
        has_word(text, &name) || has_word(text, &name.replace(['_', '-'], " "))
    }

    fn told_in(&self, text: &str) -> bool {
        let name = self.name.to_lowercase();
        let telling = |word: &&str| word.len() >= SHORTEST_TELLING_WORD_BYTES;
        let mut words = name.split(['_', '-', '.']).filter(telling).peekable();
        let by_words = words.peek().is_some() && words.all(|word| text.contains(word));
        let description = self.description.trim().trim_end_matches('.').to_lowercase();
        by_words || (!description.is_empty() && text.contains(&description))
    }
}

/// Whether `text` has `word`, and not only inside another word.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, found)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + found.len()..].chars().next());
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

/// All tools of a request, those in namespaces too.
fn offered(tools: &Value) -> Vec<Tool> {
    let tools = tools.as_array().into_iter().flatten();
    let inside = |tool: &Value| match tool.get("tools").and_then(Value::as_array) {
        None => Tool::read(tool, None).into_iter().collect(),
        Some(grouped) => {
            let namespace = tool.get("name").and_then(Value::as_str);
            grouped.iter().filter_map(|tool| Tool::read(tool, namespace)).collect::<Vec<_>>()
        }
    };
    tools.flat_map(inside).collect()
}

/// Every tool that a request offers, beside its input or in an item of it.
fn all_offered(params: &Params<'_>) -> Vec<Tool> {
    let input = params.get("input").and_then(Value::as_array).into_iter().flatten();
    let of_items = input
        .filter(|item| item.get("type").and_then(Value::as_str) == Some("additional_tools"))
        .filter_map(|item| item.get("tools"));
    params.get("tools").into_iter().chain(of_items).flat_map(offered).collect()
}

/// The calls that an answer consists of; none if it is words.
///
/// A tool that `tool_choice` names is called. Otherwise those that the user's text scripts with
/// `[[call=NAME {…}]]`, each once; otherwise, once, the one whose name or description the text asks for.
/// `required` calls one in any case.
pub fn calls(params: &Params<'_>, turn: &Turn) -> Vec<Call> {
    let mut tools = all_offered(params);
    let choice = params.get("tool_choice");
    if let Some(name) = choice.and_then(named) {
        return tools.iter().filter(|tool| tool.name == name).take(1).map(|tool| tool.called(None)).collect();
    }
    let mut mode = choice.and_then(Value::as_str);
    if let Some(allowed) = choice.and_then(|choice| choice.pointer("/allowed_tools").or(Some(choice)))
        && let Some(names) = allowed.get("tools")
    {
        let names = offered(names);
        tools.retain(|tool| names.iter().any(|allowed| allowed.name == tool.name));
        mode = allowed.get("mode").and_then(Value::as_str);
    }
    if mode == Some("none") {
        return Vec::new();
    }
    let mut calls = asked_for(&tools, turn);
    if calls.is_empty() && mode == Some("required") {
        let uncalled = tools.iter().find(|tool| !turn.called.contains(&tool.name));
        calls.extend(uncalled.or(tools.last()).map(|tool| tool.called(None)));
    }
    if params.get("parallel_tool_calls") == Some(&Value::Bool(false)) {
        calls.truncate(1);
    }
    calls
}

/// The tool that `tool_choice` names.
fn named(choice: &Value) -> Option<&str> {
    let nested = choice.pointer("/function/name").or_else(|| choice.pointer("/custom/name"));
    nested.or_else(|| choice.get("name")).and_then(Value::as_str)
}

fn asked_for(tools: &[Tool], turn: &Turn) -> Vec<Call> {
    let scripted = marks::read(&turn.text);
    if !scripted.is_empty() {
        let find = |mark: &Mark| tools.iter().find(|tool| tool.name == mark.name);
        let left = scripted.iter().skip(turn.called.len());
        return left.filter_map(|mark| Some(find(mark)?.called(mark.input.as_ref()))).collect();
    }
    if !turn.called.is_empty() {
        return Vec::new();
    }
    let text = turn.text.to_lowercase();
    let named = tools.iter().find(|tool| tool.named_in(&text));
    let asked = named.or_else(|| tools.iter().find(|tool| tool.told_in(&text)));
    asked.map(|tool| tool.called(None)).into_iter().collect()
}
