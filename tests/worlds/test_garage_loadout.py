from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.garage.loadout import (
    CLASSES,
    NEW_BODIES,
    STICKERS,
    WHEELS,
    Body,
    Hat,
    Loadout,
    Team,
    sample_loadouts,
)

ANY = Loadout(Body.OCTANE, Team.BLUE, 0.5, 0.0, Hat.NONE, 0, 0)


def test_class_shares_are_the_writeups():
    """25.1, 25.0, 16.7 and 33.2 % of its test images."""
    bodies = Counter(loadout.body for loadout in sample_loadouts(12_00))
    assert [bodies[body] / 12 for body in CLASSES] == [25.0, 25.0, 100 / 6, 100 / 3]


def test_balanced_shares():
    bodies = Counter(loadout.body for loadout in sample_loadouts(480, shares="balanced"))
    assert set(bodies.values()) == {120}


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 300), seed=st.integers(0, 50), new=st.booleans())
def test_loadouts_differ_and_repeat_with_the_seed(count, seed, new):
    bodies = NEW_BODIES if new else CLASSES
    loadouts = sample_loadouts(count, bodies=bodies, seed=seed)
    assert len(set(loadouts)) == len(loadouts) == count
    assert loadouts == sample_loadouts(count, bodies=bodies, seed=seed)
    assert {loadout.body for loadout in loadouts} <= set(bodies)
    pairs = Counter((loadout.body, loadout.sticker) for loadout in loadouts)
    assert max(pairs.values()) - min(pairs.values(), default=0) <= 1 or len(pairs) < 12


def test_other_seeds_give_other_loadouts():
    assert not set(sample_loadouts(50)) & set(sample_loadouts(50, seed=1))


def test_everything_that_can_be_worn_is_worn():
    loadouts = sample_loadouts(2000)
    assert {loadout.wheel for loadout in loadouts} == set(range(WHEELS))
    assert {loadout.hat for loadout in loadouts} == set(Hat)
    assert {loadout.team for loadout in loadouts} == set(Team)
    colours = {loadout.primary_colour for loadout in loadouts}
    assert (min(colours), max(colours), len(colours)) == (0.0, 1.0, 10)
    stickers = {(loadout.body, loadout.sticker) for loadout in loadouts}
    assert stickers == {(body, i) for body in CLASSES for i in range(STICKERS[body])}


def test_order_tells_nothing_about_the_class():
    firsts = Counter(sample_loadouts(40, seed=seed)[0].body for seed in range(60))
    assert len(firsts) == len(CLASSES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sticker": 3}, "sticker is 3, but octane has 3"),
        ({"wheel": 23}, "wheel is 23; choose one from 0 to 22"),
        ({"primary_colour": 1.5}, "primary_colour is 1.5; give a number from 0 to 1"),
        ({"secondary_colour": -0.1}, "secondary_colour is -0.1"),
    ],
)
def test_what_no_car_can_wear(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(ANY, **changes)


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (0, {}, "count is 0"),
        (5, {"bodies": ()}, "give at least one of each"),
        (200_000, {"bodies": (Body.WEREWOLF,)}, "105,800 is half of all there are"),
    ],
)
def test_nothing_to_draw(count, options, message):
    with pytest.raises(ValueError, match=message):
        sample_loadouts(count, **options)
