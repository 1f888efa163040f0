import asyncio
import logging
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

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
from engine.teachers.openai_compatible import OpenAICompatibleTeacher, retry_after
from engine.teachers.reasoning import without_reasoning
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


def test_a_time_out_is_for_the_whole_reply_and_not_for_each_of_its_bytes():
    with serving(voice) as server:
        server.faults = ["drip"]
        server.slow_s = 30.0
        with pytest.raises(OutcomeUnknownError, match="timed out after 1 s"):
            ask(server, timeout_s=1.0)


def test_a_redirect_is_not_followed_so_that_the_key_stays_with_its_endpoint():
    with serving(voice) as elsewhere, serving(voice) as server:
        server.redirect_to = elsewhere.base_url
        with pytest.raises(TeacherRefusedError, match="redirects to another address"):
            ask(server)
        assert elsewhere.requests == 0
        assert elsewhere.authorizations == set()


def test_a_password_in_netrc_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(voice) as server:
        ask(server)
        assert server.authorizations == {f"Bearer {KEY}"}


def test_the_environments_proxy_is_used_and_what_it_excepts_is_not(monkeypatch: pytest.MonkeyPatch):
    with serving(voice) as server:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with pytest.raises(TeacherUnreachableError):
            ask(server)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        ask(server)


def test_a_used_up_quota_is_no_reason_to_wait():
    with serving(voice) as server:
        server.faults = ["no_quota"]
        with pytest.raises(TeacherRefusedError, match="quota is used up"):
            ask(server)


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}


def test_a_schema_is_sent_as_response_format():
    with serving(voice) as server:
        teacher = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY))
        asyncio.run(teacher.ask(replace(REQUEST, response_schema=SCHEMA)))
        assert server.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert teacher.notes == []


def test_an_endpoint_that_takes_no_schema_is_asked_without_one_and_says_so_once():
    async def thrice(teacher: OpenAICompatibleTeacher) -> None:
        for sample in range(3):
            await teacher.ask(replace(REQUEST, response_schema=SCHEMA, sample_index=sample))

    with serving(voice) as server:
        server.takes_schemas = False
        teacher = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY))
        asyncio.run(thrice(teacher))
        assert (server.requests, server.answered) == (4, 3)
    assert len(teacher.notes) == 1
    assert "does not take a JSON schema" in teacher.notes[0]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "2.5"}, 2.5), ({"retry-after-ms": "40"}, 0.04), ({"retry-after": "soon"}, None), ({}, None)],
)
def test_how_long_to_wait_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float | None):
    assert retry_after(headers) == seconds


def test_a_date_to_wait_for_is_a_number_of_seconds():
    seconds = retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert seconds is not None
    assert 50 < seconds <= 60


def test_reasoning_in_a_field_of_its_own_comes_back_in_front_of_the_text():
    with serving(voice) as server:
        server.reasoning = "One and one."
        assert ask(server).text == "<think>\nOne and one.\n</think>\nQuestion: 1+1? #### 2"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>1+1</think>\n#### 2", "#### 2"),
        ("opened in the prompt</think> #### 2", "#### 2"),
        ("<think>cut off before", ""),
        ("a < b and nothing to take out ", "a < b and nothing to take out "),
        ("<think>a</think>x<think>b</think>y", "xy"),
    ],
)
def test_reasoning_is_taken_out_and_the_rest_stays(text: str, rest: str):
    assert without_reasoning(text) == rest


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


def test_a_connection_that_breaks_when_it_is_used_again_may_have_been_billed():
    # A kept-alive connection that the server closes while it answers: no request is sent a second time.
    async def twice(teacher: OpenAICompatibleTeacher) -> None:
        await teacher.ask(REQUEST)
        with pytest.raises(OutcomeUnknownError):
            await teacher.ask(REQUEST)

    with serving(voice) as server:
        server.faults = ["none", "cut_connection"]
        asyncio.run(twice(OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY))))
        assert (server.requests, server.answered) == (2, 2)
