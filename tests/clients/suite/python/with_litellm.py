"""LiteLLM as a client."""

import json

import litellm
import suite
from pydantic import BaseModel

AT = {"api_base": suite.BASE_URL, "api_key": suite.KEY, "model": f"openai/{suite.MODEL}"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
GET_WEATHER = {"name": "get_weather", "description": "Tells the weather in a city.", "parameters": PARAMETERS}


class City(BaseModel):
    name: str
    people: int


def user(content: object) -> list:
    return [{"role": "user", "content": content}]


@suite.case("tools")
def tools() -> None:
    weather, messages = suite.Weather(), user(suite.QUESTION)
    tools = [{"type": "function", "function": GET_WEATHER}]
    asked = litellm.completion(messages=messages, tools=tools, tool_choice="auto", **AT).choices[0].message
    [call] = asked.tool_calls
    result = weather.ask(json.loads(call.function.arguments)["city"])
    # As LiteLLM's documentation has it, with the tool's name.
    told = {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": result}
    answer = litellm.completion(messages=[*messages, asked, told], tools=tools, **AT)
    weather.assert_used(answer.choices[0].message.content)


@suite.case("stream")
def stream() -> None:
    chunks = list(litellm.completion(messages=user("Hello."), stream=True, **AT))
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks if chunk.choices) > 3


@suite.case("structured")
def structured() -> None:
    answer = litellm.completion(messages=user("Name a city."), response_format=City, **AT)
    assert City.model_validate_json(answer.choices[0].message.content)


@suite.case("image")
def image() -> None:
    see = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": suite.IMAGE}}]
    suite.assert_text(litellm.completion(messages=user(see), **AT).choices[0].message.content)


@suite.case("embeddings")
def embeddings() -> None:
    answer = litellm.embedding(input=["toll", "gate"], **{**AT, "model": f"openai/{suite.EMBEDDING_MODEL}"})
    suite.assert_vector(answer.data[1]["embedding"])


@suite.case("refusal")
def refusal() -> None:
    suite.assert_refused(lambda: litellm.completion(messages=user("Hello."), **{**AT, "api_key": suite.SMALL_KEY}))


suite.run("litellm")
