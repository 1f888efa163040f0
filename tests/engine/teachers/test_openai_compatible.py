import asyncio
import logging

import pytest
from pydantic import SecretStr

from engine.domain import Message, Reply, Request
from engine.errors import (
    OutcomeUnknownError,
    RateLimitedError,
    TeacherError,
    TeacherRefusedError,
    TeacherUnreachableError,
)
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.openai_server import KEY, MODEL, OpenAIServer, serving

REQUEST = Request((Message("system", "Be brief."), Message("user", "Question: 1+1?")), 50, 0.7, 0)


def ask(server: OpenAIServer, *, key: str | None = KEY, model: str = MODEL, timeout_s: float = 10.0) -> Reply:
    teacher = OpenAICompatibleTeacher(server.base_url, model, SecretStr(key) if key else None, timeout_s=timeout_s)
    return asyncio.run(teacher.ask(REQUEST))


def voice(messages: list[dict[str, str]]) -> str:
    return f"{messages[-1]['content']} #### 2"


def test_a_reply_comes_back_with_its_token_counts():
    with serving(voice) as server:
        reply = ask(server)
    assert reply == Reply("Question: 1+1? #### 2", "stop", 4, 4)


def test_a_cut_off_reply_says_so():
    with serving(voice) as server:
        server.faults = ["cut_off"]
        assert ask(server).finish_reason == "length"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", RateLimitedError),
        ("500", OutcomeUnknownError),
        ("garbage", OutcomeUnknownError),
        ("slow", OutcomeUnknownError),
        ("cut_connection", OutcomeUnknownError),
    ],
)
def test_each_failure_is_told_apart_by_what_it_means_for_the_bill(fault: str, error: type[TeacherError]):
    with serving(voice) as server:
        server.slow_s = 1.5
        server.faults = [fault]
        with pytest.raises(error):
            ask(server, timeout_s=0.5)
        assert server.requests == 1, "no hidden retry"


def test_a_rate_limit_says_how_long_to_wait():
    with serving(voice) as server:
        server.faults = ["429"]
        with pytest.raises(RateLimitedError) as caught:
            ask(server)
    assert caught.value.retry_after == 0


def test_a_wrong_key_is_refused_and_appears_in_no_message_or_log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with serving(voice) as server, pytest.raises(TeacherRefusedError, match="refused the key") as caught:
        ask(server, key="sk-wrong-secret-key")
    assert "sk-wrong-secret-key" not in str(caught.value)
    assert "sk-wrong-secret-key" not in "".join(r.getMessage() for r in caplog.records)


def test_without_a_key_none_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    with serving(voice, key=None) as server:
        ask(server, key=None)
        assert server.authorizations == {"Bearer no-key"}


def test_a_model_that_the_endpoint_does_not_know_is_named():
    with serving(voice) as server, pytest.raises(TeacherRefusedError, match="does not know the model 'gpt-17'"):
        ask(server, model="gpt-17")


def test_an_address_where_nobody_listens_is_unreachable_and_nothing_is_charged():
    teacher = OpenAICompatibleTeacher("http://127.0.0.1:9/v1", MODEL, None, timeout_s=2)
    with pytest.raises(TeacherUnreachableError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached"):
        asyncio.run(teacher.ask(REQUEST))


def test_a_lone_surrogate_in_a_reply_does_no_harm():
    with serving(lambda _: "half a smiley \ud83d #### 2") as server:
        ask(server).text.encode()
