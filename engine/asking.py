"""Who is asked, built from a plan: models, and the run's account that each of them is paid from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from engine.batches import generator_for
from engine.costs import Price, usd_per_query
from engine.domain import Reply, Request, Teacher
from engine.errors import InputError, KeyMissingError
from engine.estimate import prices_of
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger
from engine.plan import ModelPlan, TeacherPlan
from engine.prepare import Prepared, prompt_tokens_at_most
from engine.settings import Settings, key_from_environment
from engine.store import Store
from engine.variants import AUGMENTER


def model_of(teacher: ModelPlan, typed: SecretStr | None = None, name: str = "teacher") -> Teacher:
    """Who is asked; `name` is the plan's table."""
    if teacher.kind == "sandbox":
        from engine.teachers.sandbox import SandboxTeacher

        return SandboxTeacher()
    if teacher.kind == "replay":
        from engine.teachers.replay import ReplayTeacher

        return ReplayTeacher(Path(teacher.replies or ""))
    if teacher.kind == "transformers_local":
        from engine.teachers.transformers_local import TransformersTeacher

        return TransformersTeacher(teacher.model or "", batch_size=teacher.concurrency)
    if refusal := Settings().refusal(teacher.base_url or ""):
        raise InputError(f"{name}.base_url: {refusal}")
    from engine.teachers.openai_compatible import OpenAICompatibleTeacher

    key = typed or (key_from_environment(teacher.key_env) if teacher.key_env else None)
    if key is None and (teacher.key_env or (isinstance(teacher, TeacherPlan) and teacher.key_typed)):
        where = f"the environment variable {teacher.key_env} is not set" if teacher.key_env else "it was typed"
        do = "Set it, or open the run and type the key" if teacher.key_env else "Open the run and type it"
        raise KeyMissingError(
            f"The key for {teacher.base_url} is needed again ({where}; keys are never stored). {do}, then resume."
        )
    # The plan's check has made sure that both are there.
    return OpenAICompatibleTeacher(teacher.base_url or "", teacher.model or "", key, timeout_s=teacher.timeout_s)


def augmenter_of(store: Store, run_id: str, prepared: Prepared, check: Callable[[], None]) -> Generator | None:
    """Who writes the questions, on the same run's account at its own price; None: the teacher."""
    plan = prepared.plan
    if plan.augmenter is None:
        return None
    model = model_of(plan.augmenter, name="augmenter")
    return generator_for(plan.augmenter, model, ledger_of(store, run_id, prepared, prices_of(plan)[AUGMENTER]), check)


def others_of(store: Store, run_id: str, prepared: Prepared, check: Callable[[], None]) -> dict[str, Generator]:
    """Further teachers by name, on the same run's account, each at its own price."""
    plan, prices = prepared.plan, prices_of(prepared.plan)
    return {
        name: generator_for(
            model, model_of(model, name=f"teachers.{name}"), ledger_of(store, run_id, prepared, prices[name]), check
        )
        for name, model in plan.teachers.items()
    }


def judge_of(store: Store, run_id: str, prepared: Prepared, check: Callable[[], None]) -> Generator | None:
    """Who judges replies where the plan names somebody, on the run's account at the judge's price; None: the
    teacher."""
    name = prepared.plan.judge
    if name is None:
        return None
    model = prepared.plan.teachers[name]
    ledger = ledger_of(store, run_id, prepared, prices_of(prepared.plan)[name])
    return generator_for(model, model_of(model, name=f"teachers.{name}"), ledger, check)


def ledger_of(store: Store, run_id: str, prepared: Prepared, price: Price) -> Ledger:
    """The run's account as one model is paid from it, at that model's price and under the run's one ceiling."""

    def bound(request: Request) -> float | None:
        return usd_per_query(price, prompt_tokens_at_most(request), request.max_tokens)

    def cost(reply: Reply) -> float | None:
        return usd_per_query(price, reply.input_tokens, reply.output_tokens)

    # Where the user gave no ceiling in dollars, the bound that was shown before the start holds.
    usd = prepared.plan.ceiling.usd if prepared.plan.ceiling.usd is not None else prepared.estimate.upper_usd
    ceiling = Ceiling(prepared.estimate.ceiling_queries, usd)
    return Ledger(store, run_id, ceiling, bound, cost)
