import numpy as np
import pytest

from engine.errors import InputError
from engine.fitting.learn_margins import calibrate
from engine.fitting.recorded import PILOT, read_recorded, tasks
from tests.engine.fitting.samples import saturating
from tests.voices import SHARED

BUDGETS = (*PILOT, 1024, 2048, 4096)


def write(path, datasets=("x", "y"), learners=("a", "b", "c")) -> None:
    rows = [
        f"{d},{learner},{n},{1 - saturating(n, 0.5 + 0.1 * i + 0.05 * j):.4f},0.01"
        for j, d in enumerate(datasets)
        for i, learner in enumerate(learners)
        for n in BUDGETS
    ]
    path.write_text("dataset,learner,n,error,stderr\n" + "\n".join(rows) + "\n")


def test_curves_become_tasks_with_what_they_reach_as_the_truth(tmp_path) -> None:
    write(tmp_path / "curves.csv")
    found = tasks(read_recorded(tmp_path / "curves.csv"), 3)
    assert len(found) == 6
    assert found[0].truth[8].tolist() == pytest.approx([saturating(4096, 0.5 + 0.1 * i) for i in range(3)], abs=1e-4)
    assert set(found[0].truth) == {1, 2, 4, 8}
    seen = found[0].group.scale.to_natural(found[0].group.series[0].value)
    assert seen == pytest.approx([saturating(n, 0.5) for n in PILOT], abs=0.08)


def test_a_data_sets_tasks_do_not_depend_on_what_else_the_file_holds(tmp_path) -> None:
    write(tmp_path / "one.csv", datasets=("x",))
    write(tmp_path / "two.csv")
    one, two = (tasks(read_recorded(tmp_path / name), 2) for name in ("one.csv", "two.csv"))
    for first, second in zip(one, two[:2], strict=True):
        for a, b in zip(first.group.series, second.group.series, strict=True):
            np.testing.assert_array_equal(a.value, b.value)


def test_two_data_sets_of_one_name_are_kept_apart(tmp_path) -> None:
    write(tmp_path / "twins.csv", datasets=("x", "x"))
    found = read_recorded(tmp_path / "twins.csv")
    assert found.twins == 1
    assert set(found.curves) == {"x", "x (2)"}
    assert found.curves["x"]["a"] != found.curves["x (2)"]["a"]


def test_every_bad_row_is_told_with_its_line(tmp_path) -> None:
    (tmp_path / "bad.csv").write_text("dataset,learner,n,error\nx,a,64,0.2\nx,a,zero,0.2\nx,a,128,1.2\n")
    with pytest.raises(InputError) as caught:
        read_recorded(tmp_path / "bad.csv")
    assert [p.split(":")[0] for p in caught.value.problems] == ["bad.csv line 3", "bad.csv line 4"]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="dataset, error, learner, n missing"):
        read_recorded(tmp_path / "other.csv")


def test_margins_are_learned_for_both_methods_of_fit(tmp_path) -> None:
    write(tmp_path / "curves.csv")
    found = calibrate(read_recorded(tmp_path / "curves.csv"), per_set=2)
    assert [c.method for c in found] == ["saturating curve", "past curves"]
    assert [m.stretch for m in found[0].margins] == [1.0, 2.0, 4.0, 8.0]
    assert all(m.tasks == 4 for m in found[0].margins)


@pytest.mark.shared
def test_the_shipped_margins_name_the_curves_that_they_were_learned_on() -> None:
    from engine.fitting.fit import shipped

    path = SHARED / "data" / "curves" / "lcdb11_sample.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    recorded = read_recorded(path)
    assert recorded.twins == 2
    assert all(recorded.digest in known.source for known in shipped(loss=False).values())
