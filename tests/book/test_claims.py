import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.book.claims import COMPARISONS, Claim, read_claims, verdict, verdicts_table
from lib.book.results import Ledger, Row

PSNR, OTHER = "vqvae.v1.0.1.heldout.psnr_db", "vqvae.v1.0.heldout.psnr_db"
CLAIM = Claim("sharp", "04-vqvae-versions", "write-up, v1.0.1", "It is sharp.", PSNR, ">", 20.0)
finite = st.floats(-100, 100).map(lambda x: round(x, 3))


def row(value, low=None, high=None, id=PSNR, preset="tiny"):
    return Row(id, preset, value, low, high, 512, (0,), "dB", "higher", "cpu", "c", None, None)


def satisfies(x: float, claim: Claim) -> bool:
    """The comparison of one number, written out: the oracle."""
    t = claim.tolerance
    if isinstance(claim.value, tuple):
        return claim.value[0] - t <= x <= claim.value[1] + t
    return {
        "<": x < claim.value + t,
        "<=": x <= claim.value + t,
        ">": x > claim.value - t,
        ">=": x >= claim.value - t,
        "==": claim.value - t <= x <= claim.value + t,
    }[claim.compare]


@st.composite
def claims(draw):
    compare = draw(st.sampled_from(COMPARISONS))
    bounds = sorted([draw(finite), draw(finite)])
    value = (bounds[0], bounds[1]) if compare == "between" else bounds[0]
    return replace(CLAIM, compare=compare, value=value, tolerance=draw(st.sampled_from([0.0, 0.5])))


@given(claims(), finite, st.floats(0, 20), st.floats(0, 20))
@settings(max_examples=300, deadline=None)
def test_verdicts_agree_with_every_number_of_the_interval(claim, value, down, up):
    low, high = value - down, value + up
    bounds = claim.value if isinstance(claim.value, tuple) else (claim.value,)
    edges = [b + s * claim.tolerance for b in bounds for s in (-1, 0, 1)]
    tried = [low, value, high, *(edge for edge in edges if low <= edge <= high)]
    # Between two neighbouring edges the answer does not change, so midpoints complete the oracle.
    tried += [(a + b) / 2 for a, b in pairwise(sorted(tried))]
    held = {satisfies(x, claim) for x in tried}
    expected = {(True,): "confirmed", (False,): "refuted"}.get(tuple(held), "cannot tell")
    assert verdict(claim, [row(value, low, high)], "tiny").outcome == expected


@given(claims(), finite)
@settings(max_examples=100, deadline=None)
def test_without_an_interval_the_value_decides(claim, value):
    expected = "confirmed" if satisfies(value, claim) else "refuted"
    assert verdict(claim, [row(value)], "tiny").outcome == expected


@given(claims(), finite, st.floats(0.1, 5), st.floats(1.1, 3))
@settings(max_examples=100, deadline=None)
def test_a_wider_interval_never_decides_what_a_narrower_one_left_open(claim, value, half, factor):
    narrow = verdict(claim, [row(value, value - half, value + half)], "tiny").outcome
    wide = verdict(
        claim, [row(value, value - factor * half, value + factor * half)], "tiny"
    ).outcome
    assert wide in (narrow, "cannot tell")


@given(finite, finite, st.floats(0, 5), st.floats(0, 5))
@settings(max_examples=100, deadline=None)
def test_two_rows_are_compared_both_ways_alike(x, y, half_x, half_y):
    rows = [row(x, x - half_x, x + half_x), row(y, y - half_y, y + half_y, id=OTHER)]
    above = replace(CLAIM, compare=">", value=0.0, other_id=OTHER)
    below = replace(CLAIM, compare="<", value=0.0, id=OTHER, other_id=PSNR)
    assert verdict(above, rows, "tiny").outcome == verdict(below, rows, "tiny").outcome


def test_the_interval_of_a_difference_has_its_closed_form():
    """Half widths 3 and 4 make 5 (Zou & Donner 2008, for symmetric intervals)."""
    rows = [row(20.0, 17.0, 23.0), row(10.0, 6.0, 14.0, id=OTHER)]
    claim = replace(CLAIM, other_id=OTHER)
    assert verdict(replace(claim, value=4.999), rows, "tiny").outcome == "confirmed"
    assert verdict(replace(claim, value=5.001), rows, "tiny").outcome == "cannot tell"
    assert verdict(replace(claim, value=15.001), rows, "tiny").outcome == "refuted"


@pytest.mark.parametrize(
    ("rows", "preset", "reason"),
    [
        ([], "small", f"{PSNR} was not measured at preset small"),
        ([row(25.0)], "small", f"{PSNR} was not measured at preset small"),
        ([row(25.0)], "tiny", "needs preset small or larger, this is tiny"),
        ([row(None, preset="small")], "small", f"{PSNR} is not a finite number"),
        (
            [row(20.5, 19.0, 21.0, preset="full")],
            "full",
            "the interval [19, 21] is only in part > 20",
        ),
    ],
)
def test_what_cannot_be_told_says_why(rows, preset, reason):
    judged = verdict(replace(CLAIM, min_preset="small"), rows, preset)
    assert (judged.outcome, judged.reason) == ("cannot tell", reason)


