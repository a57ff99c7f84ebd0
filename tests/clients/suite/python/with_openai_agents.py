"""openai-agents: an agent with a tool, on both of OpenAI's endpoints."""

import suite
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
from agents import set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel

# Traces go to OpenAI itself, with OpenAI's key.
set_tracing_disabled(True)
NOTHING_STORED = ModelSettings(store=False, response_include=["reasoning.encrypted_content"])


class City(BaseModel):
    name: str
    people: int


def models(key: str = suite.KEY) -> list:
    client = AsyncOpenAI(base_url=suite.BASE_URL, api_key=key)
    return [
        OpenAIResponsesModel(model=suite.MODEL, openai_client=client),
        OpenAIChatCompletionsModel(model=suite.MODEL, openai_client=client),
    ]


def agent(model, **options) -> Agent:
    settings = NOTHING_STORED if isinstance(model, OpenAIResponsesModel) else ModelSettings()
    return Agent(name="Teller", instructions="Be brief.", model=model, model_settings=settings, **options)


@suite.case("tools")
async def tools() -> None:
    for model in models():
        weather = suite.Weather()

        @function_tool
        def get_weather(city: str) -> str:
            """Tells the weather in a city."""
            return weather.ask(city)

        told = await Runner.run(agent(model, tools=[get_weather]), suite.QUESTION)
        weather.assert_used(told.final_output)


@suite.case("stream")
async def stream() -> None:
    for model in models():
        run, deltas = Runner.run_streamed(agent(model), "Hello."), 0
        async for event in run.stream_events():
            deltas += event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        assert deltas > 3
        suite.assert_text(run.final_output)


@suite.case("structured")
async def structured() -> None:
    for model in models():
        told = await Runner.run(agent(model, output_type=City), "Name a city.")
        assert isinstance(told.final_output, City)


@suite.case("image")
async def image() -> None:
    see = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": suite.IMAGE}]
    for model in models():
        told = await Runner.run(agent(model), [{"role": "user", "content": see}])
        suite.assert_text(told.final_output)


@suite.case("state")
async def state() -> None:
    try:
        await Runner.run(agent(models()[0]), "Hello.", previous_response_id="resp_1")
    except Exception as error:
        assert "previous_response_id" in str(error) and "store" in str(error), f"no way out is named in {error}"
    else:
        raise AssertionError("a response of somebody else's could be named")


@suite.case("refusal")
def refusal() -> None:
    for model in models(suite.SMALL_KEY):
        suite.assert_refused(lambda: Runner.run_sync(agent(model), "Hello."))


suite.run("openai-agents")
