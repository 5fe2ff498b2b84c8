"""Which frames are scored, what a training log is said to show, scores of a tiny store."""

import json
import math
from dataclasses import asdict, astuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.data.frames import FrameStore
from lib.data.minerl import read_minerl
from lib.data.splits import Splits, split_groups
from lib.evaluation.grid import grid_energy
from lib.evaluation.intervals import Estimate
from lib.evaluation.reconstruction import perplexity
from lib.evaluation.versions import (
    MOST_FRAMES,
    PartScores,
    TrainingFacts,
    image_batches,
    part_indices,
    score_version,
    training_facts,
)
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from tests.data.footage import write_minerl


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """Five worlds of noise, 16 x 16 pixels, 10 to 12 frames each."""
    folder = tmp_path_factory.mktemp("footage")
    write_minerl(folder / "data", frames=40, recordings=5)
    return read_minerl(folder / "data", folder / "store", size=(16, 16), progress=False)


@pytest.fixture(scope="module")
def splits(store: FrameStore) -> Splits:
    return split_groups(store.groups, test=0.4)


@pytest.fixture(scope="module")
def model() -> Vqvae:
    torch.manual_seed(0)
    quantiser = QuantiserConfig(codebook_size=8, embedding_dim=4, reseed_unused=True)
    model = Vqvae(VqvaeConfig((16, 16), hidden=8, quantiser=quantiser))
    with torch.no_grad():  # codes among the latents, so that several are used
        cells = model.latents(torch.rand(1, 3, 16, 16)).permute(0, 2, 3, 1).flatten(0, 2)
    model.quantiser.codebook.copy_(cells[:8])
    return model


@pytest.fixture(scope="module")
def scored(model: Vqvae, store: FrameStore, splits: Splits) -> dict[str, PartScores]:
    return score_version(model, store, splits)


def parts_of(train: int, validation: int, test: int) -> Splits:
    everything = np.arange(train + validation + test)
    return Splits(
        everything[:train], everything[train : train + validation], everything[train + validation :]
    )


class TestPartIndices:
    @given(st.integers(1, 300), st.integers(1, 120))
    @settings(max_examples=60, deadline=None)
    def test_at_most_so_many_evenly_spaced(self, frames, most):
        splits = parts_of(frames, 1, 1)
        chosen = part_indices(splits, "train", most=most)
        assert len(chosen) == len(set(chosen)) == min(frames, most)
        assert set(chosen) <= set(splits.train)
        gaps = np.diff(chosen)
        assert (gaps > 0).all()
        if len(gaps):
            assert gaps.max() - gaps.min() <= 1
            assert (chosen[0], chosen[-1]) == (0, frames - 1)

    def test_held_out_is_the_test_split(self):
        splits = parts_of(6, 3, 4)
        assert part_indices(splits, "heldout").tolist() == [9, 10, 11, 12]
        assert part_indices(splits, "train").tolist() == [0, 1, 2, 3, 4, 5]

    def test_the_limit_by_default(self):
        assert len(part_indices(parts_of(3 * MOST_FRAMES, 1, 1), "train")) == MOST_FRAMES


class TestImageBatches:
    def test_every_frame_once_and_in_order(self, store):
        indices = np.array([7, 3, 30, 4, 11])
        batches = list(image_batches(store, indices, 2))
        assert [len(batch) for batch in batches] == [2, 2, 1]
        together = torch.cat(batches)
        assert together.dtype == torch.float32
        wanted = torch.from_numpy(store.frames[indices].copy()).permute(0, 3, 1, 2) / 255
        torch.testing.assert_close(together, wanted)


def history(rows: dict[int, float], **more: object) -> pd.DataFrame:
    """A log with the MSE at each of these steps; what is not given is plain."""
    table = pd.DataFrame({"step": list(rows), "mse": list(rows.values())})
    plain = {"perplexity": 10.0, "grad_norm": 0.5, "largest_sum": 1.0, "largest_product": 1.0}
    return table.assign(**(plain | more))


