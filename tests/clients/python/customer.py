"""A customer of a product that runs on Octroi: signs up through Supabase Auth, asks the Data API, calls the gateway."""

import os
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
from openai import OpenAI

SUPABASE_URL = os.environ["SUPABASE_URL"]
PUBLISHABLE_KEY = os.environ["SUPABASE_PUBLISHABLE_KEY"]
GATEWAY_URL = os.environ["OCTROI_URL"] + "/v1"


class Customer:
    """A user who has just signed up, with their access token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._http = httpx2.Client(
            base_url=SUPABASE_URL,
            headers={"apikey": PUBLISHABLE_KEY, "authorization": f"Bearer {token}", "content-profile": "octroi"},
        )

    @classmethod
    def sign_up(cls) -> "Customer":
        answer = httpx2.post(
            f"{SUPABASE_URL}/auth/v1/signup",
            headers={"apikey": PUBLISHABLE_KEY},
            json={"email": f"{uuid.uuid4()}@example.test", "password": uuid.uuid4().hex},
        )
        answer.raise_for_status()
        return cls(answer.json()["access_token"])

    def rpc(self, function: str, /, **arguments: Any) -> Any:
        answer = self._http.post(f"/rest/v1/rpc/{function}", json=arguments)
        answer.raise_for_status()
        return answer.json()

    def api_key(self, limits: list[dict[str, Any]] | None = None) -> str:
        [key] = self.rpc("create_api_key", name="tests", limits=limits or [])
        return key["secret"]

    def openai(
        self,
        secret: str | None = None,
        on_attempt: Callable[..., None] | None = None,
        on_answer: Callable[..., None] | None = None,
    ) -> OpenAI:
        """The official client, told nothing but where to call and with which key."""
        hooks = {"request": [on_attempt] if on_attempt else [], "response": [on_answer] if on_answer else []}
        http = httpx2.Client(event_hooks=hooks) if on_attempt or on_answer else None
        return OpenAI(base_url=GATEWAY_URL, api_key=secret or self.api_key(), http_client=http)

    def standing(self, meter: str = "tokens", scope: str = "account") -> dict[str, Any]:
        """The one limit of this scope on this meter."""
        [limit] = [row for row in self.rpc("my_quota") if (row["meter"], row["scope"]) == (meter, scope)]
        return limit

    def last_request(self) -> dict[str, Any]:
        [newest] = self.rpc("my_requests", max_rows=1)
        return newest
