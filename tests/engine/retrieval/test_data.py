"""A collection is read whole or refused with all that is wrong with it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.retrieval.collection import IN_DOMAIN, OUT_OF_DOMAIN
from engine.retrieval.data import MOST_TOLD, read_collection
from tests.engine.retrieval.folders import small_sandbox, write_folder

CRANFIELD = Path(__file__).resolve().parents[4] / "shared/data/cranfield"


def numbered(count: int, what: str) -> dict[str, str]:
    return {f"{what}{i}": f"text {i} of {what}" for i in range(count)}


def whole(folder: Path, count: int = 60) -> Path:
    judged = [(f"q{i}", f"p{i}", 1) for i in range(count)]
    return write_folder(folder, numbered(count, "p"), numbered(count, "q"), judged)


def test_one_file_of_judgements_is_split_the_same_way_each_time_and_no_query_is_in_two_parts(tmp_path: Path) -> None:
    one, again = (read_collection(whole(tmp_path / name)) for name in ("a", "b"))
    parts = [{query.id for query in part} for part in (one.train, one.dev, one.test)]
    assert [len(part) for part in parts] == [27, 9, 24]
    assert len(set.union(*parts)) == 60
    assert (one.train, one.dev, one.test) == (again.train, again.dev, again.test)


def test_every_fault_of_every_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    folder = whole(tmp_path / "c")
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "p3", "text": "again"}\n{"text": "nameless"}\n{"_id": "broken"\n')
    with (folder / "queries.jsonl").open("a") as file:
        file.write('{"_id": "q5", "text": "again"}\n{"_id": "silent", "text": " "}\n')
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\tnowhere\t1\nnobody\tp1\t1\nq1\tp1\tmuch\nq2\tp2\t1\n")
    with pytest.raises(InputError) as refused:
        read_collection(folder)
    told = "\n".join(refused.value.problems)
    for part in (
        "corpus.jsonl, line 61: repeats the id 'p3'",
        "corpus.jsonl, line 62: has no _id",
        "corpus.jsonl, line 63",
        "queries.jsonl, line 61: repeats the id 'q5'",
        "queries.jsonl, line 62: query 'silent' is empty",
        "test.tsv, line 62: names passage 'nowhere', which the corpus lacks",
        "test.tsv, line 63: names query 'nobody', which queries.jsonl lacks",
        "test.tsv, line 64: found 'q1\\tp1\\tmuch'",
        "test.tsv, line 65: judges query 'q2' and passage 'p2' again",
    ):
        assert part in told
    assert len(refused.value.problems) == 9


def test_of_many_faults_of_one_kind_the_first_are_named_and_all_are_counted(tmp_path: Path) -> None:
    folder = whole(tmp_path / "c")
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.writelines(f"q{i}\tlost{i}\t1\n" for i in range(50))
    with pytest.raises(InputError) as refused:
        read_collection(folder)
    assert len(refused.value.problems) == MOST_TOLD + 1
    assert "50 lines of this kind (names a missing passage), 30 more" in refused.value.problems[-1]


def test_empty_passages_and_queries_without_a_relevant_one_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = whole(tmp_path / "c")
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "blank", "title": "", "text": ""}\n')
    with (folder / "queries.jsonl").open("a") as file:
        file.write('{"_id": "lonely", "text": "nobody knows"}\n{"_id": "vain", "text": "only the blank one"}\n')
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("lonely\tp1\t0\nvain\tblank\t1\n")
    found = read_collection(folder)
    assert "blank" not in found.passages
    assert found.counts["empty passages"] == 1
    assert found.counts["judgements of an empty passage"] == 1
    assert found.counts["judgements of no relevance"] == 1
    assert found.counts["queries without a relevant passage"] == 2
    assert found.notes == ("corpus.jsonl, line 61: passage 'blank' has neither title nor text and is left out",)


def test_families_stay_together_and_the_held_out_side_is_for_tests_alone(tmp_path: Path) -> None:
    folder = small_sandbox(tmp_path / "c")
    for part in ("train", "dev"):
        with (folder / "qrels" / f"{part}.tsv").open() as more, (folder / "qrels" / "test.tsv").open("a") as file:
            file.write("\n" + more.read())
        (folder / "qrels" / f"{part}.tsv").unlink()
    found = read_collection(folder)
    assert {query.side for query in (*found.train, *found.dev)} == {IN_DOMAIN}
    assert {query.side for query in found.test} == {IN_DOMAIN, OUT_OF_DOMAIN}
    families = [{query.family for query in part} for part in (found.train, found.dev, found.test)]
    assert not families[0] & families[1]
    assert not families[1] & families[2]


def test_files_may_be_gzipped_and_named_parts_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = small_sandbox(tmp_path / "c")
    with (folder / "corpus.jsonl").open("rb") as plain, gzip.open(folder / "corpus.jsonl.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    (folder / "corpus.jsonl").unlink()
    found = read_collection(folder)
    assert (len(found.train), len(found.dev), len(found.test)) == (24, 8, 40)


def test_a_folder_that_is_none_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no corpus\.jsonl.*\n.*queries\.jsonl.*\n.*qrels"):
        read_collection(tmp_path)


@pytest.mark.shared
@pytest.mark.skipif(not CRANFIELD.exists(), reason="../shared/data/cranfield is missing")
def test_cranfield_is_read_with_its_two_empty_documents_counted() -> None:
    found = read_collection(CRANFIELD)
    assert len(found.passages) == 1398
    assert found.counts["empty passages"] == 2
    assert len(found.train) + len(found.dev) + len(found.test) == 225
