//! The allow-list of a chat message, by role.

use super::rules::{Check, Field, Tagged, drop, keep, need, refuse};
use super::shared::{self, reason};

/// Tool calls in one assistant message.
const MAX_CALLS: usize = 1024;

const TEXT_PART: &[Field] = &[need("text", Check::Text), shared::CACHE_BREAKPOINT];

const TEXT_PARTS: Check = Check::List {
    max_items: shared::MAX_ITEMS,
    item: &Check::Tagged(Tagged {
        tag: "type",
        default: None,
        variants: &[("text", TEXT_PART)],
        refused: &[],
    }),
};

const IMAGE_PART: &[Field] = &[
    need("image_url", Check::Object(&[need("url", Check::ImageUrl), keep("detail", shared::IMAGE_DETAIL)])),
    shared::CACHE_BREAKPOINT,
];

const USER_PARTS: Check = Check::List {
    max_items: shared::MAX_ITEMS,
    item: &Check::Tagged(Tagged {
        tag: "type",
        default: None,
        variants: &[("text", TEXT_PART), ("image_url", IMAGE_PART)],
        refused: &[("input_audio", reason::AUDIO), ("file", reason::FILE)],
    }),
};

const ASSISTANT_PARTS: Check = Check::List {
    max_items: shared::MAX_ITEMS,
    item: &Check::Tagged(Tagged {
        tag: "type",
        default: None,
        variants: &[("text", TEXT_PART), ("refusal", &[need("refusal", Check::Text)])],
        refused: &[],
    }),
};

// What SDKs add to a call they have read (`index` of a stream, `parsed_arguments`) is accepted and dropped.
const CALLED: &[Field] =
    &[need("name", Check::Name), need("arguments", Check::Text), drop("parsed_arguments", Check::Anything)];
const INDEX: Field = drop("index", Check::Integer(0, MAX_CALLS as i64));

const TOOL_CALL: Check = Check::Tagged(Tagged {
    tag: "type",
    default: None,
    variants: &[
        ("function", &[need("id", Check::ShortText(256)), need("function", Check::Object(CALLED)), INDEX]),
        (
            "custom",
            &[
                need("id", Check::ShortText(256)),
                need("custom", Check::Object(&[need("name", Check::Name), need("input", Check::Text)])),
                INDEX,
            ],
        ),
    ],
    refused: &[],
});

// Participants' names are free text in practice ("Ana María").
const NAME: Check = Check::ShortText(256);

const INSTRUCTION: &[Field] =
    &[need("content", Check::Either(&[Check::Text, TEXT_PARTS])), keep("name", NAME)];

const USER: &[Field] = &[need("content", Check::Either(&[Check::Text, USER_PARTS])), keep("name", NAME)];

// An answer is often sent back as it came, so what only answers carry is accepted and dropped.
const ASSISTANT: &[Field] = &[
    keep("content", Check::Either(&[Check::Text, ASSISTANT_PARTS])),
    keep("name", NAME),
    keep("refusal", Check::Text),
    keep("tool_calls", Check::List { max_items: MAX_CALLS, item: &TOOL_CALL }),
    keep("function_call", Check::Object(&[need("name", Check::Name), need("arguments", Check::Text)])),
    drop("annotations", Check::Anything),
    drop("parsed", Check::Anything),
    drop("reasoning_content", Check::Anything),
    refuse("audio", reason::STORED),
];

/// One message.
pub(super) const MESSAGE: Check = Check::Tagged(Tagged {
    tag: "role",
    default: None,
    variants: &[
        ("user", USER),
        ("assistant", ASSISTANT),
        ("system", INSTRUCTION),
        ("developer", INSTRUCTION),
        (
            "tool",
            &[
                need("content", Check::Either(&[Check::Text, TEXT_PARTS])),
                need("tool_call_id", Check::ShortText(256)),
                // Not in OpenAI's types, but in its cookbook, and sent by LangChain.js, CrewAI, Instructor and LiteLLM.
                keep("name", NAME),
            ],
        ),
        ("function", &[keep("content", Check::Text), need("name", Check::Name)]),
    ],
    refused: &[],
});
