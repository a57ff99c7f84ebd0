//! Rules and reasons that more than one endpoint uses.

use super::rules::{Check, Field, drop, keep, need};

/// Reasons for refusals, written for the client.
pub(super) mod reason {
    pub const STORED: &str =
        "state stored at the provider is shared by every account; send the whole context instead";
    pub const ITEM_REFERENCE: &str = "it names an item stored at the provider, whose store every account shares; \
        send the item itself, as SDKs do with `store: false` (Vercel AI SDK: `providerOptions.openai.store = false`, \
        or `openai.chat(model)`)";
    pub const PREVIOUS_RESPONSE: &str = "it names a response stored at the provider, whose store every account \
        shares; leave it out and send the earlier input and output, as SDKs do with `store: false` (Microsoft Agent \
        Framework: `OpenAIChatCompletionClient`)";
    pub const ASYNC: &str = "a call that runs on beside the answer has no bound yet";
    pub const FILE: &str = "the tokens of a file cannot be bounded before it is read; send its text instead";
    pub const AUDIO: &str = "audio tokens cannot be bounded before the call";
    pub const PREDICTION: &str = "rejected prediction tokens are billed outside the output limit";
    pub const HOSTED_TOOL: &str = "tools run by the provider add tokens and fees that no limit bounds";
    pub const BACKGROUND: &str = "a call must end on the connection that began it, so that it can be metered";
    pub const MODERATION: &str = "moderation adds model calls that are not priced";
    pub const COMPACTION: &str = "compaction adds model calls that no limit bounds";
    pub const ITEM: &str = "items of tools run by the provider, or stored by it, are not accepted";
    pub const DEFERRED: &str = "deferred tools need a tool run by the provider";
}

/// More output than any model makes; a larger number is a mistake, not a wish.
pub(super) const MAX_OUTPUT_TOKENS: i64 = 10_000_000;

/// The provider's own limit is 128; a few more cost nothing.
pub(super) const MAX_TOOLS: usize = 256;

/// More messages or items than any context window holds.
pub(super) const MAX_ITEMS: usize = 20_000;

/// Tiers are checked so that a typing error is told, then forced to `default`: others have other prices.
pub(super) const SERVICE_TIER: Check =
    Check::OneOf(&["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]);

pub(super) const REASONING_EFFORT: Check =
    Check::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

pub(super) const VERBOSITY: Check = Check::OneOf(&["low", "medium", "high"]);

/// 16 pairs of at most 512 bytes, as the provider has it.
pub(super) const METADATA: Check = Check::Map { max_entries: 16, value: &Check::ShortText(512) };

const CACHE_MODE: Field = keep("mode", Check::OneOf(&["implicit", "explicit"]));

/// Where the answer does not say what was written for how long: the longer time costs more.
pub(super) const CACHE_OPTIONS: Check = Check::Object(&[CACHE_MODE, keep("ttl", Check::OneOf(&["30m"]))]);

/// Where the answer says it. An earlier response's id only asks for a diagnosis beside the answer, of a response that the
/// provider does not have: nothing is stored.
pub(super) const CACHE_OPTIONS_WITH_12H: Check = Check::Object(&[
    CACHE_MODE,
    keep("ttl", Check::OneOf(&["30m", "12h"])),
    drop("comparison_response_id", Check::ShortText(512)),
]);

pub(super) const CACHE_RETENTION: Check = Check::OneOf(&["in_memory", "in-memory", "24h"]);

pub(super) const CACHE_BREAKPOINT: Field =
    keep("prompt_cache_breakpoint", Check::Object(&[need("mode", Check::OneOf(&["explicit"]))]));

pub(super) const IMAGE_DETAIL: Check = Check::OneOf(&["auto", "low", "high", "original"]);

/// A client's cache key is only hashed, never sent.
pub(super) const CACHE_KEY: Check = Check::ShortText(1024);

/// An identifier that is dropped.
pub(super) const IDENTIFIER: Check = Check::ShortText(512);

pub(super) const STOP: Check =
    Check::Either(&[Check::Text, Check::List { max_items: 4, item: &Check::Text }]);

pub(super) const SCHEMA_FORMAT: &[Field] = &[
    need("name", Check::Name),
    keep("description", Check::Text),
    keep("schema", Check::AnyObject),
    keep("strict", Check::Bool),
];