def written(tmp_path, **changes):
    entry = {
        "name": '"sharp"',
        "chapter": '"04-vqvae-versions"',
        "source": '"write-up, v1.0.1"',
        "text": '"It is sharp."',
        "id": f'"{PSNR}"',
        "compare": '">"',
        "value": "20",
        **changes,
    }
    lines = [f"{key} = {value}" for key, value in entry.items() if value is not None]
    path = tmp_path / "claims.toml"
    path.write_text("[[claim]]\n" + "\n".join(lines) + "\n")
    return path


def test_claims_are_read(tmp_path):
    assert read_claims(written(tmp_path)) == [CLAIM]
    [claim] = read_claims(written(tmp_path, compare='"between"', value="[20, 21.5]"))
    assert claim.value == (20.0, 21.5)
    [claim] = read_claims(written(tmp_path, value=None, other_id=f'"{OTHER}"'))
    assert claim.value == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wert": "1"}, "unknown key wert; known are name, chapter"),
        ({"compare": '"="'}, "compare = '=': choose one of <, <=, >, >=, ==, between"),
        ({"id": '"psnr"'}, "id 'psnr' is malformed"),
        ({"other_id": '"psnr"'}, "id 'psnr' is malformed"),
        ({"value": None}, "lacks value"),
        ({"source": None}, "lacks source"),
        ({"value": '"20"'}, "value = '20': give a number"),
        ({"value": "nan"}, "value = nan: give finite numbers"),
        ({"value": "[1, 2]"}, "between takes a pair"),
        ({"compare": '"between"'}, "between takes a pair"),
        ({"compare": '"between"', "value": "[2, 1]"}, "the lower one first"),
        ({"compare": '"between"', "value": "[1, 2, 3]"}, "a pair is [lowest, highest]"),
        ({"tolerance": "-1"}, "tolerance = -1.0: give a number from 0 up"),
        ({"min_preset": '"huge"'}, "unknown preset 'huge'"),
        ({"text": "1"}, "text = 1: give a text"),
    ],
)
def test_malformed_claims_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf"claims\.toml, claim sharp: .*{re.escape(message)}"):
        read_claims(written(tmp_path, **changes))


def test_names_are_unique_and_the_file_is_required(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text() * 2)
    with pytest.raises(ValueError, match="claim sharp: the name is taken"):
        read_claims(path)
    path.write_text("[[claims]]\n")
    with pytest.raises(ValueError, match=r"unknown key claims; write \[\[claim\]\]"):
        read_claims(path)
    with pytest.raises(FileNotFoundError, match=r"gone\.toml does not exist"):
        read_claims(tmp_path / "gone.toml")


def test_the_table_shows_measurement_and_verdict(tmp_path):
    path = written(tmp_path)
    path.write_text(
        path.read_text()
        + path.read_text().replace('"sharp"', '"sharper"')
        + f'other_id = "{OTHER}"\n'
    )
    ledger = Ledger("04-vqvae-versions", "tiny", root=tmp_path)
    ledger.record(PSNR, 24.1, low=23.8, high=24.4, n=512, unit="dB")
    frame = verdicts_table("04-vqvae-versions", {"tiny": ledger.rows}, path=path)
    assert list(frame.columns) == ["Source", "Claim", "at tiny"]
    spoken = "24.1 dB (95 % interval 23.8–24.4, n = 512)"
    assert frame["at tiny"][0] == f"{spoken}: confirmed"
    assert frame["at tiny"][1] == f"{spoken} against not measured: cannot tell"
    with pytest.raises(ValueError, match="no claim on '01-doom-segmentation' has a source"):
        verdicts_table("01-doom-segmentation", {"tiny": ledger.rows}, path=path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "(> 20)"),
        ({"quantity": '"PSNR"'}, "(PSNR: > 20)"),
        ({"compare": '">="', "value": "0.9968"}, "(≥ 0.9968)"),
        ({"compare": '"<="', "value": "0.4"}, "(≤ 0.4)"),
        ({"compare": '"<"', "value": "1e-6"}, "(< 1 × 10⁻⁶)"),
        ({"compare": '"=="', "value": "1", "tolerance": "0.25"}, "(= 1 ± 0.25)"),
        ({"compare": '"between"', "value": "[-0.02, 1200]"}, "(between −0.02 and 1,200)"),
        ({"value": None, "other_id": f'"{OTHER}"'}, "(difference > 0)"),
        (
            {"value": "3", "other_id": f'"{OTHER}"', "quantity": '"PSNR against v1.0"'},
            "(PSNR against v1.0: difference > 3)",
        ),
    ],
)
def test_the_table_says_what_is_compared(tmp_path, changes, said):
    [claim] = verdicts_table("04-vqvae-versions", {}, path=written(tmp_path, **changes))["Claim"]
    assert claim == f"It is sharp. {said}"


def test_the_table_says_below_which_preset_a_claim_cannot_be_told(tmp_path):
    path = written(tmp_path, min_preset='"small"')
    runs = {preset: [row(25.0, 24.0, 26.0, preset=preset)] for preset in ("tiny", "small")}
    [line] = verdicts_table("04-vqvae-versions", runs, path=path).to_dict("records")
    assert line["at tiny"].endswith("): cannot tell below preset small")
    assert line["at small"].endswith("): confirmed")
