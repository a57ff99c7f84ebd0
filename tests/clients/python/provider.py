"""The provider's own books, kept by the stand-in: what it served, and what that used. And what it is told to do."""

import os
from typing import Any

import httpx2

SIM_URL = os.environ["OCTROI_SIM_URL"]


class Provider:
    def totals(self) -> dict[str, Any]:
        return self._ledger()["totals"]

    def last(self) -> dict[str, Any]:
        """What the provider counted for its latest call."""
        return self._ledger()["entries"][-1]

    def last_body(self) -> str:
        """The latest request as it reached the provider."""
        return httpx2.get(f"{SIM_URL}/sim/requests").json()[-1]["body"]

    def stall(self, text: str) -> None:
        """The next request that has `text` in it gets no answer until `release`."""
        fault = {"match": {"body_contains": text}, "kind": {"stall_before_headers": {}}}
        httpx2.post(f"{SIM_URL}/sim/faults", json=fault).raise_for_status()

    def wait_until_held(self, answers: int) -> None:
        """Returns once so many answers are stalled."""
        wait = {"held": answers, "timeout_ms": 10_000}
        httpx2.get(f"{SIM_URL}/sim/state", params=wait, timeout=15).raise_for_status()

    def release(self) -> None:
        """Lets all stalled answers go."""
        httpx2.post(f"{SIM_URL}/sim/release").raise_for_status()

    def _ledger(self) -> dict[str, Any]:
        answer = httpx2.get(f"{SIM_URL}/sim/ledger")
        answer.raise_for_status()
        return answer.json()
