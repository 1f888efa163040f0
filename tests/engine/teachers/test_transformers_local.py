import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain import Message, Reply, Request
from engine.errors import NoReplyError, SeedPilotError
from engine.teachers.transformers_local import TransformersTeacher
from tests.small_students import build_tiny_student

REQUEST = Request((Message("system", "Solve it."), Message("user", "Question: 1+1?")), 24, 0.0, 0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("teacher") / "tiny", chat_template=True, context=512)


def together(teacher: TransformersTeacher, *requests: Request) -> list[Reply]:
    async def ask() -> list[Reply]:
        return list(await asyncio.gather(*(teacher.ask(request) for request in requests)))

    return asyncio.run(ask())


def test_a_batch_gives_each_request_what_it_gets_alone(model: Path):
    # Prompts of different lengths are padded, and padding must change nothing.
    requests = [replace(REQUEST, messages=(Message("user", "Question: " + "1+" * n + "1?"),)) for n in range(6)]
    alone = [together(TransformersTeacher(str(model), batch_size=1), request)[0] for request in requests]
    assert together(TransformersTeacher(str(model), batch_size=4), *requests) == alone
    assert len({reply.text for reply in alone}) > 1, "the replies tell the prompts apart"


def test_token_counts_are_the_models_own_and_a_reply_that_came_to_no_end_says_so(model: Path):
    reply = together(TransformersTeacher(str(model)), REQUEST)[0]
    assert reply.finish_reason in ("length", "stop")
    assert (reply.output_tokens == REQUEST.max_tokens) or reply.finish_reason == "stop"
    assert reply.input_tokens is not None
    assert reply.input_tokens > len("Question: 1+1?")


def test_each_request_keeps_its_own_limit_in_a_batch(model: Path):
    short, long = together(TransformersTeacher(str(model)), replace(REQUEST, max_tokens=3), REQUEST)
    assert short.output_tokens is not None
    assert short.output_tokens <= 3
    assert long.text.startswith(short.text.rstrip("\ufffd"))


def test_draws_at_a_temperature_differ(model: Path):
    draws = together(
        TransformersTeacher(str(model)), *(replace(REQUEST, temperature=1.0, sample_index=i) for i in range(8))
    )
    assert len({reply.text for reply in draws}) > 1


def test_the_loop_goes_on_while_the_model_works(model: Path):
    async def ask() -> int:
        teacher, ticks = TransformersTeacher(str(model)), 0
        asking = asyncio.create_task(teacher.ask(replace(REQUEST, max_tokens=200)))
        while not asking.done():
            await asyncio.sleep(0.001)
            ticks += 1
        await asking
        return ticks

    assert asyncio.run(ask()) > 5


def test_a_prompt_that_does_not_fit_has_no_reply_and_the_others_of_its_batch_do(model: Path):
    async def ask() -> list[Reply | BaseException]:
        teacher = TransformersTeacher(str(model))
        long = replace(REQUEST, messages=(Message("user", "x" * 600),))
        return await asyncio.gather(teacher.ask(long), teacher.ask(REQUEST), return_exceptions=True)

    refused, answered = asyncio.run(ask())
    assert isinstance(refused, NoReplyError)
    assert isinstance(answered, Reply)


def test_a_folder_without_a_model_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(SeedPilotError, match=str(tmp_path)):
        TransformersTeacher(str(tmp_path))
