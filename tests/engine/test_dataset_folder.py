"""The data set folder: loaded as it is, whole or not at all, and no text of a teacher's breaks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from pyarrow import parquet
from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser

from engine.data_card import Asked, Card, as_markdown, plain
from engine.dataset_folder import DataSet, Pool, as_zip, problems_of, write_folder
from engine.domain import PAPER_RECIPE, Item, Recipe, item_id
from engine.errors import InputError
from engine.tasks import load_task
from engine.trainer_configs import ANY_STUDENT, Training, axolotl_config, trl_config
from tests.small_students import build_tiny_student

EVIL = (
    "---\nlicense: mit\nconfigs: []\n---\n# owned",
    "../../../etc/passwd",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "| a | b |\n| --- | --- |\n![x](http://evil.example/x.png)",
    "a\u2028b\u0085c\x00d\x1be\r\nf",
    '"}\n{"messages": []}',
    "```\n{% generation %}{{ 7*7 }}",
)


def item(question: str, answer: str) -> Item:
    return Item(item_id(question, answer), question, answer)


POOL = ("new_question.jsonl", "new_question.rejected.jsonl")
SEEDS = tuple(item(f"{n} + {n}?", f"#### {2 * n}") for n in range(12))


def row(
    question: str, answer: str, seed: Item = SEEDS[0], strategy: str = "new_question", **more: Any
) -> dict[str, Any]:
    """A row as pools hold it."""
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        "seed_id": seed.id,
        "strategy": strategy,
        "question": question,
        "answer": answer,
        "sample_index": 3,
        "queries": 2,
        "query_ids": [7, 8],
        "teacher": "test-teacher at 127.0.0.1",
        "augmenter": "writer at 127.0.0.1",
        "prompts": "0123456789abcdef",
        "sampling": {"temperature": 0.7, "max_answer_tokens": 512, "max_question_tokens": 300, "votes": 1},
        "usd": 0.002,
    } | more


def pool(folder: Path, rows: list[dict[str, Any]], strategy: str = "new_question", **reasons: int) -> Pool:
    path = folder / f"{strategy}.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    rejected = folder / f"{strategy}.rejected.jsonl"
    told = [{"strategy": strategy, "reason": reason} for reason, count in reasons.items() for _ in range(count)]
    rejected.write_text("".join(json.dumps(one) + "\n" for one in told))
    return Pool(strategy, path, {"kept": len(rows), **reasons}, 600, rejected)


def card(**changes: Any) -> Card:
    known: dict[str, Any] = {"name": "our-data", "task": "math", "date": "2026-11-21", "version": "0.1.0"}
    counted: dict[str, Any] = {"asked": (), "seeds": 0, "seed_rows": 0, "files": {}, "tables": {}}
    priced: dict[str, Any] = {"usd": 0.5, "priced": "all replies"}
    return Card(**(known | counted | priced | changes))


def data_set(*pools: Pool, with_seeds: bool = True, **changes: Any) -> DataSet:
    return DataSet(load_task("math"), SEEDS, with_seeds, pools, Training(Recipe(), 1), card(**changes))


def load(folder: Path, cache: Path, config: str | None = None) -> Any:
    return datasets.load_dataset(str(folder), config, cache_dir=str(cache / "cache"))


def table(folder: Path, cache: Path, name: str) -> Any:
    files = str(folder / f"{name}.parquet")
    return datasets.load_dataset("parquet", data_files=files, cache_dir=str(cache / "cache"))["train"]


def front(text: str) -> dict[str, Any]:
    begin, matter, _ = text.split("---\n", 2)
    assert begin == ""
    found: dict[str, Any] = yaml.safe_load(matter)
    return found


def test_load_dataset_takes_the_folder_as_it_is_and_each_of_its_configs(tmp_path: Path) -> None:
    rows = [row(f"What is {n} times 3?", f"#### {3 * n}") for n in range(40)]
    folder = tmp_path / "our-data"
    found = write_folder(folder, data_set(pool(tmp_path, rows, unparsable=2)))
    chats = load(folder, tmp_path)
    assert list(chats) == ["train"]
    assert chats["train"].num_rows == 12 + 40
    assert chats["train"]["source"][:13] == ["seed"] * 12 + ["new_question"]
    assert chats["train"][12]["messages"] == rows[0]["messages"]
    pairs = load(folder, tmp_path, "prompt_completion")["train"]
    assert (pairs[12]["prompt"], pairs[12]["completion"]) == ("What is 0 times 3?\n", "#### 0")
    turns = load(folder, tmp_path, "chat_prompt_completion")["train"]
    assert turns[12]["prompt"] == rows[0]["messages"][:1]
    assert turns[12]["completion"] == rows[0]["messages"][1:]
    assert table(folder, tmp_path, "rejected")["reason"] == ["unparsable"] * 2
    assert (found.kept, found.seed_rows) == (40, 12)
    assert front((folder / "README.md").read_text())["size_categories"] == ["n<1K"]


def test_every_row_has_its_provenance_in_the_same_order(tmp_path: Path) -> None:
    rows = [row(f"Q{n}?", f"#### {n}", SEEDS[n % 12], sample_index=n // 12) for n in range(30)]
    folder = tmp_path / "data"
    write_folder(folder, data_set(pool(tmp_path, rows)))
    origin = table(folder, tmp_path, "provenance")
    chats = load(folder, tmp_path)["train"]
    assert origin["row"][:] == list(range(42))
    assert origin["source"][:] == chats["source"][:]
    for at, made in zip(range(12, 42), rows, strict=True):
        assert origin[at]["seed_id"] == made["seed_id"]
        assert origin[at]["visit"] == made["sample_index"]
        assert origin[at]["prompts"] == "0123456789abcdef"
        assert origin[at]["query_ids"] == [7, 8]
        assert (origin[at]["teacher"], origin[at]["augmenter"]) == (made["teacher"], made["augmenter"])
        assert (origin[at]["usd"], origin[at]["temperature"]) == (0.002, 0.7)
    assert origin[0]["strategy"] is None, "nobody was asked for a seed"
    assert origin[0]["usd"] is None


def test_seeds_can_be_left_out_and_the_card_says_so(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", data_set(pool(tmp_path, [row("Q?", "#### 1")]), with_seeds=False))
    assert load(tmp_path / "data", tmp_path)["train"]["source"] == ["new_question"]
    assert "the seeds are not here" in (tmp_path / "data" / "README.md").read_text()


def test_what_two_strategies_came_to_stays_once_and_the_counts_add_up(tmp_path: Path) -> None:
    first = pool(tmp_path, [row("Q1?", "#### 1"), row("Q2?", "#### 2")], near_seed=1)
    second = pool(tmp_path, [row("Q2?", "####  2"), row("Q3?", "#### 3")], "question_rephrase", cut_off=2)
    found = write_folder(tmp_path / "data", data_set(first, second))
    assert [asked.counts for asked in found.asked] == [
        {"kept": 2, "near_seed": 1},
        {"kept": 1, "cut_off": 2, "duplicate": 1},
    ]
    rejected = parquet.read_table(tmp_path / "data" / "rejected.parquet").to_pylist()
    assert [one["reason"] for one in rejected] == ["near_seed", "cut_off", "cut_off", "duplicate"]
    assert rejected[-1]["question"] == "Q2?"
    assert load(tmp_path / "data", tmp_path)["train"].num_rows == 12 + 3


def test_no_text_of_a_teacher_breaks_the_folder_or_the_card(tmp_path: Path) -> None:
    rows = [row(f"{text} {n}?", text, teacher=text, augmenter=text) for n, text in enumerate(EVIL)]
    folder = tmp_path / "data"
    evil = data_set(pool(tmp_path, rows), name=EVIL[0], incomplete=EVIL[2], notes=EVIL, task=EVIL[3], priced=EVIL[5])
    write_folder(folder, evil)
    chats = load(folder, tmp_path)["train"]
    assert [chat["messages"] for chat in chats.select(range(12, 12 + len(EVIL)))] == [one["messages"] for one in rows]
    # Also for readers that take other line ends than \n for ends of a row.
    lines = (folder / "train.messages.jsonl").read_text().splitlines()
    assert [json.loads(line)["messages"] for line in lines[12:]] == [one["messages"] for one in rows]
    text = (folder / "README.md").read_text()
    assert front(text)["license"] == "unknown"
    assert next(one["config_name"] for one in front(text)["configs"]) == "messages"
    body = text.split("---\n", 2)[2]
    for markup in ("<script", "<img", "![x]", "\n---", "\n```", "\n| a |", "\n# owned", "\x1b", "\x00"):
        assert markup not in body
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data", *POOL]


def test_text_of_others_is_one_line_without_markup() -> None:
    assert plain("a *b*\n# c [d](javascript:1) <b>") == r"a \*b\* \# c \[d\](javascript:1) &lt;b&gt;"
    assert "http://" not in plain("see http://evil.example")
    assert len(plain("x" * 10_000)) < 400


def test_an_unknown_price_stays_unknown_and_nothing_kept_costs_nothing_each() -> None:
    assert "Unknown" in as_markdown(card(usd=None))
    asked = Asked("new_question", {"kept": 0, "unparsable": 3}, 6, (), (), ())
    none = card(asked=(asked,))
    assert none.usd_per_kept is None
    assert "each kept example" not in as_markdown(none)
    kept = card(asked=(Asked("new_question", {"kept": 5}, 10, ("t",), (), ("p",)),))
    assert "$0.5000 for all replies, $0.100000 for each kept example." in as_markdown(kept)


def test_a_folder_of_somebodys_own_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match=r"holds thesis\.txt, which no data set folder does"):
        write_folder(mine, data_set(pool(tmp_path, [row("Q?", "#### 1")])))
    assert (mine / "thesis.txt").read_text() == "all of it"
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(mine)
    assert "is a file" in problems_of(tmp_path / "file")[0]
    assert "is a link" in problems_of(tmp_path / "link")[0]
    assert problems_of(tmp_path / "new" / "deep") == []


def test_a_folder_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_folder(folder, data_set(pool(tmp_path, [row("Q1?", "#### 1")], unparsable=1)))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = pool(tmp_path, [row("Q2?", "#### 2")])
    with broken.examples.open("a") as file:
        file.write('{"half": ')
    with pytest.raises(ValueError, match="Expecting value"):
        write_folder(folder, data_set(broken))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write_folder(folder, data_set(pool(tmp_path, [row("Q3?", "#### 3")])))
    assert not (folder / "rejected.parquet").exists(), "nothing of the earlier data set stays"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", *POOL]


def test_nothing_kept_and_no_seeds_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing was kept"):
        write_folder(tmp_path / "data", data_set(pool(tmp_path, [], unparsable=4), with_seeds=False))
    assert not (tmp_path / "data").exists()


def test_a_zip_holds_the_same_folder(tmp_path: Path) -> None:
    as_zip(tmp_path / "x.zip", "our-data", data_set(pool(tmp_path, [row("Q1?", "#### 1")])))
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(tmp_path / "x.zip"), str(tmp_path / "out")], check=True)
    assert load(tmp_path / "out" / "our-data", tmp_path)["train"].num_rows == 13
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", *POOL, "out", "x.zip"]


# --- configs ----------------------------------------------------------------------------------------------


def trl_reads(text: str, folder: Path, *more: str) -> tuple[Any, ...]:
    """What TRL's own command line makes of it."""
    (folder / "trl.yaml").write_text(text)
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig))
    found: tuple[Any, ...] = parser.parse_args_and_config(
        ["--config", str(folder / "trl.yaml"), "--use_cpu", *more], fail_with_unknown_args=True
    )
    return found


