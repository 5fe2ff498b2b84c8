"""Smaller networks, and smaller sets to train on."""

import pytest

from lib.book import sideswipe as study
from lib.book.sideswipe import sizes

pytestmark = pytest.mark.slow


def test_points_of_a_family(judged, cars, tmp_path, ledger, monkeypatch):
    monkeypatch.setitem(sizes.PRUNED, "tiny", (700_000,))  # the smaller, the more rounds it takes
    options = {"preset": "tiny", "root": tmp_path, "device": "cpu", "share": 0.01}
    families = study.all_sizes(judged, cars, **options)
    counts = {name: [p.parameters for p in points] for name, points in families.items()}
    [pruned, whole] = counts["pruned"]
    assert (pruned <= 700_000, whole) == (True, 1_405_252)
    assert counts["from scratch"] == sorted(counts["from scratch"])
    study.record_sizes(ledger, families, seed=0)
    rows = {row.id: row.value for row in ledger.rows}
    assert rows["sideswipe.small_enough.grouped.params"] <= 10_000
    said = study.size_sentence(families, "tiny")
    assert said.startswith("At preset tiny the recommended network, of 9,738 parameters")
    assert said.endswith("times fewer parameters.")
    assert said.count("\u00a0%") == said.count("%") == 2
    [axis] = study.front_figure(families).axes
    assert axis.lines

    curve = study.learning_curve(judged, cars, **options)
    assert [p.images for p in curve["small"]] == sorted(p.images for p in curve["small"])
    study.record_curve(ledger, curve, seed=0)
    assert any(row.id.startswith("sideswipe.small_on_") for row in ledger.rows)
