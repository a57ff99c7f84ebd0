//! The allow-list of the Responses API's input items.
//!
//! Clients send an earlier `response.output` back as input, so the fields of output items are accepted. Their
//! ids and states are dropped: with `store: false` an id names nothing, except perhaps another tenant's item.

use serde_json::{Map, Value};

use super::responses::TOOL;
use super::rules::{Check, Field, Tagged, drop, keep, need, refuse};
use super::shared::{self, reason};

const STATUS: Check = Check::OneOf(&["in_progress", "completed", "incomplete"]);
const ID: Field = drop("id", Check::ShortText(512));
const CALL_ID: Field = need("call_id", Check::ShortText(256));

// Only calls made by the model itself; a programmatic caller is an id at the provider.
const CALLER: Field = drop("caller", Check::Object(&[need("type", Check::OneOf(&["direct"]))]));

const TEXT: &[Field] = &[need("text", Check::Text), shared::CACHE_BREAKPOINT];

const IMAGE: &[Field] = &[
    need("image_url", Check::ImageUrl),
    keep("detail", shared::IMAGE_DETAIL),
    shared::CACHE_BREAKPOINT,
    refuse("file_id", reason::STORED),
];

const REFUSED_PARTS: &[(&str, &str)] = &[("input_file", reason::FILE), ("input_audio", reason::AUDIO)];

const CONTENT: Check = Check::Either(&[
    Check::Text,
    Check::List {
        max_items: shared::MAX_ITEMS,
        item: &Check::Tagged(Tagged {
            tag: "type",
            default: None,
            variants: &[
                ("input_text", TEXT),
                ("input_image", IMAGE),
                (
                    "output_text",
                    &[
                        need("text", Check::Text),
                        drop("annotations", Check::Anything),
                        drop("logprobs", Check::Anything),
                        drop("parsed", Check::Anything),
                    ],
                ),
                ("refusal", &[need("refusal", Check::Text)]),
            ],
            refused: REFUSED_PARTS,
        }),
    },
]);

const CALL_OUTPUT: Check = Check::Either(&[
    Check::Text,
    Check::List {
        max_items: shared::MAX_ITEMS,
        item: &Check::Tagged(Tagged {
            tag: "type",
            default: None,
            variants: &[("input_text", TEXT), ("input_image", IMAGE)],
            refused: REFUSED_PARTS,
        }),
    },
]);

const CALL_OUTPUT_ITEM: &[Field] = &[
    CALL_ID,
    need("output", CALL_OUTPUT),
    keep("name", Check::Name),
    keep("namespace", Check::Name),
    ID,
    CALLER,
    drop("status", STATUS),
];

const ASYNC: Field = drop("async", Check::Off(reason::ASYNC));

const fn texts(item: &'static Check) -> Check {
    Check::List { max_items: shared::MAX_ITEMS, item }
}

const fn text_of(variants: &'static [(&'static str, &'static [Field])]) -> Check {
    Check::Tagged(Tagged { tag: "type", default: None, variants, refused: &[] })
}

const SUMMARY_TEXT: Check = text_of(&[("summary_text", &[need("text", Check::Text)])]);
const REASONING_TEXT: Check = text_of(&[("reasoning_text", &[need("text", Check::Text)])]);

const ITEM: Check = Check::Tagged(Tagged {
    tag: "type",
    // The SDK's plain `{ role, content }`.
    default: Some("message"),
    variants: &[
        (
            "message",
            &[
                need("role", Check::OneOf(&["user", "assistant", "system", "developer"])),
                need("content", CONTENT),
                keep("phase", Check::OneOf(&["commentary", "final_answer"])),
                ID,
                drop("status", STATUS),
            ],
        ),
        (
            "function_call",
            &[
                CALL_ID,
                need("name", Check::Name),
                need("arguments", Check::Text),
                drop("parsed_arguments", Check::Anything),
                keep("namespace", Check::Name),
                ID,
                CALLER,
                ASYNC,
                drop("status", STATUS),
            ],
        ),
        ("function_call_output", CALL_OUTPUT_ITEM),
        (
            "custom_tool_call",
            &[
                CALL_ID,
                need("name", Check::Name),
                need("input", Check::Text),
                keep("namespace", Check::Name),
                ID,
                CALLER,
                ASYNC,
                drop("status", STATUS),
            ],
        ),
        ("custom_tool_call_output", CALL_OUTPUT_ITEM),
        // The same tools as in `tools`, told within the conversation, as Codex CLI does for later models.
        (
            "additional_tools",
            &[
                need("role", Check::OneOf(&["developer"])),
                need("tools", Check::List { max_items: shared::MAX_TOOLS, item: &TOOL }),
                ID,
            ],
        ),
        (
            "reasoning",
            &[
                need("summary", texts(&SUMMARY_TEXT)),
                keep("content", texts(&REASONING_TEXT)),
                keep("encrypted_content", Check::Text),
                ID,
                drop("status", STATUS),
            ],
        ),
    ],
    refused: &[
        ("item_reference", reason::ITEM_REFERENCE),
        ("compaction", reason::COMPACTION),
        ("compaction_trigger", reason::COMPACTION),
        ("file_search_call", reason::ITEM),
        ("web_search_call", reason::ITEM),
        ("code_interpreter_call", reason::ITEM),
        ("image_generation_call", reason::ITEM),
        ("computer_call", reason::ITEM),
        ("computer_call_output", reason::ITEM),
        ("local_shell_call", reason::ITEM),
        ("local_shell_call_output", reason::ITEM),
        ("shell_call", reason::ITEM),
        ("shell_call_output", reason::ITEM),
        ("apply_patch_call", reason::ITEM),
        ("apply_patch_call_output", reason::ITEM),
        ("mcp_list_tools", reason::ITEM),
        ("mcp_approval_request", reason::ITEM),
        ("mcp_approval_response", reason::ITEM),
        ("mcp_call", reason::ITEM),
        ("tool_search_call", reason::ITEM),
        ("tool_search_output", reason::ITEM),
        ("program", reason::ITEM),
        ("program_output", reason::ITEM),
    ],
});

/// A text, or a list of items.
pub(super) const INPUT: Check =
    Check::Either(&[Check::Text, Check::List { max_items: shared::MAX_ITEMS, item: &ITEM }]);

/// Drops reasoning items that carry no encrypted content. The provider would look their id up in a store that
/// `store: false` keeps empty, and fail; without them the conversation goes on, only less informed. A client
/// that asks for `include: ["reasoning.encrypted_content"]` keeps them.
pub(super) fn drop_unusable_reasoning(body: &mut Map<String, Value>) {
    let Some(Value::Array(items)) = body.get_mut("input") else { return };
    items.retain(|item| {
        item.get("type").and_then(Value::as_str) != Some("reasoning")
            || item.get("encrypted_content").is_some_and(Value::is_string)
    });
}
