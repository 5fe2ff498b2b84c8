import pytest

from lib.sources import all_modules, imports_of, with_imports


def test_a_module_comes_with_what_it_imports_at_second_hand():
    found = with_imports(["lib.training.vqvae"])
    assert found == sorted(set(found))
    assert {"lib.training.vqvae", "lib.training.loop", "lib.models.quantiser"} <= set(found)
    assert "lib.training.interrupt" in found  # by way of lib.training.loop
    assert not [name for name in found if name.startswith(("lib.figures", "lib.evaluation"))]


def test_training_does_not_rest_on_the_words_about_the_versions():
    assert "lib.models.vqvae_versions" not in with_imports(["lib.training.vqvae"])


def test_a_package_stands_for_all_its_modules():
    assert {"lib.book.pandoc", "lib.book.pandoc.site"} <= set(with_imports(["lib.book.pandoc"]))


def test_all_modules():
    assert {"lib", "lib.cli", "lib.worlds.blocks.raycast", "lib.sources"} <= all_modules()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from lib.book import results, tables", {"lib.book.results", "lib.book.tables"}),
        ("from lib.training.loop import fit\nimport lib.files", {"lib.training.loop", "lib.files"}),
        ("import numpy as np\nfrom pathlib import Path", set()),
        ("def f():\n    from lib import progress", {"lib.progress"}),
    ],
)
def test_imports_of_a_piece_of_code(code, found):
    assert imports_of(code) == found


@pytest.mark.parametrize("name", ["lib.nonsense", "nonsense.at_all"])
def test_a_module_that_does_not_exist(name):
    with pytest.raises(ValueError, match=f"code: found no module '{name}'"):
        with_imports([name])
