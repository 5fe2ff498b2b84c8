"""Training one version: its loss by hand, its cached run, what stops it, what does not."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from lib.data.frames import FrameStore
from lib.data.minerl import read_minerl
from lib.data.splits import split_groups
from lib.evaluation.versions import score_version
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_version import Perceptual, Version
from lib.models.vqvae_versions import version
from lib.training import vqvae as module
from lib.training.finite import NonFiniteLossError
from lib.training.loop import Losses
from lib.training.vqvae import TrainedVersion, train_version, vqvae_losses
from tests.data.footage import write_minerl

STEPS = 6
SHARE = STEPS / 250  # of the steps of preset tiny
QUANTISER = QuantiserConfig(codebook_size=16, embedding_dim=8, reseed_unused=True)
TINY = replace(
    version("v1.0.1", "tiny"),
    model=VqvaeConfig((16, 16), hidden=8, quantiser=QUANTISER),
    batch_size=8,
)
LOST = replace(TINY, learning_rate=1e30, clip_norm=None)  # the second step overflows


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """Three worlds of noise, 16 x 16 pixels, about 20 frames each."""
    folder = tmp_path_factory.mktemp("footage")
    write_minerl(folder / "data", frames=60)
    return read_minerl(folder / "data", folder / "store", size=(16, 16), progress=False)


@pytest.fixture
def train(store: FrameStore) -> np.ndarray:
    return np.arange(len(store))[::2]


Trains = Callable[..., TrainedVersion]


@pytest.fixture
def run(store: FrameStore, train: np.ndarray, tmp_path: Path) -> Trains:
    """`train_version` on the tiny store, for `STEPS` steps unless told otherwise."""

    def trained(chosen: Version = TINY, indices: np.ndarray = train, **options) -> TrainedVersion:
        options = {"root": tmp_path, "share": SHARE, "device": "cpu", "progress": False} | options
        return train_version(chosen, "tiny", store, indices, **options)

    return trained


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever trains from now on fails."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr(module, "_train", refuse)


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_same_bits(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


class TestLosses:
    @pytest.fixture
    def model(self) -> Vqvae:
        torch.manual_seed(0)
        return Vqvae(TINY.model).eval()

    @pytest.mark.parametrize("beta", [0.0, 0.25])
    def test_equal_a_computation_by_hand(self, model, generator, beta):
        x = torch.rand(3, 3, 16, 16, generator=generator)
        losses = vqvae_losses(model, x, beta)

        z = model.encoder(x)
        codes = [
            [[int(((model.quantiser.codebook - z[b, :, i, j]) ** 2).sum(1).argmin())
              for j in range(4)] for i in range(4)] for b in range(3)
        ]  # fmt: skip
        chosen = model.quantiser.codebook[torch.tensor(codes)].permute(0, 3, 1, 2)
        mse = ((model.decoder(chosen) - x) ** 2).mean()
        commitment = ((z - chosen) ** 2).mean()
        shares = np.unique(codes, return_counts=True)[1] / 48
        torch.testing.assert_close(losses.parts["mse"], mse)
        torch.testing.assert_close(losses.parts["commitment"], commitment)
        torch.testing.assert_close(losses.total, mse + beta * commitment)
        assert float(losses.parts["perplexity"]) == pytest.approx(
            float(np.exp(-(shares * np.log(shares)).sum())), rel=1e-4
        )

    def test_the_gradient_skips_the_quantiser(self, model, generator):
        """The decoder's gradient reaches the encoder as if the codes were the latents."""
        x = torch.rand(2, 3, 16, 16, generator=generator)
        vqvae_losses(model, x, 0.25).total.backward()
        got = {name: p.grad.clone() for name, p in model.named_parameters()}
        model.zero_grad()

        z = model.encoder(x)
        chosen = model.quantiser(z).latents.detach().requires_grad_()
        ((model.decoder(chosen) - x) ** 2).mean().backward()
        pull = 0.25 * 2 * (z - chosen).detach() / z.numel()
        z.backward(chosen.grad + pull)
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(got[name], parameter.grad, msg=name)

    def test_the_codebook_has_no_gradient(self, model, generator):
        losses = vqvae_losses(model, torch.rand(1, 3, 16, 16, generator=generator), 0.25)
        assert not model.quantiser.codebook.requires_grad
        for name in ("perplexity", "largest_product", "largest_sum"):
            assert not losses.parts[name].requires_grad


