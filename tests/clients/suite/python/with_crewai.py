"""CrewAI: a crew of one, with a tool."""

import suite
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from pydantic import BaseModel


class City(BaseModel):
    name: str
    people: int


def model(key: str = suite.KEY, **options: object) -> LLM:
    return LLM(model=f"openai/{suite.MODEL}", base_url=suite.BASE_URL, api_key=key, **options)


def crew(llm: LLM, question: str, tools: list = (), **task: object) -> object:
    teller = Agent(role="Teller", goal="Answer questions", backstory="You are brief.", llm=llm, tools=list(tools))
    work = Task(description=question, expected_output="A sentence.", agent=teller, **task)
    return Crew(agents=[teller], tasks=[work]).kickoff()


@suite.case("tools")
def tools() -> None:
    weather = suite.Weather()

    @tool("get_weather")
    def get_weather(city: str) -> str:
        """Tells the weather in a city."""
        return weather.ask(city)

    weather.assert_used(crew(model(), suite.QUESTION, [get_weather]).raw)


@suite.case("stream")
def stream() -> None:
    suite.assert_text(crew(model(stream=True), "Say hello.").raw)


@suite.case("structured")
def structured() -> None:
    assert isinstance(crew(model(), "Name a city.", output_pydantic=City).pydantic, City)


@suite.case("image")
def image() -> None:
    see = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": suite.IMAGE}}]
    suite.assert_text(model().call([{"role": "user", "content": see}]))


@suite.case("refusal")
def refusal() -> None:
    suite.assert_refused(lambda: crew(model(suite.SMALL_KEY), "Say hello."))


suite.run("crewai")
