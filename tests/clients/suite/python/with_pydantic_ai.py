"""pydantic-ai: agents with a tool and typed output, on both of OpenAI's endpoints."""

import suite
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, Embedder, NativeOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    name: str
    people: int


def provider(key: str = suite.KEY) -> OpenAIProvider:
    return OpenAIProvider(openai_client=AsyncOpenAI(base_url=suite.BASE_URL, api_key=key))


def models(key: str = suite.KEY) -> list:
    return [kind(suite.MODEL, provider=provider(key)) for kind in (OpenAIChatModel, OpenAIResponsesModel)]


@suite.case("tools")
async def tools() -> None:
    for model in models():
        agent, weather = Agent(model), suite.Weather()

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Tells the weather in a city."""
            return weather.ask(city)

        first = await agent.run(suite.QUESTION)
        weather.assert_used(first.output)
        suite.assert_text((await agent.run("Thank you.", message_history=first.all_messages())).output)


@suite.case("stream")
async def stream() -> None:
    for model in models():
        async with Agent(model).run_stream("Hello.") as run:
            pieces = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
        assert len(pieces) > 3


@suite.case("structured")
async def structured() -> None:
    for model in models():
        for output_type in (City, NativeOutput(City)):
            told = await Agent(model, output_type=output_type).run("Name a city.")
            assert isinstance(told.output, City)


@suite.case("image")
async def image() -> None:
    for model in models():
        told = await Agent(model).run(["What is this?", BinaryContent.from_data_uri(suite.IMAGE)])
        suite.assert_text(told.output)


@suite.case("embeddings")
async def embeddings() -> None:
    embedder = Embedder(OpenAIEmbeddingModel(suite.EMBEDDING_MODEL, provider=provider()))
    suite.assert_vector(list((await embedder.embed_documents(["toll", "gate"])).embeddings[1]))


@suite.case("refusal")
def refusal() -> None:
    for model in models(suite.SMALL_KEY):
        suite.assert_refused(lambda: Agent(model).run_sync("Hello."))


suite.run("pydantic-ai-slim")
