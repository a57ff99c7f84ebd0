"""LangChain: a chat model, its agent loop, and embeddings, which are cut into tokens on this side."""

import os
from importlib.util import find_spec
from pathlib import Path

# Encodings that LiteLLM brings along; tiktoken would fetch them.
LITELLM = Path(find_spec("litellm").origin).parent
os.environ["TIKTOKEN_CACHE_DIR"] = str(LITELLM / "litellm_core_utils" / "tokenizers")

import suite
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel


def model(key: str = suite.KEY, **options: object) -> ChatOpenAI:
    return ChatOpenAI(base_url=suite.BASE_URL, api_key=key, model=suite.MODEL, **options)


class City(BaseModel):
    """A city."""

    name: str
    people: int


@suite.case("tools")
def tools() -> None:
    for chat in (model(), model(use_responses_api=True, store=False, include=["reasoning.encrypted_content"])):
        weather = suite.Weather()

        @tool
        def get_weather(city: str) -> str:
            """Tells the weather in a city."""
            return weather.ask(city)

        agent = create_agent(chat, [get_weather])
        messages = agent.invoke({"messages": [HumanMessage(suite.QUESTION)]})["messages"]
        weather.assert_used(messages[-1].text)


@suite.case("stream")
def stream() -> None:
    chunks = list(model(stream_usage=True).stream("Hello."))
    assert sum(bool(chunk.text) for chunk in chunks) > 3
    assert sum(chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata) > 0


@suite.case("structured")
def structured() -> None:
    for method in ("json_schema", "function_calling"):
        assert isinstance(model().with_structured_output(City, method=method).invoke("Name a city."), City)
    answer = model().with_structured_output(None, method="json_mode").invoke("Name a city, as JSON.")
    assert answer, "the object is empty"


@suite.case("image")
def image() -> None:
    see = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": suite.IMAGE}}]
    suite.assert_text(model().invoke([HumanMessage(see)]).text)


@suite.case("embeddings")
def embeddings() -> None:
    cutter = OpenAIEmbeddings(base_url=suite.BASE_URL, api_key=suite.KEY, model=suite.EMBEDDING_MODEL)
    suite.assert_vector(cutter.embed_documents(["toll", "gate"])[1])


@suite.case("refusal")
def refusal() -> None:
    suite.assert_refused(lambda: model(suite.SMALL_KEY).invoke("Hello."))


suite.run("langchain-openai")
