"""What every client of the suite is told, and how it tells what came of it: one line of JSON for each case."""

import asyncio
import inspect
import json
import os
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

BASE_URL = os.environ["SUITE_BASE_URL"]
KEY = os.environ["SUITE_KEY"]
# A key whose limit no call fits into.
SMALL_KEY = os.environ["SUITE_SMALL_KEY"]
MODEL = os.environ["SUITE_MODEL"]
EMBEDDING_MODEL = os.environ["SUITE_EMBEDDING_MODEL"]
# A PNG as a data URL.
IMAGE = os.environ["SUITE_IMAGE"]
# The driver looks for it in what reached the provider, so that a result the client drops is no success.
WEATHER = os.environ["SUITE_TOOL_RESULT"]
# A directory that is gone afterwards; home as well.
SCRATCH = Path(os.environ["SUITE_SCRATCH"])

# The stand-in calls a tool whose name or description it is asked for, and then answers in words.
QUESTION = "What is the weather in Paris?"
# A refusal at a limit is final: a client that waited to try again would take two minutes, a busy machine takes less.
MAX_REFUSAL_SECONDS = 60

_cases: dict[str, Callable[[], None | Awaitable[None]]] = {}


class Weather:
    """The tool of the story. Counts how often it was asked."""

    def __init__(self) -> None:
        self.cities: list[str] = []

    def ask(self, city: str) -> str:
        self.cities.append(city)
        return WEATHER

    def assert_used(self, answer: object) -> None:
        """The tool was called once, and what came of it was answered in words."""
        assert len(self.cities) == 1 and self.cities[0], f"the tool was called with {self.cities}"
        assert_text(answer)


def case(name: str) -> Callable[[Callable[[], None | Awaitable[None]]], None]:
    """Names a case. What it raises is why it failed."""

    def register(story: Callable[[], None | Awaitable[None]]) -> None:
        _cases[name] = story

    return register


def assert_text(answer: object) -> None:
    assert isinstance(answer, str) and answer.strip(), f"no text came: {answer!r}"


def assert_vector(vector: object) -> None:
    assert isinstance(vector, list) and len(vector) == 1536, "no vector of 1,536 numbers came"


def assert_refused(call: Callable[[], Any]) -> None:
    """The call fails soon, and what the user sees of it names the limit."""
    started = time.monotonic()
    try:
        answer = call()
    except Exception as error:
        seconds = time.monotonic() - started
        told = f"{type(error).__name__}: {error}"
        assert "limit" in told and "token" in told, f"the limit is not named in {told}"
        assert seconds < MAX_REFUSAL_SECONDS, f"the refusal came after {seconds:.0f} s"
    else:
        raise AssertionError(f"a call over the limit was answered: {answer!r}")


def run(distribution: str) -> None:
    """Runs the cases one after the other, whatever becomes of the others. SUITE_CASES names some of them."""
    tell(client=distribution, version=version(distribution))
    only = [name for name in os.environ.get("SUITE_CASES", "").split(",") if name]
    for name, story in _cases.items():
        if only and name not in only:
            continue
        try:
            told = story()
            if inspect.isawaitable(told):
                asyncio.run(_finish(told))
        except BaseException as error:
            tell(case=name, ok=False, error=f"{type(error).__name__}: {error}")
        else:
            tell(case=name, ok=True)


async def _finish(story: Awaitable[None]) -> None:
    await story


def tell(**said: Any) -> None:
    # The client's own output may stand on the line before.
    print("\n" + json.dumps(said), flush=True)
