"""The Responses API, embeddings and models through the official client."""

import openai
import pytest
from customer import Customer
from openai import OpenAI
from provider import Provider


def test_a_plain_response_is_metered(customer: Customer, client: OpenAI, provider: Provider):
    response = client.responses.create(model="gpt-5.6-luna", input="Say it short. [[output_tokens=21]]")

    assert response.status == "completed"
    assert response.output_text
    assert response.usage.output_tokens == 21
    booked = customer.last_request()
    assert (booked["endpoint"], booked["total_tokens"]) == ("responses", response.usage.total_tokens)
    assert provider.last()["output_tokens"] == 21


def test_a_streamed_response_ends_with_its_usage(customer: Customer, client: OpenAI):
    stream = client.responses.create(model="gpt-5.6-luna", input="Say it short. [[output_tokens=21]]", stream=True)
    events = list(stream)

    assert events[0].type == "response.created"
    assert any(event.type == "response.output_text.delta" for event in events)
    assert events[-1].type == "response.completed"
    assert customer.last_request()["total_tokens"] == events[-1].response.usage.total_tokens


def test_the_streaming_helper_works(client: OpenAI):
    with client.responses.stream(model="gpt-5.6-luna", input="Say it short. [[output_tokens=21]]") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text


def test_embeddings_are_metered_by_their_input(customer: Customer, client: OpenAI):
    answer = client.embeddings.create(model="text-embedding-3-small", input=["toll", "gate of a city"])

    assert [item.index for item in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) == 1536
    booked = customer.last_request()
    assert (booked["input_tokens"], booked["output_tokens"]) == (answer.usage.prompt_tokens, 0)
    # $0.02 a million tokens
    assert booked["cost_nano_usd"] == answer.usage.prompt_tokens * 20


def test_models_are_the_priced_ones(client: OpenAI):
    listed = {model.id for model in client.models.list()}

    assert {"gpt-5.4-mini", "gpt-5.6-luna", "text-embedding-3-small"} <= listed
    assert client.models.retrieve("gpt-5.6-luna").id == "gpt-5.6-luna"


def test_an_unknown_model_is_not_found(client: OpenAI):
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-99")
    assert refused.value.code == "model_not_found"
