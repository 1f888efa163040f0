"""Margins of loss curves: learned from other model families, carried by every fit of losses."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError
from engine.fitting.fit import fit, shipped
from engine.fitting.learn_loss_margins import covered, groups, margins, scores
from engine.fitting.points_file import parse_points_file
from engine.fitting.recorded_losses import read_losses
from engine.fitting.saturating import SaturatingCurves
from tests.voices import SHARED

SIZES = [200 * 2**i for i in range(12)]
FAMILIES = ("x", "y", "z", "w")


def write(path: Path) -> Path:
    rng = np.random.default_rng(2)

    def loss(i: int, n: int) -> float:
        return float((3 + 0.2 * i) / (1 + (n / 4000) ** (0.3 + 0.05 * i)) + 0.5 + rng.normal(0, 0.005))

    rows = [f"m{i},9,{','.join(f'{loss(i, n):.5f}' for n in SIZES)},{family}" for i, family in enumerate(FAMILIES)]
    path.write_text(f"config name,0,{','.join(map(str, SIZES))},family\n" + "\n".join(rows) + "\n")
    return path


def test_margins_grow_with_the_distance_and_are_learned_without_the_family_that_they_are_judged_on(tmp_path: Path):
    recorded = read_losses(write(tmp_path / "losses.csv"))
    assert recorded.losses.shape == (4, 12), "the untuned model is not on its own curve"
    assert all(len({recorded.families[i] for i in trio}) == 3 for trio in groups(recorded))
    found = scores(SaturatingCurves(), recorded)
    learned = margins(found)
    assert [m.stretch for m in learned] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert [m.level90 for m in learned] == sorted(m.level90 for m in learned)
    assert margins(found, "x")[0].tasks < learned[0].tasks
    assert all(0 <= row["covers90"] <= 1 and row["width90_percent"] > 0 for row in covered(found))


def test_a_file_that_holds_no_losses_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="No such file"):
        read_losses(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="a column of losses for each number of examples"):
        read_losses(tmp_path / "other.csv")


def test_every_fit_of_losses_carries_margins_and_the_name_of_their_domain():
    rows = "".join(f"a,{n},{3 / (1 + n / 500) + 0.5:.4f},lower\n" for n in (100, 200, 400, 800, 1600))
    (group,) = parse_points_file("strategy,n,value,direction\n" + rows).groups
    near, far = fit(group, 3200.0), fit(group, 25_600.0)
    assert near.domain == "fine-tuning losses (FLAN, 30 models)"
    for found in (near, far):
        (reached,) = found.reached
        assert reached.interval80 is not None
        assert reached.interval90 is not None
        assert reached.interval90[0] <= reached.interval80[0] < reached.mean < reached.interval80[1]
    ratio = [f.reached[0].interval90[1] / f.reached[0].interval90[0] for f in (near, far)]
    assert ratio[1] > ratio[0]


@pytest.mark.shared
def test_the_shipped_margins_name_the_losses_that_they_were_learned_on():
    path = SHARED / "data" / "curves" / "ft_scaling_flan.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    assert all(read_losses(path).digest in known.source for known in shipped(loss=True).values())
    assert set(shipped(loss=True)) == {"saturating curve", "past curves"}
