"""The `llm` command, with the models of a file as its documentation has it."""

import base64
import json
import os
import subprocess
import sys

import suite

HOME = suite.SCRATCH
MODELS = f"""
- model_id: chat
  model_name: {suite.MODEL}
  api_base: {suite.BASE_URL}
  api_key_name: octroi
  supports_tools: true
  supports_schema: true
  vision: true
"""
TOOL = f"""
def get_weather(city: str) -> str:
    "Tells the weather in a city."
    return {suite.WEATHER!r}
"""
MAX_RUN_SECONDS = 60


def llm(*arguments: str, key: str = suite.KEY) -> str:
    environment = {**os.environ, "LLM_USER_PATH": str(HOME)}
    (HOME / "keys.json").write_text(json.dumps({"octroi": key}))
    ran = subprocess.run(
        [sys.executable, "-m", "llm", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=MAX_RUN_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr.strip())
    return ran.stdout


@suite.case("tools")
def tools() -> None:
    (HOME / "tool.py").write_text(TOOL)
    suite.assert_text(llm("-m", "chat", "--functions", str(HOME / "tool.py"), suite.QUESTION))


@suite.case("stream")
def stream() -> None:
    suite.assert_text(llm("-m", "chat", "Hello."))
    suite.assert_text(llm("-m", "chat", "--continue", "And then?"))


@suite.case("structured")
def structured() -> None:
    assert json.loads(llm("-m", "chat", "--schema", "name, people int", "Name a city.")).keys() == {"name", "people"}


@suite.case("image")
def image() -> None:
    file = HOME / "image.png"
    file.write_bytes(base64.b64decode(suite.IMAGE.partition(",")[2]))
    suite.assert_text(llm("-m", "chat", "What is this?", "-a", str(file)))


@suite.case("refusal")
def refusal() -> None:
    suite.assert_refused(lambda: llm("-m", "chat", "Hello.", key=suite.SMALL_KEY))


HOME.joinpath("extra-openai-models.yaml").write_text(MODELS)
suite.run("llm")
