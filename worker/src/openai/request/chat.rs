//! The allow-list of `POST /v1/chat/completions`. Field names follow the official SDK's parameter types.

use serde_json::{Map, Value};

use super::chat_messages::MESSAGE;
use super::error::RequestError;
use super::rules::{Check, Field, Tagged, drop, keep, need, refuse};
use super::shared::{self, reason};
use super::taken::Taken;

/// Answers per call. Each multiplies the hold.
pub(super) const MAX_CHOICES: i64 = 8;

const FUNCTION: &[Field] = &[
    need("name", Check::Name),
    keep("description", Check::Text),
    keep("parameters", Check::AnyObject),
    keep("strict", Check::Bool),
];

const GRAMMAR: Check =
    Check::Object(&[need("definition", Check::Text), need("syntax", Check::OneOf(&["lark", "regex"]))]);

const CUSTOM: &[Field] = &[
    need("name", Check::Name),
    keep("description", Check::Text),
    keep(
        "format",
        Check::Tagged(Tagged {
            tag: "type",
            default: None,
            variants: &[("text", &[]), ("grammar", &[need("grammar", GRAMMAR)])],
            refused: &[],
        }),
    ),
];

const TOOL: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[
        ("function", &[need("function", Check::Object(FUNCTION))]),
        ("custom", &[need("custom", Check::Object(CUSTOM))]),
    ],
    refused: &[
        ("web_search", reason::HOSTED_TOOL),
        ("web_search_preview", reason::HOSTED_TOOL),
        ("file_search", reason::HOSTED_TOOL),
        ("code_interpreter", reason::HOSTED_TOOL),
        ("mcp", reason::HOSTED_TOOL),
    ],
});

const NAMED: Check = Check::Object(&[need("name", Check::Name)]);

const TOOL_BY_NAME: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[("function", &[need("function", NAMED)]), ("custom", &[need("custom", NAMED)])],
    refused: &[],
});

const ALLOWED_TOOLS: Check = Check::Object(&[
    need("mode", Check::OneOf(&["auto", "required"])),
    need("tools", Check::List { max_items: shared::MAX_TOOLS, item: &TOOL_BY_NAME }),
]);

const TOOL_CHOICE: Check = Check::Either(&[
    Check::OneOf(&["none", "auto", "required"]),
    Check::Tagged(Tagged {
        tag: "type",
        default: None,
        variants: &[
            ("function", &[need("function", NAMED)]),
            ("custom", &[need("custom", NAMED)]),
            ("allowed_tools", &[need("allowed_tools", ALLOWED_TOOLS)]),
        ],
        refused: &[],
    }),
]);

const RESPONSE_FORMAT: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[
        ("text", &[]),
        ("json_object", &[]),
        ("json_schema", &[need("json_schema", Check::Object(shared::SCHEMA_FORMAT))]),
    ],
    refused: &[],
});

const STREAM_OPTIONS: Check =
    Check::Object(&[keep("include_usage", Check::Bool), keep("include_obfuscation", Check::Bool)]);

/// Every field of a request. What `taken` reads is written back by the upstream body.
pub(super) const FIELDS: &[Field] = &[
    need("model", Check::Name),
    need("messages", Check::List { max_items: shared::MAX_ITEMS, item: &MESSAGE }),
    keep("frequency_penalty", Check::Number(-2.0, 2.0)),
    keep("function_call", Check::Either(&[Check::OneOf(&["none", "auto"]), NAMED])),
    keep("functions", Check::List { max_items: shared::MAX_TOOLS, item: &Check::Object(FUNCTION) }),
    keep("logit_bias", Check::Map { max_entries: 1024, value: &Check::Number(-100.0, 100.0) }),
    keep("logprobs", Check::Bool),
    keep("max_completion_tokens", Check::Integer(1, shared::MAX_OUTPUT_TOKENS)),
    keep("max_tokens", Check::Integer(1, shared::MAX_OUTPUT_TOKENS)),
    keep("modalities", Check::List { max_items: 1, item: &Check::OneOf(&["text"]) }),
    keep("n", Check::Integer(1, MAX_CHOICES)),
    keep("parallel_tool_calls", Check::Bool),
    keep("presence_penalty", Check::Number(-2.0, 2.0)),
    keep("prompt_cache_key", shared::CACHE_KEY),
    keep("prompt_cache_options", shared::CACHE_OPTIONS),
    keep("prompt_cache_retention", shared::CACHE_RETENTION),
    keep("reasoning_effort", shared::REASONING_EFFORT),
    keep("response_format", RESPONSE_FORMAT),
    keep("seed", Check::Integer(i64::MIN, i64::MAX)),
    keep("stop", shared::STOP),
    keep("stream", Check::Bool),
    keep("stream_options", STREAM_OPTIONS),
    keep("temperature", Check::Number(0.0, 2.0)),
    keep("tool_choice", TOOL_CHOICE),
    keep("tools", Check::List { max_items: shared::MAX_TOOLS, item: &TOOL }),
    keep("top_logprobs", Check::Integer(0, 20)),
    keep("top_p", Check::Number(0.0, 1.0)),
    keep("verbosity", shared::VERBOSITY),
    drop("metadata", shared::METADATA),
    drop("safety_identifier", shared::IDENTIFIER),
    drop("service_tier", shared::SERVICE_TIER),
    drop("store", Check::Bool),
    drop("user", shared::IDENTIFIER),
    refuse("audio", reason::AUDIO),
    refuse("moderation", reason::MODERATION),
    refuse("prediction", reason::PREDICTION),
    refuse("web_search_options", reason::HOSTED_TOOL),
];

/// Reads the fields that Octroi writes back itself.
pub(super) fn take(body: &mut Map<String, Value>) -> Result<Taken, RequestError> {
    let mut taken = Taken::common(body)?;
    let legacy = super::taken::unsigned(body, "max_tokens");
    let current = super::taken::unsigned(body, "max_completion_tokens");
    if let (Some(legacy), Some(current)) = (legacy, current)
        && legacy != current
    {
        return Err(RequestError::InvalidValue {
            param: "max_tokens".to_owned(),
            message: "differs from 'max_completion_tokens'; give one of them".to_owned(),
        });
    }
    taken.wanted_output_tokens = current.or(legacy);
    taken.reasoning = super::taken::reasoning(body.get("reasoning_effort"));
    taken.choices = super::taken::unsigned(body, "n").and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    Ok(taken)
}
