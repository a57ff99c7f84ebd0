//! What the model answers: how much it thinks, what it says, and why it ends.

mod prompt_cache;
mod random;
mod schema;
mod text;
mod wishes;

use serde_json::Value;

use super::ledger::Pools;
use super::models::{Kind, Model};
use super::tokens::Prompt;
pub use prompt_cache::PromptCache;
pub use random::Random;
pub use text::{Piece, warm};
pub use wishes::Wishes;

/// The shortest answer that ends by itself, and by how much longer ones are at most, in tokens.
const SHORTEST_ANSWER_TOKENS: u64 = 24;
const ANSWER_SPREAD_TOKENS: u64 = 96;
/// Reasoning comes in steps of this many tokens.
const REASONING_STEP_TOKENS: u64 = 64;
const MAX_REASONING_STEPS: u64 = 4;

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Words.
    Prose,
    /// JSON that fits a schema.
    Json {
        /// The JSON Schema.
        schema: Value,
    },
    /// A call of one of the request's tools.
    Call {
        /// The tool.
        name: String,
        /// The JSON Schema of its arguments.
        schema: Value,
    },
}

/// How much a request lets a reasoning model think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Not at all.
    None,
    /// One step.
    Low,
    /// As the request's bytes have it.
    Usual,
    /// As the model does unless it is told.
    Unsaid,
}

impl Effort {
    /// Reads `reasoning_effort` or `reasoning.effort`.
    pub fn named(name: Option<&str>) -> Self {
        match name {
            Some("none" | "minimal") => Self::None,
            Some("low") => Self::Low,
            Some(_) => Self::Usual,
            None => Self::Unsaid,
        }
    }
}

/// Why a choice ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All is said.
    Stop,
    /// The limit on its output is reached.
    Length,
    /// A tool must be called first.
    ToolCall,
}

/// One of the `n` answers.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Tokens thought before the first piece.
    pub reasoning_tokens: u64,
    /// What is said, piece by piece.
    pub pieces: Vec<Piece>,
    /// The tool that is called, if the pieces are a tool's arguments.
    pub tool: Option<String>,
    /// Why it ends.
    pub finish: Finish,
}

impl Choice {
    /// All that is said.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn output_tokens(&self) -> u64 {
        self.reasoning_tokens + self.pieces.iter().map(|piece| piece.tokens).sum::<u64>()
    }
}

/// Everything an answer follows from.
#[derive(Debug)]
pub struct Ask<'r> {
    /// The model that answers.
    pub model: &'static Model,
    /// The limit on each choice, in tokens; the model's own holds too.
    pub max_output_tokens: Option<u64>,
    /// How many answers, `n`.
    pub choices: u64,
    /// The form they take.
    pub form: Form,
    /// How much is thought.
    pub effort: Effort,
    /// Numbers that are fixed.
    pub wishes: Wishes,
    /// The input.
    pub prompt: &'r Prompt,
    /// The leading tokens of it that the prompt cache holds.
    pub cached_tokens: u64,
}

/// The answers to one request, and what they cost.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The choices, `n` of them.
    pub choices: Vec<Choice>,
    /// The meter's reading once all of it is generated.
    pub pools: Pools,
}

/// Composes the answer. The same request always gets the same one.
pub fn compose(ask: &Ask<'_>, mut random: Random) -> Answer {
    let choices: Vec<Choice> = (0..ask.choices).map(|_| choice(ask, &mut random)).collect();
    let input = ask.prompt.total();
    let cached = ask.wishes.cached_tokens.unwrap_or(ask.cached_tokens).min(input);
    let output = choices.iter().map(Choice::output_tokens).sum();
    let reasoning = choices.iter().map(|choice| choice.reasoning_tokens).sum();
    let audio = ask.wishes.audio_tokens.unwrap_or(0) * ask.choices;
    let written = ask.wishes.cache_write_tokens.unwrap_or(0).min(input - cached);
    let pools = Pools {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_tokens: written,
        cache_write_12h_tokens: ask.wishes.cache_write_12h_tokens.unwrap_or(0).min(written),
        audio_input_tokens: ask.wishes.audio_input_tokens.unwrap_or(0).min(input),
        output_tokens: output,
        reasoning_tokens: reasoning,
        audio_output_tokens: audio.min(output - reasoning),
    };
    Answer { choices, pools }
}

fn choice(ask: &Ask<'_>, random: &mut Random) -> Choice {
    let (reasons, model_limit) = match ask.model.kind {
        Kind::Text { reasoning, max_output_tokens } => (reasoning, max_output_tokens),
        Kind::Embedding { .. } => (false, 0),
    };
    let limit = ask.max_output_tokens.unwrap_or(model_limit).min(model_limit);
    let wanted_reasoning = reasoning_tokens(ask, reasons, random);
    let reasoning_tokens = wanted_reasoning.min(limit);
    let room = limit - reasoning_tokens;
    let encoding = ask.model.encoding;
    let (tool, said) = match &ask.form {
        Form::Prose => {
            let natural = SHORTEST_ANSWER_TOKENS + random.below(ANSWER_SPREAD_TOKENS);
            let wanted = ask.wishes.output_tokens.map_or(natural, |wish| wish - wanted_reasoning);
            let length = Finish::Length;
            let finish = if wanted > room { length } else { Finish::Stop };
            let pieces = text::prose(encoding, wanted.min(room), random);
            return Choice { reasoning_tokens, pieces, tool: None, finish };
        }
        Form::Json { schema } => (None, schema::sample(schema)),
        Form::Call { name, schema } => (Some(name.clone()), schema::sample(schema)),
    };
    let whole = text::cut(encoding, &said.to_string());
    let pieces = fitting(&whole, room);
    let finish = match (pieces.len() == whole.len(), &tool) {
        (false, _) => Finish::Length,
        (true, Some(_)) => Finish::ToolCall,
        (true, None) => Finish::Stop,
    };
    Choice { reasoning_tokens, pieces, tool, finish }
}

fn reasoning_tokens(ask: &Ask<'_>, reasons: bool, random: &mut Random) -> u64 {
    let most = ask.wishes.output_tokens.unwrap_or(u64::MAX);
    if let Some(wish) = ask.wishes.reasoning_tokens {
        return wish.min(most);
    }
    let steps = match ask.effort {
        Effort::None => 0,
        Effort::Low => 1,
        Effort::Unsaid if !ask.model.thinks_unasked => 0,
        Effort::Usual | Effort::Unsaid => 1 + random.below(MAX_REASONING_STEPS),
    };
    if reasons { (steps * REASONING_STEP_TOKENS).min(most / 2) } else { 0 }
}

/// The leading pieces that fit into `room` tokens.
fn fitting(pieces: &[Piece], mut room: u64) -> Vec<Piece> {
    let fits = |piece: &&Piece| {
        let fits = piece.tokens <= room;
        room -= if fits { piece.tokens } else { 0 };
        fits
    };
    pieces.iter().take_while(fits).cloned().collect()
}
