"""The test book, rendered once for all tests that read it."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from lib.book.render import RenderReport, render_book
from lib.book.results import Ledger
from lib.data.frames import FrameStore
from lib.data.minecraft import Footage
from lib.data.minerl import read_minerl
from lib.data.splits import split_groups
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_version import Version
from lib.training.cache import RunFolder
from lib.training.vqvae import TrainedVersion
from tests.book.small import write_book
from tests.book.testbook import make_testbook
from tests.data.footage import write_minerl


@pytest.fixture(scope="session")
def testbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test book's project folder."""
    return make_testbook(tmp_path_factory.mktemp("project") / "build")


@pytest.fixture(scope="session")
def rendered(testbook: Path, tmp_path_factory: pytest.TempPathFactory) -> RenderReport:
    """The test book as pandoc and Typst render it."""
    return render_book(testbook, tmp_path_factory.mktemp("site") / "_book", renderer="pandoc")


CHAPTER = "04-vqvae-versions"
QUANTISER = QuantiserConfig(codebook_size=16, embedding_dim=4)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Six worlds of noise, 16 x 16 pixels, 15 to 18 frames each."""
    folder = tmp_path_factory.mktemp("footage")
    write_minerl(folder / "data", frames=50, recordings=6)
    store: FrameStore = read_minerl(
        folder / "data", folder / "store", size=(16, 16), progress=False
    )
    splits = split_groups(store.groups, test=0.35)
    return Footage("minerl", folder / "data", store, splits, generated=False)


@pytest.fixture(scope="module")
def trained() -> TrainedVersion:
    torch.manual_seed(0)
    config = VqvaeConfig((16, 16), hidden=8, quantiser=QUANTISER)
    chosen = Version("v1.0.1", "changed", "why", config, batch_size=8)
    return TrainedVersion(
        version=chosen,
        run=RunFolder(Path("runs/vqvae/v1.0.1-tiny-0123456789abcdef")),
        model=Vqvae(config).eval(),
        history=pd.DataFrame({"step": [1, 5, 10]}),
        steps_per_epoch=2.0,
        seconds=41.0,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CHAPTER, "tiny", root=tmp_path, hardware="a test")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A project with two small chapters."""
    return write_book(tmp_path)
