//! The allow-list of `POST /v1/responses`. Field names follow the official SDK's parameter types.

use serde_json::{Map, Value};

use super::error::RequestError;
use super::responses_items::INPUT;
use super::rules::{Check, Field, Tagged, drop, keep, need, refuse};
use super::shared::{self, reason};
use super::taken::Taken;

/// The provider refuses a smaller `max_output_tokens`.
pub(super) const MIN_OUTPUT_TOKENS: u32 = 16;

const CUSTOM_FORMAT: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[
        ("text", &[]),
        ("grammar", &[need("definition", Check::Text), need("syntax", Check::OneOf(&["lark", "regex"]))]),
    ],
    refused: &[],
});

// Only calls made by the model itself: programmatic callers run at the provider.
const CALLERS: Check = Check::List { max_items: 1, item: &Check::OneOf(&["direct"]) };

const FUNCTION: &[Field] = &[
    need("name", Check::Name),
    keep("parameters", Check::AnyObject),
    keep("strict", Check::Bool),
    keep("description", Check::Text),
    keep("output_schema", Check::AnyObject),
    keep("allowed_callers", CALLERS),
    drop("defer_loading", Check::Off(reason::DEFERRED)),
    drop("async", Check::Off(reason::ASYNC)),
];

const CUSTOM: &[Field] = &[
    need("name", Check::Name),
    keep("description", Check::Text),
    keep("format", CUSTOM_FORMAT),
    keep("allowed_callers", CALLERS),
    drop("defer_loading", Check::Off(reason::DEFERRED)),
    drop("async", Check::Off(reason::ASYNC)),
];

const GROUPED_TOOL: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[("function", FUNCTION), ("custom", CUSTOM)],
    refused: REFUSED_TOOLS,
});

// A heading over tools of the client's own: text to the model, as they are.
const NAMESPACE: &[Field] = &[
    need("name", Check::Name),
    keep("description", Check::Text),
    need("tools", Check::List { max_items: shared::MAX_TOOLS, item: &GROUPED_TOOL }),
];

/// A tool of the client's own; one that the provider runs is refused.
pub(super) const TOOL: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[("function", FUNCTION), ("custom", CUSTOM), ("namespace", NAMESPACE)],
    refused: REFUSED_TOOLS,
});

const REFUSED_TOOLS: &[(&str, &str)] = &[
    ("web_search", reason::HOSTED_TOOL),
    ("web_search_2025_08_26", reason::HOSTED_TOOL),
    ("web_search_preview", reason::HOSTED_TOOL),
    ("web_search_preview_2025_03_11", reason::HOSTED_TOOL),
    ("file_search", reason::HOSTED_TOOL),
    ("code_interpreter", reason::HOSTED_TOOL),
    ("image_generation", reason::HOSTED_TOOL),
    ("mcp", reason::HOSTED_TOOL),
    ("computer", reason::HOSTED_TOOL),
    ("computer_use", reason::HOSTED_TOOL),
    ("computer_use_preview", reason::HOSTED_TOOL),
    ("programmatic_tool_calling", reason::HOSTED_TOOL),
    ("tool_search", reason::HOSTED_TOOL),
    ("local_shell", reason::HOSTED_TOOL),
    ("shell", reason::HOSTED_TOOL),
    ("apply_patch", reason::HOSTED_TOOL),
];

const NAMED: &[Field] = &[need("name", Check::Name)];

const TOOL_BY_NAME: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[("function", NAMED), ("custom", NAMED)],
    refused: &[],
});

const TOOL_CHOICE: Check = Check::Either(&[
    Check::OneOf(&["none", "auto", "required"]),
    Check::Tagged(Tagged {
        tag: "type",
        default: None,
        variants: &[
            ("function", NAMED),
            ("custom", NAMED),
            (
                "allowed_tools",
                &[
                    need("mode", Check::OneOf(&["auto", "required"])),
                    need("tools", Check::List { max_items: shared::MAX_TOOLS, item: &TOOL_BY_NAME }),
                ],
            ),
        ],
        refused: &[],
    }),
]);