@pytest.mark.parametrize("recipe", [Recipe(), PAPER_RECIPE, Recipe(gradient_accumulation=4, dropout=0.05)])
def test_trl_reads_the_pilots_recipe_and_knows_every_key(tmp_path: Path, recipe: Recipe) -> None:
    _, sft, model, mixture = trl_reads(trl_config(Training(recipe, 1000, "org/student")), tmp_path)
    assert model.model_name_or_path == "org/student"
    assert model.use_peft
    assert (model.lora_r, model.lora_alpha, model.lora_dropout) == (recipe.rank, recipe.alpha, recipe.dropout)
    assert model.lora_target_modules == "all-linear"
    assert sft.learning_rate == recipe.learning_rate
    assert sft.max_steps == recipe.steps(1000)
    assert sft.per_device_train_batch_size * sft.gradient_accumulation_steps == recipe.batch_size
    assert (sft.max_length, sft.completion_only_loss, sft.packing) == (recipe.max_length, True, False)
    assert sft.lr_scheduler_type == "cosine"
    assert mixture.datasets[0].data_files == "train.chat_prompt_completion.jsonl"


def test_a_student_without_a_chat_template_is_given_plain_text(tmp_path: Path) -> None:
    training = Training(Recipe(), 50, "org/base", has_template=False)
    assert trl_reads(trl_config(training), tmp_path)[3].datasets[0].data_files == "train.prompt_completion.jsonl"
    rows = yaml.safe_load(axolotl_config(training))["datasets"][0]
    assert (rows["path"], rows["type"]["field_output"]) == ("train.prompt_completion.jsonl", "completion")


