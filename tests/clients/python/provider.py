"""The provider's own books, kept by the stand-in: what it served, and what that used."""

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

    def _ledger(self) -> dict[str, Any]:
        answer = httpx2.get(f"{SIM_URL}/sim/ledger")
        answer.raise_for_status()
        return answer.json()
