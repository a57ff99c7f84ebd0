"""At the limit: the official client raises its own error at once, the error says all, and the provider is not asked."""

import time
from datetime import datetime

import openai
import pytest
from customer import Customer
from openai import OpenAI
from provider import Provider

SHORT = [{"role": "user", "content": "Hello. [[output_tokens=16]]"}]
# The client's first pause before a retry is half a second at least.
AT_ONCE_SECONDS = 0.5


def test_the_client_raises_at_once_and_the_provider_is_not_asked(customer: Customer, provider: Provider):
    attempts = []
    small = customer.api_key([{"meter": "tokens", "period": "month", "amount": 100}])
    client = customer.openai(small, on_attempt=attempts.append)
    answered = use_up(client)
    served = provider.totals()["requests"]
    attempts.clear()

    started = time.monotonic()
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="gpt-5.4-mini", messages=SHORT)
    elapsed_seconds = time.monotonic() - started

    assert answered >= 1
    assert len(attempts) == 1, "the client did not try again"
    assert elapsed_seconds < AT_ONCE_SECONDS
    assert provider.totals()["requests"] == served, "nothing was sent upstream"
    assert (refused.value.status_code, refused.value.type) == (429, "insufficient_quota")
    assert refused.value.code == "key_budget_reached"


def test_the_error_tells_what_is_used_when_it_resets_and_where_to_get_more(customer: Customer):
    client = customer.openai(customer.api_key([{"meter": "tokens", "period": "month", "amount": 100}]))
    use_up(client)

    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="gpt-5.4-mini", messages=SHORT)

    error, headers = refused.value.body, refused.value.response.headers
    quota, limit = error["quota"], customer.standing(scope="api_key")
    assert set(error) == {"message", "type", "param", "code", "quota"}
    assert (quota["limit"], quota["used"], quota["reserved"]) == (100, limit["used"], 0)
    assert quota["remaining"] == limit["remaining"] < 100
    assert (quota["unit"], quota["scope"]) == ("tokens", "api_key")
    assert quota["upgrade_url"] is None
    assert "An admin of the account can raise it, and whoever made the key can make one" in error["message"]
    assert quota["needed"] > quota["remaining"]
    assert headers["x-should-retry"] == "false"

    resets_at = datetime.fromisoformat(quota["period_end"])
    assert resets_at == datetime.fromisoformat(limit["resets_at"]).replace(microsecond=0)
    assert "retry-after" not in headers
    assert headers["x-quota-reset"] == quota["period_end"]


def test_the_plan_of_the_account_is_a_limit_too(customer: Customer, provider: Provider):
    client, served = customer.openai(), provider.totals()["requests"]

    with pytest.raises(openai.RateLimitError) as refused:
        client.embeddings.create(model="text-embedding-3-small", input="toll " * 10_050)

    assert refused.value.code == "quota_exceeded"
    assert refused.value.body["quota"]["scope"] == "account"
    assert provider.totals()["requests"] == served
    assert customer.standing()["used"] == 0


def test_a_call_that_fits_is_clamped_to_what_is_left(customer: Customer):
    client = customer.openai(customer.api_key([{"meter": "tokens", "period": "month", "amount": 100}]))

    answer = client.chat.completions.create(
        model="gpt-5.4-mini", messages=[{"role": "user", "content": "Hello. [[output_tokens=500]]"}], max_tokens=500
    )

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.total_tokens <= 100


def test_a_stream_is_refused_like_any_call(customer: Customer):
    client = customer.openai(customer.api_key([{"meter": "requests", "period": "day", "amount": 1}]))
    client.chat.completions.create(model="gpt-5.4-mini", messages=SHORT)

    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="gpt-5.4-mini", messages=SHORT, stream=True)
    assert refused.value.body["quota"]["unit"] == "requests"


def test_a_key_s_cap_on_cost_refuses_in_nano_usd(customer: Customer):
    client = customer.openai(customer.api_key([{"meter": "cost", "period": "month", "amount": 1000}]))

    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="gpt-5.4-mini", messages=SHORT)
    assert refused.value.code == "key_budget_reached"
    assert (refused.value.body["quota"]["unit"], refused.value.body["quota"]["limit"]) == ("nano_usd", 1000)


def use_up(client: OpenAI) -> int:
    """Calls until the limit refuses; how many calls were answered."""
    for answered in range(100):
        try:
            client.chat.completions.create(model="gpt-5.4-mini", messages=SHORT)
        except openai.RateLimitError:
            return answered
    raise AssertionError("a hundred calls never met a limit of a hundred tokens")