def test_axolotl_knows_every_key() -> None:
    """Against the names in Axolotl's own schema (version 0.19.0), which is too heavy to install here."""
    known = json.loads((Path(__file__).parents[1] / "data" / "axolotl_keys.json").read_text())
    for has_template in (True, False):
        config = yaml.safe_load(axolotl_config(Training(Recipe(), 1000, "org/student", has_template)))
        assert set(config) <= set(known["config"])
        assert set(config["datasets"][0]) <= set(known["dataset"])
        kind = config["datasets"][0]["type"]
        assert kind == "chat_template" or set(kind) <= set(known["type"])
        assert config["adapter"] == "lora"
        assert config["lora_target_linear"]
        assert config["micro_batch_size"] * config["gradient_accumulation_steps"] == 16
        assert config["num_epochs"] * 1000 // 16 >= config["max_steps"]


def test_a_config_without_a_student_says_what_to_fill_in() -> None:
    text = trl_config(Training(Recipe(), 100))
    assert ANY_STUDENT in text
    assert "# Name your student" in text
    odd = yaml.safe_load(trl_config(Training(Recipe(), 100, "a: b #c\n- d")))
    assert odd["model_name_or_path"] == "a: b #c\n- d"


def test_a_batch_is_never_larger_than_the_data_set(tmp_path: Path) -> None:
    sft = trl_reads(trl_config(Training(Recipe(), 5, "org/student")), tmp_path)[1]
    assert (sft.per_device_train_batch_size, sft.max_steps) == (5, 100)


