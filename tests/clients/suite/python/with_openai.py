"""openai-python, on both of OpenAI's endpoints."""

import json

import suite
from openai import OpenAI, pydantic_function_tool
from pydantic import BaseModel

client = OpenAI(base_url=suite.BASE_URL, api_key=suite.KEY)
SEE = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": suite.IMAGE}},
]


class GetWeather(BaseModel):
    """Tells the weather in a city."""

    city: str


class City(BaseModel):
    name: str
    people: int


@suite.case("tools")
def tools() -> None:
    weather, messages = suite.Weather(), [{"role": "user", "content": suite.QUESTION}]
    tools = [pydantic_function_tool(GetWeather, name="get_weather")]
    asked = client.chat.completions.create(model=suite.MODEL, messages=messages, tools=tools).choices[0].message
    [call] = asked.tool_calls
    result = weather.ask(json.loads(call.function.arguments)["city"])
    # OpenAI's cookbook sends the tool's name with its result.
    told = {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": result}
    answer = client.chat.completions.create(model=suite.MODEL, messages=[*messages, asked, told], tools=tools)
    weather.assert_used(answer.choices[0].message.content)


@suite.case("responses")
def responses() -> None:
    weather, context = suite.Weather(), [{"role": "user", "content": suite.QUESTION}]
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    tools = [{"type": "function", "name": "get_weather", "parameters": parameters, "strict": True}]

    def ask():
        return client.responses.create(
            model=suite.MODEL, input=context, tools=tools, store=False, include=["reasoning.encrypted_content"]
        )

    asked = ask()
    [reasoning, call] = asked.output
    assert reasoning.encrypted_content, "the reasoning cannot be carried on"
    result = weather.ask(json.loads(call.arguments)["city"])
    context += [*asked.output, {"type": "function_call_output", "call_id": call.call_id, "output": result}]
    weather.assert_used(ask().output_text)


@suite.case("stream")
def stream() -> None:
    with client.chat.completions.stream(
        model=suite.MODEL, messages=[{"role": "user", "content": "Hello."}], stream_options={"include_usage": True}
    ) as events:
        deltas = [event.delta for event in events if event.type == "content.delta"]
        last = events.get_final_completion()
    assert len(deltas) > 3 and "".join(deltas) == last.choices[0].message.content
    assert last.usage.total_tokens > 0
    events = list(client.responses.create(model=suite.MODEL, input="Hello.", stream=True))
    assert events[-1].type == "response.completed"
    suite.assert_text(events[-1].response.output_text)


@suite.case("structured")
def structured() -> None:
    ask = [{"role": "user", "content": "Name a city."}]
    parsed = client.chat.completions.parse(model=suite.MODEL, messages=ask, response_format=City)
    assert isinstance(parsed.choices[0].message.parsed, City)
    assert isinstance(client.responses.parse(model=suite.MODEL, input=ask, text_format=City).output_parsed, City)
    ask = [{"role": "user", "content": "Name a city, as JSON."}]
    answer = client.chat.completions.create(model=suite.MODEL, messages=ask, response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content)


@suite.case("logprobs")
def logprobs() -> None:
    answer = client.chat.completions.create(
        model=suite.MODEL,
        messages=[{"role": "user", "content": "Hello."}],
        logprobs=True,
        top_logprobs=2,
        reasoning_effort="none",
    )
    tokens = answer.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content
    assert all(len(token.top_logprobs) == 2 for token in tokens)


@suite.case("image")
def image() -> None:
    answer = client.chat.completions.create(model=suite.MODEL, messages=[{"role": "user", "content": SEE}])
    suite.assert_text(answer.choices[0].message.content)
    see = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": suite.IMAGE}]
    answer = client.responses.create(model=suite.MODEL, input=[{"role": "user", "content": see}])
    suite.assert_text(answer.output_text)


@suite.case("embeddings")
def embeddings() -> None:
    answer = client.embeddings.create(model=suite.EMBEDDING_MODEL, input=["toll", "gate"])
    assert len(answer.data) == 2
    suite.assert_vector(answer.data[1].embedding)


@suite.case("refusal")
def refusal() -> None:
    small = OpenAI(base_url=suite.BASE_URL, api_key=suite.SMALL_KEY)
    ask = [{"role": "user", "content": "Hello."}]
    suite.assert_refused(lambda: small.chat.completions.create(model=suite.MODEL, messages=ask))
    suite.assert_refused(lambda: small.responses.create(model=suite.MODEL, input="Hello."))


suite.run("openai")
