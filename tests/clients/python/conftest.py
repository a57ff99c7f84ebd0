import pytest
from customer import Customer
from openai import OpenAI
from provider import Provider


@pytest.fixture
def customer() -> Customer:
    return Customer.sign_up()


@pytest.fixture
def client(customer: Customer) -> OpenAI:
    return customer.openai()


@pytest.fixture
def provider() -> Provider:
    return Provider()
