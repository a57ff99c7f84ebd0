"""Refusals reach the caller as the official client's own exceptions; a replay as the first answer."""

import uuid

import openai
import pytest
from customer import Customer
from openai import OpenAI
from provider import Provider

HELLO = [{"role": "user", "content": "Hello. [[output_tokens=18]]"}]


@pytest.mark.parametrize("secret", ["sk-oct-" + "0" * 64, "sk-proj-somebody-elses", "a.b.c"])
def test_an_unknown_key_is_an_authentication_error(customer: Customer, secret: str):
    with pytest.raises(openai.AuthenticationError) as refused:
        customer.openai(secret).chat.completions.create(model="gpt-5.4-mini", messages=HELLO)
    assert refused.value.code == "invalid_api_key"
    assert secret not in str(refused.value)


def test_a_revoked_key_is_an_authentication_error(customer: Customer):
    [key] = customer.rpc("create_api_key", name="short-lived")
    client = customer.openai(key["secret"])
    client.models.list()

    assert customer.rpc("revoke_api_key", id=key["id"]) is True
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="gpt-5.4-mini", messages=HELLO)


def test_a_bad_parameter_is_a_bad_request_that_names_it(client: OpenAI, provider: Provider):
    served = provider.totals()["requests"]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gpt-5.4-mini", messages=HELLO, extra_body={"mystery": 1})
    assert refused.value.param == "mystery"
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="gpt-5.6-luna", input="x", previous_response_id="resp_of_somebody")
    assert refused.value.param == "previous_response_id"
    assert provider.totals()["requests"] == served


def test_a_model_that_is_not_offered_is_not_found(client: OpenAI):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-99", messages=HELLO)
    assert refused.value.code == "model_not_found"


def test_an_endpoint_that_is_not_served_is_not_found(client: OpenAI):
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="x")


def test_an_idempotency_key_replays_the_first_answer(customer: Customer, client: OpenAI, provider: Provider):
    promise = {"Idempotency-Key": str(uuid.uuid4())}
    first = client.chat.completions.create(model="gpt-5.4-mini", messages=HELLO, extra_headers=promise)
    served, used = provider.totals()["requests"], customer.standing()["used"]

    again = client.chat.completions.with_raw_response.create(
        model="gpt-5.4-mini", messages=HELLO, extra_headers=promise
    )

    assert again.parse() == first
    assert again.headers["idempotent-replayed"] == "true"
    assert provider.totals()["requests"] == served
    assert customer.standing()["used"] == used


def test_an_idempotency_key_with_another_body_is_a_conflict_that_is_not_retried(customer: Customer):
    attempts = []
    client = customer.openai(on_attempt=attempts.append)
    promise = {"Idempotency-Key": str(uuid.uuid4())}
    client.chat.completions.create(model="gpt-5.4-mini", messages=HELLO, extra_headers=promise)
    attempts.clear()

    with pytest.raises(openai.ConflictError) as refused:
        client.chat.completions.create(model="gpt-5.4", messages=HELLO, extra_headers=promise)
    assert refused.value.type == "idempotency_error"
    assert len(attempts) == 1


def test_an_idempotency_key_is_its_account_s_own(provider: Provider):
    promise = {"Idempotency-Key": str(uuid.uuid4())}
    served = provider.totals()["requests"]
    for _ in range(2):
        Customer.sign_up().openai().chat.completions.create(
            model="gpt-5.4-mini", messages=HELLO, extra_headers=promise
        )
    assert provider.totals()["requests"] == served + 2
