"""Chat completions through the official client, unchanged: the answer is OpenAI's, the books agree to the token."""

import base64
import json

from customer import Customer
from openai import OpenAI
from provider import Provider

QUESTION = [{"role": "user", "content": "What is an octroi? [[output_tokens=37]]"}]


def test_a_plain_answer_is_metered_as_the_provider_counted_it(customer: Customer, client: OpenAI, provider: Provider):
    answer = client.chat.completions.create(model="gpt-5.4-mini", messages=QUESTION)

    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens == 37
    assert_booked(customer, provider, "chat.completions", answer.usage.prompt_tokens, 37)
    assert customer.standing()["used"] == answer.usage.total_tokens
    assert customer.standing()["reserved"] == 0


def test_a_stream_arrives_in_pieces_and_shows_no_usage_unless_asked(
    customer: Customer, client: OpenAI, provider: Provider
):
    chunks = list(client.chat.completions.create(model="gpt-5.4-mini", messages=QUESTION, stream=True))

    assert len(chunks) > 3
    assert all(chunk.choices for chunk in chunks), "the usage chunk that Octroi asked for stays with Octroi"
    assert not any(chunk.usage for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert_booked(customer, provider, "chat.completions", provider.last()["input_tokens"], 37)


def test_a_stream_shows_its_usage_when_asked(customer: Customer, client: OpenAI, provider: Provider):
    chunks = list(
        client.chat.completions.create(
            model="gpt-5.4-mini", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 37
    assert_booked(customer, provider, "chat.completions", chunks[-1].usage.prompt_tokens, 37)


def test_pools_of_a_reasoning_model_are_kept_apart(customer: Customer, client: OpenAI):
    answer = client.chat.completions.create(
        model="gpt-5.6-luna",
        messages=[{"role": "user", "content": "Think. [[output_tokens=80]] [[reasoning_tokens=64]]"}],
    )

    assert answer.usage.completion_tokens_details.reasoning_tokens == 64
    booked = customer.last_request()
    assert (booked["output_tokens"], booked["reasoning_tokens"]) == (80, 64)
    # $0.20 and $1.20 a million tokens, in billionths of a dollar
    assert booked["cost_nano_usd"] == answer.usage.prompt_tokens * 200 + 80 * 1200


def test_several_choices_are_all_counted(customer: Customer, client: OpenAI):
    answer = client.chat.completions.create(model="gpt-5.4-mini", messages=QUESTION, n=3, max_tokens=50)

    assert len(answer.choices) == 3
    assert customer.last_request()["output_tokens"] == answer.usage.completion_tokens == 3 * 37


def test_tools_and_structured_output_pass_through(client: OpenAI):
    weather = {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    called = client.chat.completions.create(
        model="gpt-5.4-mini", messages=QUESTION, tools=[weather], tool_choice="required"
    )
    assert called.choices[0].message.tool_calls[0].function.name == "weather"

    shape = {
        "name": "city",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    shaped = client.chat.completions.create(
        model="gpt-5.4-mini",
        messages=[{"role": "user", "content": "Name a city."}],
        response_format={"type": "json_schema", "json_schema": shape},
    )
    assert "city" in json.loads(shaped.choices[0].message.content)


def test_an_access_token_works_in_place_of_a_key(customer: Customer, provider: Provider):
    answer = customer.openai(secret=customer.token).chat.completions.create(model="gpt-5.4-mini", messages=QUESTION)

    assert_booked(customer, provider, "chat.completions", answer.usage.prompt_tokens, 37)


def test_the_provider_learns_no_user_id_and_stores_nothing(customer: Customer, client: OpenAI, provider: Provider):
    client.chat.completions.create(model="gpt-5.4-mini", messages=QUESTION)

    sent = json.loads(provider.last_body())
    user_id = json.loads(decode_segment(customer.token.split(".")[1]))["sub"]
    assert sent["store"] is False
    assert sent["safety_identifier"]
    assert user_id not in provider.last_body()


def decode_segment(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def assert_booked(
    customer: Customer, provider: Provider, endpoint: str, input_tokens: int, output_tokens: int
) -> None:
    """The customer's list, and the provider's ledger, say this of the latest call."""
    booked, served = customer.last_request(), provider.last()
    assert (booked["state"], booked["source"], booked["endpoint"]) == ("settled", "provider", endpoint)
    assert (booked["input_tokens"], booked["output_tokens"]) == (input_tokens, output_tokens)
    assert (served["input_tokens"], served["output_tokens"]) == (input_tokens, output_tokens)
