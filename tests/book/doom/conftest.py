"""A small made-up playthrough and barely trained networks, made once for all tests here."""

from dataclasses import replace
from pathlib import Path

import pytest

from lib.book import doom as study
from lib.book.doom import experiments, stretches
from lib.book.doom.judging import Judged
from lib.book.results import Ledger
from lib.data.playthrough import Playthrough
from lib.data.splits import Splits
from lib.training.contrastive import ContrastiveConfig, TrainedContrastive
from lib.training.views import ViewSettings
from tests.book.doom.footage import playthrough
from tests.book.doom.parts import CHAPTER, STEPS
from tests.evaluation.segmentation.pictures import QUICK


@pytest.fixture(scope="package", autouse=True)
def quick():
    """Everything small: the numbers of this module say nothing.

    Not narrower than 8: with 4 channels and one thread, oneDNN's AVX2 kernel for the weights of
    1 x 1 convolutions writes past their end.
    """
    small = replace(
        ContrastiveConfig.preset("tiny"), width=8, embedding=8, queue_size=32, batch_size=8,
        steps=STEPS, views=ViewSettings(size_px=32),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ContrastiveConfig,
            "preset",
            classmethod(
                lambda _, preset, method="contrastive": replace(
                    small, name=method, **experiments.METHODS[method]
                )
            ),
        )
        patch.setitem(experiments.SEGMENTATION, "tiny", replace(QUICK, fit_frames=8))
        patch.setitem(stretches.LENGTHS, "tiny", (2, 5))
        yield


@pytest.fixture(scope="package")
def played(tmp_path_factory: pytest.TempPathFactory) -> Playthrough:
    return playthrough(tmp_path_factory.mktemp("pan"))


@pytest.fixture(scope="package")
def own(tmp_path_factory: pytest.TempPathFactory) -> Playthrough:
    """Somebody's video: frames, and nothing known of them."""
    return playthrough(tmp_path_factory.mktemp("own"), labelled=False)


@pytest.fixture(scope="package")
def splits(played: Playthrough) -> Splits:
    return played.split()


@pytest.fixture(scope="package")
def runs(
    played: Playthrough, splits: Splits, tmp_path_factory: pytest.TempPathFactory
) -> list[TrainedContrastive]:
    root = tmp_path_factory.mktemp("runs")
    return study.train_main(played, splits, preset="tiny", root=root, device="cpu")


@pytest.fixture(scope="package")
def parts(played: Playthrough, splits: Splits) -> list[stretches.Stretch]:
    return study.held_out_stretches(played, splits.test, "tiny")


@pytest.fixture(scope="package")
def judged(runs, played, splits, parts) -> dict[str, list[Judged]]:
    methods = [study.MAIN, study.BASELINES[0], study.BASELINES[1], study.PROBES[0]]
    return study.judge_all(methods, runs, played, splits.train, parts, preset="tiny")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CHAPTER, "tiny", root=tmp_path, hardware="a test")