@pytest.mark.slow
@pytest.mark.parametrize("has_template", [True, False], ids=["chat", "plain text"])
def test_trl_trains_on_the_folder_with_its_config(tmp_path: Path, has_template: bool) -> None:
    student = build_tiny_student(tmp_path / "student")
    if has_template:
        config = json.loads((student / "tokenizer_config.json").read_text())
        turns = "{% for m in messages %}<{{ m.role }}> {{ m.content }} </s> {% endfor %}"
        config["chat_template"] = turns + "{% if add_generation_prompt %}<assistant> {% endif %}"
        (student / "tokenizer_config.json").write_text(json.dumps(config))
    data = data_set(pool(tmp_path, [row(f"What is {n}?", f"#### {n}") for n in range(8)]))
    training = Training(Recipe(max_length=64, min_steps=2, epochs=1, batch_size=4), 1, str(student), has_template)
    write_folder(tmp_path / "data", replace(data, training=training))
    trl = [sys.executable, "-m", "trl.scripts.sft", "--config", "trl.yaml", "--use_cpu", "--max_steps", "2"]
    done = subprocess.run(
        trl,
        cwd=tmp_path / "data",
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    adapter = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert adapter["r"] == 16
    assert {name.rpartition(".")[2] for name in adapter["target_modules"]} >= {"q_proj", "down_proj"}
    assert problems_of(tmp_path / "data") == [], "the adapter lies beside the data"