class TestRun:
    def test_a_run_from_end_to_end(self, run, store, train, tmp_path):
        trained = run()
        assert trained.version == TINY
        assert trained.run.path.parent == tmp_path / "runs" / "vqvae"
        assert trained.run.path.name.startswith("v1.0.1-tiny-")
        assert trained.run.done
        assert trained.steps_per_epoch == STEPS / 20
        assert trained.seconds > 0
        assert list(trained.history.columns) == [
            "step", "loss", "mse", "commitment", "perplexity", "largest_product", "largest_sum",
            "grad_norm", "lr",
        ]  # fmt: skip
        assert trained.history["step"].tolist() == [1, 5, 6], "first, every fifth, last"
        history = trained.history
        np.testing.assert_allclose(
            history["loss"], history["mse"] + TINY.beta * history["commitment"], rtol=1e-6
        )
        assert trained.run.metrics["mse"] == pytest.approx(history["mse"].iloc[-1])
        assert not trained.model.training
        assert {p.device.type for p in trained.model.parameters()} == {"cpu"}
        assert list((trained.run.path / "tensorboard").iterdir())

    def test_training_moves_everything(self, run):
        trained = run()
        torch.manual_seed(0)
        before = Vqvae(TINY.model)
        still = [
            name
            for name, value in before.state_dict().items()
            if torch.equal(value, trained.model.state_dict()[name])
        ]
        assert still == []

    def test_a_second_call_loads(self, run, untrained, monkeypatch):
        with pytest.raises(AssertionError, match="trained again"):
            run()
        monkeypatch.undo()
        first = run()
        monkeypatch.setattr(module, "_train", None)
        again = run()
        assert again.run == first.run
        assert_same_bits(weights(again.model), weights(first.model))
        pd.testing.assert_frame_equal(again.history, first.history)
        assert again.seconds == first.seconds

    def test_force_trains_anew(self, run, monkeypatch):
        first = weights(run().model)
        calls = []
        train = module._train
        monkeypatch.setattr(module, "_train", lambda *a, **k: calls.append(a) or train(*a, **k))
        assert_same_bits(weights(run(force=True).model), first)
        assert len(calls) == 1

    def test_whatever_decides_the_outcome_makes_another_run(self, run, train):
        runs = [
            run(),
            run(seed=1),
            run(share=2 / 250),
            run(replace(TINY, beta=0.5)),
            run(replace(TINY, model=replace(TINY.model, hidden=4))),
            run(indices=train[4:]),
        ]
        assert len({trained.run.path for trained in runs}) == len(runs)
        assert not torch.equal(runs[0].model.quantiser.codebook, runs[1].model.quantiser.codebook)

    def test_the_seed_decides_all(self, run, tmp_path):
        a, b = (run(root=tmp_path / name, seed=3) for name in "ab")
        assert_same_bits(weights(a.model), weights(b.model))
        pd.testing.assert_frame_equal(a.history, b.history)

    @pytest.mark.parametrize("stopped_after", [1, 4])
    def test_a_resumed_run_ends_with_the_same_bits(self, run, tmp_path, monkeypatch, stopped_after):
        """Codes are reseeded at random in every step: the generators must go on, too."""
        whole = run(root=tmp_path / "whole")
        calls = []

        def interrupted(
            model: torch.nn.Module, images: Tensor, beta: float, **options: object
        ) -> Losses:
            calls.append(images)
            if len(calls) == stopped_after:
                signal.raise_signal(signal.SIGINT)
            return vqvae_losses(model, images, beta, **options)

        monkeypatch.setattr(module, "vqvae_losses", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(root=tmp_path / "parts")
        assert len(calls) == stopped_after
        resumed = run(root=tmp_path / "parts")
        assert len(calls) == STEPS, "no step is done twice"
        assert_same_bits(weights(resumed.model), weights(whole.model))
        pd.testing.assert_frame_equal(resumed.history, whole.history)

    def test_evaluation_changes_nothing(self, run, store):
        trained = run()
        before = weights(trained.model)
        splits = split_groups(store.groups)
        first = score_version(trained.model, store, splits)
        trained.model.train()
        second = score_version(trained.model, store, splits)
        assert trained.model.training, "the mode is put back"
        assert_same_bits(weights(trained.model), before)
        assert first["heldout"].to_plain() == second["heldout"].to_plain()

    def test_a_step_in_training_mode_does_change_the_codebook(self, run, store, train):
        """Else the test above could not fail."""
        model = run().model.train()
        before = weights(model)
        model(torch.from_numpy(store.batch(train)))
        assert not torch.equal(model.quantiser.code_sums, before["quantiser.code_sums"])


class Difference(torch.nn.Module):
    """Stands in for LPIPS: the mean difference of each image, counting its calls."""

    calls = 0

    def forward(self, image: Tensor, reference: Tensor) -> Tensor:
        self.calls += 1
        return (image - reference).abs().mean((1, 2, 3))


class TestLpips:
    EASED = replace(TINY, epochs=6, perceptual=Perceptual(step=0.5, every=2, cap=1.0))

    @pytest.fixture
    def lpips(self, monkeypatch: pytest.MonkeyPatch) -> Difference:
        stand_in = Difference()
        monkeypatch.setattr(module, "perceptual_loss", lambda version: stand_in)
        return stand_in

    def test_its_part_of_the_loss(self, generator, lpips):
        torch.manual_seed(0)
        model = Vqvae(TINY.model).eval()
        x = torch.rand(2, 3, 16, 16, generator=generator)
        plain = vqvae_losses(model, x, 0.25)
        watched = vqvae_losses(model, x, 0.25, lpips=lpips)
        weighted = vqvae_losses(model, x, 0.25, lpips=lpips, lpips_weight=0.3)
        difference = (model(x).image - x).abs().mean()
        torch.testing.assert_close(weighted.total, plain.total + 0.3 * difference)
        torch.testing.assert_close(watched.parts["lpips"], difference)
        assert torch.equal(watched.total, plain.total)
        assert not watched.parts["lpips"].requires_grad
        unwatched = vqvae_losses(model, x, 0.25, lpips=lpips, watch=False)
        assert lpips.calls == 2
        assert float(unwatched.parts["lpips"]) == 0

    def test_its_weight_follows_the_epochs(self, run, lpips):
        history = run(self.EASED, share=12 / 250).history
        assert history["step"].tolist() == [1, 5, 10, 12]
        assert history["lpips_weight"].tolist() == [0.0, 0.5, 1.0, 1.0]
        total = history["mse"] + TINY.beta * history["commitment"]
        total += history["lpips_weight"] * history["lpips"]
        np.testing.assert_allclose(history["loss"], total, rtol=1e-6)
        assert lpips.calls == 1 + 10, "once for the log, then at each step with weight"

    def test_what_was_not_installed_is_zero(self, run):
        missing = replace(TINY, perceptual=Perceptual(start=1.0, installed=False))
        history = run(missing).history
        assert history["lpips"].tolist() == [0.0, 0.0, 0.0]
        assert history["lpips_weight"].tolist() == [1.0, 1.0, 1.0]
        assert_same_bits(weights(run(missing).model), weights(run().model))

    def test_the_range_is_the_versions(self, monkeypatch):
        asked = []
        monkeypatch.setattr(module, "read_lpips_weights", lambda net: {"net": net})
        monkeypatch.setattr(module, "Lpips", lambda w, input_range: asked.append((w, input_range)))
        for name in ("v2.1.4", "v2.1.5"):
            module.perceptual_loss(version(name))
        assert asked == [({"net": "alex"}, "[0, 1]"), ({"net": "alex"}, "[-1, 1]")]
        assert module.perceptual_loss(version("v2.0")) is None


class TestContinuing:
    NEXT = replace(TINY, name="next", continues_from="v1.0.1", continues_at=10, batch_size=16)

    def test_it_starts_from_weights_averages_and_optimiser(self, run, monkeypatch):
        parent = run()
        begun = []

        def fit(model: Vqvae, step: object, batches: object, optimiser: object, **_: object):
            begun.extend([weights(model), optimiser.state_dict()["state"][0]["step"]])
            raise InterruptedError

        monkeypatch.setattr(module, "fit", fit)
        with pytest.raises(InterruptedError):
            run(self.NEXT, parent=parent)
        assert_same_bits(begun[0], weights(parent.model))
        assert begun[1] == STEPS

    def test_all_of_a_family(self, run, store, train, tmp_path, monkeypatch):
        options = {"root": tmp_path, "share": SHARE, "device": "cpu", "progress": False}
        family = {"v1.0.1": TINY, "next": self.NEXT}
        trained = module.train_versions(family, "tiny", lambda v: (store, train), **options)
        assert list(trained) == ["v1.0.1", "next"]
        assert trained["next"].run.config["parent"] == trained["v1.0.1"].run.key
        other = run(self.NEXT, parent=run(seed=4))
        assert other.run.path != trained["next"].run.path, "another parent, another run"
        with pytest.raises(ValueError, match="next continues v1.0.1, which is not among those"):
            module.train_versions({"next": self.NEXT}, "tiny", lambda v: (store, train))

    def test_the_parent_must_be_the_one(self, run, untrained):
        with pytest.raises(ValueError, match="parent is None, but next continues v1.0.1; train"):
            run(self.NEXT)


class TestNotFinite:
    def test_stop_names_what_blew_up(self, run, tmp_path):
        with pytest.raises(NonFiniteLossError) as caught:
            run(LOST)
        assert caught.value.step == 1
        assert {"loss", "mse"} <= caught.value.parts.keys()
        message = str(caught.value)
        assert message.startswith("step 1: not finite: ")
        assert "Lower the learning rate" in message
        [folder] = (tmp_path / "runs" / "vqvae").glob("v1.0.1-tiny-*")
        assert not (folder / "done").exists(), "a run that broke off is no finished one"

    def test_skip_counts_and_goes_on(self, run):
        trained = run(replace(LOST, nonfinite="skip"))
        assert trained.run.done
        assert trained.history["skipped"].tolist() == [0, 4, 5]
        assert trained.run.metrics["skipped"] == 5
        assert trained.run.metrics["mse"] is None, "not a number, for JSON"
        assert not np.isfinite(trained.history["mse"].iloc[-1])
        assert trained.history["mse"].iloc[0] < 1
        for name, parameter in trained.model.named_parameters():
            assert parameter.isfinite().all(), f"{name}: no update of a lost step reaches it"

    def test_a_version_that_skips_counts_none_while_all_is_well(self, run):
        trained = run(replace(TINY, nonfinite="skip"))
        assert trained.history["skipped"].tolist() == [0, 0, 0]


class TestMistakes:
    @pytest.mark.parametrize("share", [0.0, -0.5, 1.01, float("nan")])
    def test_share(self, run, untrained, share):
        with pytest.raises(ValueError, match=r"share is .*; give a number above 0, at most 1"):
            run(share=share)

    def test_at_least_one_step(self, run):
        assert run(share=1e-9).history["step"].tolist() == [1]

    def test_frames_of_another_size(self, run, untrained):
        wide = replace(TINY, model=replace(TINY.model, image_size=(16, 32)))
        with pytest.raises(ValueError, match=r"frames of \(16, 16\) pixels, v1.0.1 takes \(16, 32"):
            run(wide)

    def test_an_unknown_device(self, run, untrained):
        with pytest.raises(ValueError, match="device: got 'tpu'"):
            run(device="tpu")

    def test_fewer_frames_than_a_batch(self, run, train):
        with pytest.raises(ValueError, match="5 items cannot fill one batch of 8"):
            run(indices=train[:5])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_run_on_a_gpu(run):
    trained = run(device="cuda")
    assert trained.history["step"].tolist() == [1, 5, 6]
    assert {p.device.type for p in trained.model.parameters()} == {"cpu"}
