"""A call that only another call holds back: the official client waits by itself, and its user gets an answer."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
from customer import Customer
from openai import OpenAI
from openai.types.chat import ChatCompletion
from operator_plans import free_plan
from provider import Provider


def test_a_call_that_finds_no_room_is_tried_again_and_answered(provider: Provider, tmp_path: Path):
    with free_plan("hold_wait_seconds = 0", tmp_path):
        customer = Customer.sign_up()
    secret, marked, served = customer.api_key(), str(uuid.uuid4()), provider.totals()["requests"]
    refusals = []

    def on_answer(answer: httpx2.Response) -> None:
        if answer.status_code == 200:
            return
        answer.read()
        refusals.append((answer.status_code, answer.json()["error"]["code"]))
        provider.release()

    with ThreadPoolExecutor() as threads:
        provider.stall(marked)
        first = threads.submit(ask, customer.openai(secret), f"{marked} [[output_tokens=20]]", 9_800)
        provider.wait_until_held(1)
        assert customer.standing()["reserved"] > 9_800, "one call holds nearly all of the plan"
        second = ask(customer.openai(secret, on_answer=on_answer), "Hello. [[output_tokens=30]]", 1_000)

    assert refusals and set(refusals) == {(429, "quota_held")}
    assert second.usage.completion_tokens == 30
    assert first.result().usage.completion_tokens == 20
    assert provider.totals()["requests"] == served + 2, "what was refused never reached the provider"
    assert customer.standing()["used"] == first.result().usage.total_tokens + second.usage.total_tokens


def ask(client: OpenAI, text: str, max_tokens: int) -> ChatCompletion:
    return client.chat.completions.create(
        model="gpt-5.4-mini", messages=[{"role": "user", "content": text}], max_tokens=max_tokens
    )
