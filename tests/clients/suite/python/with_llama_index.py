"""LlamaIndex: a model, its agent loop and embeddings."""

import suite
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI, OpenAIResponses
from pydantic import BaseModel

GATEWAY = {"api_base": suite.BASE_URL}


class City(BaseModel):
    """A city."""

    name: str
    people: int


def models(key: str = suite.KEY) -> list:
    return [
        OpenAI(model=suite.MODEL, api_key=key, **GATEWAY),
        OpenAIResponses(model=suite.MODEL, api_key=key, **GATEWAY),
    ]


@suite.case("tools")
async def tools() -> None:
    for model in models():
        weather = suite.Weather()

        def get_weather(city: str) -> str:
            """Tells the weather in a city."""
            return weather.ask(city)

        told = await FunctionAgent(tools=[get_weather], llm=model).run(suite.QUESTION)
        weather.assert_used(str(told))


@suite.case("stream")
def stream() -> None:
    for model in models():
        assert len(list(model.stream_chat([ChatMessage("Hello.")]))) > 3


@suite.case("structured")
def structured() -> None:
    for model in models():
        told = model.as_structured_llm(City).chat([ChatMessage("Name a city.")])
        assert isinstance(told.raw, City)


@suite.case("image")
def image() -> None:
    see = ChatMessage(role="user", blocks=[TextBlock(text="What is this?"), ImageBlock(url=suite.IMAGE)])
    for model in models():
        suite.assert_text(str(model.chat([see])))


@suite.case("embeddings")
def embeddings() -> None:
    cutter = OpenAIEmbedding(model=suite.EMBEDDING_MODEL, api_key=suite.KEY, **GATEWAY)
    suite.assert_vector(cutter.get_text_embedding_batch(["toll", "gate"])[1])


@suite.case("refusal")
def refusal() -> None:
    for model in models(suite.SMALL_KEY):
        suite.assert_refused(lambda: model.chat([ChatMessage("Hello.")]))


suite.run("llama-index-llms-openai")