class TestTrainingFacts:
    def test_means_over_whole_epochs(self):
        """Four steps an epoch, every second logged: epochs of steps 1-4, 5-8, 9-12."""
        facts = training_facts(
            history(
                {1: 8.0, 2: 6.0, 4: 4.0, 6: 4.0, 8: 2.0, 10: 3.0, 12: 6.0},
                perplexity=[1.0, 2.0, 3.0, 5.0, 7.0, 9.0, 9.0],
                grad_norm=[1.0, 1.5, 0.5, 3.5, 0.1, 0.1, 1.0],
                largest_sum=[1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0],
                largest_product=[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 7.0],
            ),
            4,
        )
        assert facts == TrainingFacts(
            mse_fall=4.5 / 6.0,
            mse_epoch_2_over_1=3.0 / 6.0,
            perplexity_epoch_2_over_1=6.0 / 2.0,
            mse_last_over_epoch_2=4.5 / 3.0,
            clipped_share=2 / 7,  # a norm of exactly 1 is left as it is
            largest_gradient_norm=3.5,
            largest_sum=9.0,
            largest_product=7.0,
        )

    def test_an_epoch_cut_short_joins_the_one_before(self):
        """Steps 13 and 14 of epochs of four belong to the third."""
        cut = training_facts(history({4: 8.0, 8: 4.0, 12: 1.0, 13: 4.0, 14: 4.0}), 4)
        assert cut.mse_fall == pytest.approx(3.0 / 8.0)
        whole = training_facts(history({4: 8.0, 8: 4.0, 12: 1.0, 16: 2.0}), 4)
        assert whole.mse_fall == pytest.approx(2.0 / 8.0)

    def test_one_step_an_epoch(self):
        facts = training_facts(history({1: 4.0, 2: 2.0, 3: 1.0}), 1)
        assert astuple(facts)[4:8] == (0.25, 0.5, 1.0, 0.5)

    @given(st.integers(1, 9), st.integers(3, 12), st.floats(0.5, 2))
    @settings(max_examples=40, deadline=None)
    def test_a_geometric_fall(self, steps_per_epoch, epochs, factor):
        """An epoch's error is `factor` of the one before: closed form."""
        steps = np.arange(1, steps_per_epoch * epochs + 1)
        mse = factor ** ((steps - 1) // steps_per_epoch)
        rows = dict(zip(steps.tolist(), mse.tolist(), strict=True))
        facts = training_facts(history(rows), steps_per_epoch)
        assert facts.mse_epoch_2_over_1 == pytest.approx(factor)
        assert facts.mse_fall == pytest.approx(factor ** (epochs - 1))
        assert facts.mse_last_over_epoch_2 == pytest.approx(factor ** (epochs - 2))

    @pytest.mark.parametrize("lost", [np.nan, np.inf])
    def test_a_lost_loss_is_not_averaged_away(self, lost):
        facts = training_facts(
            history(
                {1: 8.0, 2: 4.0, 3: 2.0, 4: 2.0, 5: 1.0, 6: lost}, largest_sum=[1.0] * 5 + [lost]
            ),
            2,
        )
        assert not np.isfinite(facts.mse_fall)
        assert not np.isfinite(facts.mse_last_over_epoch_2)
        assert not np.isfinite(facts.largest_sum)
        assert facts.mse_epoch_2_over_1 == pytest.approx(2.0 / 6.0), "which was measured all right"

    def test_a_loss_lost_early(self):
        facts = training_facts(history({1: np.nan, 2: 4.0, 3: 2.0}), 1)
        assert not np.isfinite(facts.mse_fall)
        assert facts.mse_last_over_epoch_2 == pytest.approx(0.5)

    @pytest.mark.parametrize("steps_per_epoch", [4, 400])
    def test_fewer_than_three_epochs_compare_nothing(self, steps_per_epoch):
        facts = training_facts(history(dict.fromkeys((1, 5, 10, 11), 1.0)), steps_per_epoch)
        assert astuple(facts)[4:8] == (None,) * 4
        assert facts.clipped_share is not None

    def test_an_epoch_without_a_row_is_not_replaced_by_another(self):
        """Logged every fifth step, an epoch of two steps can fall between."""
        facts = training_facts(history({1: 8.0, 5: 4.0, 10: 2.0, 15: 1.0}), 2)
        assert astuple(facts)[4:8] == (None,) * 4


class TestPerceptualAndCommitmentFacts:
    def test_a_log_without_them(self):
        facts = training_facts(history({1: 1.0, 2: 1.0}), 1)
        assert astuple(facts)[8:] == (None,) * 5

    def test_commitment(self):
        """Of 20 rows the first two are the start."""
        values = [8.0, 4.0] + [2.0] * 16 + [0.5, 1.5]
        facts = training_facts(history(dict.fromkeys(range(1, 21), 1.0), commitment=values), 4)
        assert facts.commitment_start == 6.0
        assert facts.commitment_min == 0.5
        assert facts.commitment_fall == 0.25

    def test_few_rows_start_with_the_first(self):
        facts = training_facts(history({1: 1.0, 2: 1.0}, commitment=[4.0, 1.0]), 1)
        assert (facts.commitment_start, facts.commitment_fall) == (4.0, 0.25)

    def test_a_commitment_of_nothing_cannot_fall(self):
        facts = training_facts(history({1: 1.0, 2: 1.0}, commitment=[0.0, 0.0]), 1)
        assert (facts.commitment_start, facts.commitment_fall) == (0.0, None)

    @pytest.mark.parametrize("lost", [np.nan, np.inf])
    def test_a_lost_commitment_is_not_averaged_away(self, lost):
        facts = training_facts(history({1: 1.0, 2: 1.0}, commitment=[1.0, lost]), 1)
        assert facts.commitment_start == 1.0
        assert not math.isfinite(facts.commitment_fall)

    @pytest.mark.parametrize(("first", "epoch"), [(1, 1), (4, 1), (5, 2), (12, 3)])
    def test_the_first_epoch_with_weight(self, first, epoch):
        steps = range(1, 13)
        weights = [0.0 if step < first else 0.05 for step in steps]
        rows = history(dict.fromkeys(steps, 1.0), lpips=[0.2] * 11 + [0.3], lpips_weight=weights)
        facts = training_facts(rows, 4)
        assert facts.lpips_max == 0.3
        assert facts.lpips_weight_first_nonzero_epoch == epoch

    def test_a_package_that_was_missing_logs_zero(self):
        """And a weight that never comes is no epoch, though the column is there."""
        rows = history({1: 1.0, 2: 1.0}, lpips=0.0, lpips_weight=0.0)
        facts = training_facts(rows, 1)
        assert facts.lpips_max == 0.0
        assert facts.lpips_weight_first_nonzero_epoch is None


def numbers() -> st.SearchStrategy[float]:
    return st.floats(allow_nan=True, allow_infinity=True)


class TestPlain:
    @given(
        st.dictionaries(
            st.text(max_size=5),
            st.builds(
                Estimate,
                numbers(),
                st.none() | numbers(),
                st.none() | numbers(),
                st.integers(0, 10**9),
                st.integers(0, 99),
            ),
            max_size=4,
        ),
        st.lists(st.integers(0, 2**53), max_size=6),
    )
    @settings(max_examples=60, deadline=None)
    def test_there_and_back_through_json(self, metrics, counts):
        scores = PartScores(metrics, np.array(counts, dtype=np.int64))
        text = json.dumps(scores.to_plain(), allow_nan=False)
        back = PartScores.from_plain(json.loads(text))
        assert repr(back.metrics) == repr(metrics), "to the last bit, and NaN too"
        assert all(isinstance(e.n, int) for e in back.metrics.values())
        assert back.code_counts.dtype == np.int64
        np.testing.assert_array_equal(back.code_counts, counts)

    def test_of_a_version(self, scored):
        for scores in scored.values():
            back = PartScores.from_plain(json.loads(json.dumps(scores.to_plain())))
            assert repr(back.metrics) == repr(scores.metrics)
            np.testing.assert_array_equal(back.code_counts, scores.code_counts)


class Halves(nn.Module):
    """In place of LPIPS."""

    def forward(self, image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        return torch.full((len(image),), 0.5)


class TestScoreVersion:
    def test_the_names_of_all_scores(self, model, store, splits, scored):
        with_lpips = score_version(model, store, splits, lpips=Halves(), most=4)
        both = {
            "psnr_db", "ssim", "lpips", "mse", "sharpness_ratio", "perplexity", "codes_used",
            "flat_texture", "detail_correlation",
        }  # fmt: skip
        grid = {"grid_energy_flat", "grid_energy_sky"}
        assert set(with_lpips["train"].metrics) == both
        assert set(with_lpips["heldout"].metrics) == both | grid
        for scores in with_lpips.values():
            assert scores.metrics["lpips"].value == 0.5
            assert scores.metrics["mse"].n == 4
        assert set(scored["train"].metrics) == both - {"lpips"}

    def test_the_grid_belongs_to_the_model(self, model, store, splits):
        metrics = score_version(model, store, splits, most=2, seed=5)["heldout"].metrics
        for name, estimate in grid_energy(model, seed=5).items():
            assert metrics[name] == estimate
            assert estimate.value > 0

    def test_no_frames_are_no_score(self, model, store, splits):
        with pytest.raises(ValueError, match="most is 0; give a number of frames from 1"):
            score_version(model, store, splits, most=0)

    def test_both_parts_are_scored_on_their_own_frames(self, model, store, splits, scored):
        assert list(scored) == ["train", "heldout"]
        for part, indices in (("train", splits.train), ("heldout", splits.test)):
            images = torch.from_numpy(store.batch(indices))
            with torch.inference_mode():
                result = model.eval()(images)
            error = (result.image - images).square().mean((1, 2, 3)).double()
            metrics = scored[part].metrics
            assert metrics["mse"].value == pytest.approx(float(error.mean()), rel=1e-5)
            assert metrics["mse"].n == len(indices)
            assert metrics["mse"].groups == len(set(store.groups[indices]))
            counts = torch.bincount(result.quantised.codes.flatten(), minlength=8)
            np.testing.assert_array_equal(scored[part].code_counts, counts.numpy())
            assert metrics["codes_used"].value == (counts > 0).sum() > 1
            assert metrics["perplexity"].value == pytest.approx(perplexity(counts.double().numpy()))

    def test_intervals_hold_their_values(self, scored):
        for scores in scored.values():
            for name, estimate in scores.metrics.items():
                if name == "grid_energy_flat":
                    assert (estimate.low, estimate.high) == (None, None)
                elif name == "flat_texture":  # footage of noise has no flat patch
                    assert estimate.n == 0
                else:
                    assert estimate.low <= estimate.value <= estimate.high, name

    def test_the_seed_draws_the_resamples_only(self, model, store, splits, scored):
        first, again = scored, score_version(model, store, splits, seed=0)
        other = score_version(model, store, splits, seed=1)
        for part in ("train", "heldout"):
            assert repr(first[part].metrics) == repr(again[part].metrics)
            values = {name: e.value for name, e in first[part].metrics.items()}
            assert repr(values) == repr({n: e.value for n, e in other[part].metrics.items()})
        assert first["train"].metrics != other["train"].metrics

    def test_a_model_that_is_lost_scores_nan_and_no_interval(self, store, splits):
        torch.manual_seed(0)
        quantiser = QuantiserConfig(codebook_size=8, embedding_dim=4)
        lost = Vqvae(VqvaeConfig((16, 16), hidden=8, quantiser=quantiser))
        lost.quantiser.codebook.fill_(torch.nan)
        metrics = score_version(lost, store, splits)["heldout"].metrics
        for name in ("psnr_db", "ssim", "mse", "sharpness_ratio"):
            estimate = asdict(metrics[name])
            assert np.isnan(estimate["value"]), name
            assert (estimate["low"], estimate["high"]) == (None, None), name