const TEXT_FORMAT: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[("text", &[]), ("json_object", &[]), ("json_schema", shared::SCHEMA_FORMAT)],
    refused: &[],
});

const SUMMARY: Check = Check::OneOf(&["auto", "concise", "detailed"]);

const REASONING: Check = Check::Object(&[
    keep("effort", shared::REASONING_EFFORT),
    keep("summary", SUMMARY),
    keep("generate_summary", SUMMARY),
    keep("context", Check::OneOf(&["auto", "current_turn", "all_turns"])),
    // "pro" runs several attempts; nothing says that one output limit bounds them together.
    keep("mode", Check::OneOf(&["standard"])),
]);

// The other values belong to tools run by the provider.
const INCLUDE: Check = Check::OneOf(&[
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
]);

/// Every field of a request. What `taken` reads is written back by the upstream body.
pub(super) const FIELDS: &[Field] = &[
    need("model", Check::Name),
    need("input", INPUT),
    keep("include", Check::List { max_items: 8, item: &INCLUDE }),
    keep("instructions", Check::Text),
    keep("max_output_tokens", Check::Integer(MIN_OUTPUT_TOKENS as i64, shared::MAX_OUTPUT_TOKENS)),
    // Kept, unlike chat's: the response object echoes it, and with `store: false` that is all it is for.
    keep("metadata", shared::METADATA),
    keep("parallel_tool_calls", Check::Bool),
    keep("prompt_cache_key", shared::CACHE_KEY),
    keep("prompt_cache_options", shared::CACHE_OPTIONS_WITH_12H),
    keep("prompt_cache_retention", shared::CACHE_RETENTION),
    keep("reasoning", REASONING),
    keep("stream", Check::Bool),
    keep("stream_options", Check::Object(&[keep("include_obfuscation", Check::Bool)])),
    keep("temperature", Check::Number(0.0, 2.0)),
    keep("text", Check::Object(&[keep("format", TEXT_FORMAT), keep("verbosity", shared::VERBOSITY)])),
    keep("tool_choice", TOOL_CHOICE),
    keep("tools", Check::List { max_items: shared::MAX_TOOLS, item: &TOOL }),
    keep("top_logprobs", Check::Integer(0, 20)),
    keep("top_p", Check::Number(0.0, 1.0)),
    keep("truncation", Check::OneOf(&["auto", "disabled"])),
    // Bounds calls of tools run by the provider, of which there are none.
    drop("max_tool_calls", Check::Integer(0, i64::MAX)),
    drop("safety_identifier", shared::IDENTIFIER),
    drop("service_tier", shared::SERVICE_TIER),
    drop("store", Check::Bool),
    drop("user", shared::IDENTIFIER),
    // Notes of the client to itself, which Codex CLI always sends; no model reads them.
    drop("client_metadata", Check::Anything),
    drop("background", Check::Off(reason::BACKGROUND)),
    refuse("background_options", reason::BACKGROUND),
    refuse("context_management", reason::COMPACTION),
    refuse("conversation", reason::STORED),
    refuse("moderation", reason::MODERATION),
    refuse("previous_response_id", reason::PREVIOUS_RESPONSE),
    refuse("prompt", reason::STORED),
];

/// Reads the fields that Octroi writes back itself.
pub(super) fn take(body: &mut Map<String, Value>) -> Result<Taken, RequestError> {
    let mut taken = Taken::common(body)?;
    taken.wanted_output_tokens = super::taken::unsigned(body, "max_output_tokens");
    taken.reasoning =
        super::taken::reasoning(body.get("reasoning").and_then(|reasoning| reasoning.get("effort")));
    super::responses_items::drop_unusable_reasoning(body);
    Ok(taken)
}
