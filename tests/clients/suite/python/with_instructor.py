"""Instructor: typed answers, and the question again when one does not fit."""

from typing import Any

import instructor
import suite
from openai import OpenAI
from pydantic import BaseModel, field_validator

ASK = {"model": suite.MODEL, "messages": [{"role": "user", "content": "Name a city."}]}


class City(BaseModel):
    name: str
    people: int


def client(mode: instructor.Mode = instructor.Mode.TOOLS, key: str = suite.KEY) -> Any:
    return instructor.from_openai(OpenAI(base_url=suite.BASE_URL, api_key=key), mode=mode)


@suite.case("tools")
def tools() -> None:
    """The answer is a tool's call; one that does not validate is asked for again, with what was wrong as its result."""
    weather = suite.Weather()

    class Doubted(City):
        @field_validator("name")
        @classmethod
        def is_known(cls, name: str) -> str:
            if not weather.cities:
                raise ValueError(weather.ask(name))
            return name

    assert isinstance(client().create(response_model=Doubted, max_retries=2, **ASK), Doubted)
    assert len(weather.cities) == 1


@suite.case("structured")
def structured() -> None:
    for mode in (instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS_STRICT):
        assert isinstance(client(mode).create(response_model=City, **ASK), City)


@suite.case("stream")
def stream() -> None:
    cities = list(client().create_partial(response_model=City, **ASK))
    assert len(cities) > 1 and cities[-1].name


@suite.case("image")
def image() -> None:
    see = ["What is this?", instructor.Image.from_base64(suite.IMAGE)]
    ask = {"model": suite.MODEL, "messages": [{"role": "user", "content": see}]}
    assert isinstance(client().create(response_model=City, **ask), City)


@suite.case("refusal")
def refusal() -> None:
    suite.assert_refused(lambda: client(key=suite.SMALL_KEY).create(response_model=City, **ASK))


suite.run("instructor")
