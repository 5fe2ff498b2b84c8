import logging
import math
import signal
import threading

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from torch import nn

from lib.training.checkpoint import checkpoint_path, checkpoints, load_checkpoint
from lib.training.device import make_fabric
from lib.training.finite import not_finite_entries
from lib.training.loop import Losses, NonFiniteLossError, fit
from tests.training.study import Study, batches, classify


class Recorder:
    def __init__(self):
        self.rows, self.closed = [], 0

    def log(self, step, values):
        self.rows.append((step, dict(values)))

    def close(self):
        self.closed += 1


def blow_up_at(bad_step, value=math.nan):
    def step(model, batch, t):
        losses = classify(model, batch, t)
        if t != bad_step:
            return losses
        part = losses.parts["size"] * value
        return Losses(losses.total + part, {**losses.parts, "size": part})

    return step


def assert_same(one: Study, other: Study):
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name
    ours, theirs = one.optimiser.state_dict(), other.optimiser.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    for number, state in ours["state"].items():
        for name, value in state.items():
            assert torch.equal(value, theirs["state"][number][name]), (number, name)


def test_a_small_network_learns_two_batches_by_heart(tmp_path):
    study = Study(tmp_path, dropout=0.0)
    result = study.fit(60)
    assert result.history["loss"][0] > 0.8
    assert result.history["loss"][-1] < 0.05
    assert result.step == 60
    assert result.resumed_from is None
    assert result.seconds > 0


def test_the_loop_does_what_a_bare_loop_does(tmp_path):
    study, oracle = Study(tmp_path), Study(tmp_path / "unused")
    torch.manual_seed(5)
    history = study.fit(6, log_every=1).history
    torch.manual_seed(5)
    for t in range(6):
        oracle.optimiser.zero_grad()
        losses = classify(oracle.model, batches(t), t)
        losses.total.backward()
        norm = torch.cat([p.grad.flatten() for p in oracle.model.parameters()]).norm().item()
        assert history["step"][t] == t + 1
        assert history["loss"][t] == losses.total.item()
        assert history["size"][t] == losses.parts["size"].item()
        assert history["grad_norm"][t] == pytest.approx(norm, rel=1e-5)
        assert history["lr"][t] == oracle.optimiser.param_groups[0]["lr"]
        oracle.optimiser.step()
        oracle.schedule.step()
    assert_same(study, oracle)
    assert "skipped" not in history


@pytest.mark.parametrize("stops", [(4,), (5, 10), (1, 2, 13)])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path, stops):
    whole = Study(tmp_path / "whole")
    torch.manual_seed(1)
    expected = whole.fit(17, log_every=1)

    for number, stop in enumerate(stops):
        piece = Study(tmp_path / "pieces")
        torch.manual_seed(1 if number == 0 else 99)
        piece.fit(stop, log_every=1)
        torch.manual_seed(99)  # what happens in between must not matter
    last = Study(tmp_path / "pieces")
    result = last.fit(17, log_every=1)
    assert result.resumed_from == stops[-1]
    assert result.history == expected.history
    assert_same(last, whole)


def test_generators_and_other_state_resume_too(tmp_path):
    def run(folder, steps):
        study, noise = Study(folder), torch.Generator().manual_seed(3)
        queue = nn.Linear(2, 2, bias=False)  # anything with a state_dict
        nn.init.zeros_(queue.weight)

        def step(model, batch, t):
            with torch.no_grad():
                queue.weight += torch.rand(2, 2, generator=noise)
            return classify(model, batch, t)

        study.fit(steps, step, stateful={"queue": queue}, generators={"noise": noise})
        return queue.weight, noise.get_state()

    expected, expected_noise = run(tmp_path / "whole", 9)
    run(tmp_path / "pieces", 4)
    weight, noise = run(tmp_path / "pieces", 9)
    assert torch.equal(weight, expected)
    assert torch.equal(noise, expected_noise)


def test_a_finished_run_is_loaded_without_a_step(tmp_path):
    done = Study(tmp_path)
    expected = done.fit(7)

    def never(model, batch, t):
        raise AssertionError("no step is left to do")

    again = Study(tmp_path)
    result = again.fit(7, never)
    assert (result.resumed_from, result.history) == (7, expected.history)
    saved = load_checkpoint(make_fabric("cpu"), checkpoint_path(tmp_path, 7))
    assert result.seconds >= saved["seconds"] > 0
    assert_same(done, again)
    with pytest.raises(ValueError, match=r"steps: got 6, but checkpoint-00000007.pt .* is further"):
        Study(tmp_path).fit(6)


def test_resuming_is_logged(tmp_path, caplog):
    Study(tmp_path).fit(2)
    with caplog.at_level(logging.INFO, logger="lib.training"):
        Study(tmp_path).fit(4)
    assert "resumed from checkpoint-00000002.pt" in caplog.text


def test_another_configuration_in_the_same_folder_is_refused(tmp_path):
    Study(tmp_path).fit(2, config={"lr": 0.02, "size": (64, 64)})
    Study(tmp_path).fit(3, config={"lr": 0.02, "size": [64, 64]})
    with pytest.raises(ValueError, match=r"run_dir: .*lr = 0.02 there, 0.5 now.*another folder"):
        Study(tmp_path).fit(4, config={"lr": 0.5, "size": (64, 64)})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_it_reaches_the_weights(tmp_path, value):
    study, sound = Study(tmp_path / "blown"), Study(tmp_path / "sound")
    torch.manual_seed(2)
    sound.fit(7)
    torch.manual_seed(2)
    with pytest.raises(NonFiniteLossError) as caught:
        study.fit(20, blow_up_at(7, value))
    error = caught.value
    assert error.step == 7
    assert set(error.parts) >= {"loss", "size"}
    assert "cross_entropy" not in error.parts
    assert repr(error.parts["size"]) == repr(value)
    assert error.checkpoint == checkpoint_path(study.run_dir, 5)
    for words in ("step 7", f"size = {value}", "checkpoint-00000005.pt", "clip_norm"):
        assert words in str(error)
    for name, weight in study.model.named_parameters():
        assert torch.equal(weight, sound.model.get_parameter(name)), name
    state = load_checkpoint(make_fabric("cpu"), error.checkpoint)
    assert not not_finite_entries(state["model"])
    assert [path.name for path in checkpoints(study.run_dir)] == ["checkpoint-00000005.pt"]


def test_a_blow_up_before_the_first_checkpoint_says_so(tmp_path):
    with pytest.raises(NonFiniteLossError, match="no checkpoint had been written yet") as caught:
        Study(tmp_path).fit(20, blow_up_at(0))
    assert caught.value.checkpoint is None


def test_a_gradient_that_is_not_finite_stops_too(tmp_path):
    def step(model, batch, t):
        root = next(model.parameters()).sub(next(model.parameters()).detach()).square().sum().sqrt()
        return Losses(classify(model, batch, t).total + root)  # d sqrt(x) at 0 is infinite

    with pytest.raises(NonFiniteLossError, match="grad_norm = nan") as caught:
        Study(tmp_path).fit(3, step)
    assert set(caught.value.parts) == {"grad_norm"}


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    def poison(model, batch, t):
        losses = classify(model, batch, t)
        if t == 9:  # finite losses, but the running variance is gone
            model.get_buffer("1.running_var").data[2] = math.inf
        return losses

    with pytest.raises(NonFiniteLossError, match=r"1.running_var = inf.*checkpoint-00000005"):
        Study(tmp_path).fit(20, poison)
    assert len(checkpoints(tmp_path)) == 1


def test_an_infinite_mask_is_no_blow_up(tmp_path):
    study = Study(tmp_path)
    study.model.register_buffer("mask", torch.full((2, 2), -math.inf))
    assert study.fit(5).step == 5


def test_skipping_leaves_out_the_update_and_counts(tmp_path):
    study, oracle = Study(tmp_path, dropout=0.0), Study(tmp_path / "unused", dropout=0.0)
    history = study.fit(6, blow_up_at(0), nonfinite="skip", log_every=1).history
    for t in range(6):
        losses = classify(oracle.model, batches(t), t)
        oracle.optimiser.zero_grad()
        losses.total.backward()
        oracle.optimiser.param_groups[0]["lr"] = history["lr"][t]
        if t > 0:
            oracle.optimiser.step()
    assert history["skipped"] == [1] * 6
    assert math.isnan(history["loss"][0])
    assert history["lr"][1] < history["lr"][0]  # the schedule goes on
    for name, weight in study.model.named_parameters():
        assert torch.equal(weight, oracle.model.get_parameter(name)), name


def test_the_count_of_skipped_steps_survives_resuming(tmp_path):
    Study(tmp_path).fit(4, blow_up_at(1), nonfinite="skip")
    history = Study(tmp_path).fit(8, blow_up_at(6), nonfinite="skip", log_every=1).history
    assert history["skipped"][-1] == 2


def half_precision_fabric():
    """fp16 with a loss scaler, which Fabric itself offers on GPUs only."""
    return Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", device="cpu")])


def test_fp16_skips_overflowing_gradients_and_its_scale_resumes(tmp_path):
    def run(folder, *stops):
        for number, stop in enumerate(stops):
            study, fabric = Study(folder), half_precision_fabric()
            fabric.strategy.precision.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30)
            torch.manual_seed(1 if number == 0 else 99)
            result = study.fit(stop, fabric=fabric, log_every=1)
        return study, result, fabric.strategy.precision.scaler.get_scale()

    whole, expected, scale = run(tmp_path / "whole", 24)
    skipped = expected.history["skipped"]
    assert 0 < skipped[-1] < 20  # halved until the gradients fit, then trained on
    assert skipped[-1] == sum(not math.isfinite(norm) for norm in expected.history["grad_norm"])
    assert scale == 2.0 ** (30 - skipped[-1])
    pieces, result, same_scale = run(tmp_path / "pieces", 2, 24)
    np.testing.assert_equal(result.history, expected.history)  # NaN equals NaN here
    assert same_scale == scale
    assert_same(pieces, whole)


@pytest.mark.parametrize("nonfinite", ["stop", "skip"])
def test_fp16_does_not_hide_a_loss_that_is_not_finite(tmp_path, nonfinite):
    study = Study(tmp_path)

    def fit():
        return study.fit(
            20, blow_up_at(18), fabric=half_precision_fabric(), nonfinite=nonfinite, log_every=1
        )

    if nonfinite == "skip":
        skipped = fit().history["skipped"]
        assert skipped[18] == skipped[17] + 1
    else:
        with pytest.raises(NonFiniteLossError, match="size = nan"):
            fit()


def test_clipping_equals_the_closed_form(tmp_path):
    """Plain gradient descent on g·w moves w by lr · g · min(1, max_norm / |g|)."""
    g = torch.tensor([3.0, 4.0])
    for clip, expected in [(1.0, g / 5), (10.0, g), (None, g)]:
        model = nn.Linear(2, 1, bias=False)
        nn.init.zeros_(model.weight)
        result = fit(
            model,
            lambda model, batch, t: Losses(model(batch).sum()),
            lambda t: g[None],
            torch.optim.SGD(model.parameters(), lr=0.1),
            fabric=make_fabric("cpu"),
            steps=1,
            run_dir=tmp_path / str(clip),
            clip_norm=clip,
            progress=False,
        )
        torch.testing.assert_close(model.weight.detach()[0], -0.1 * expected)
        assert result.history["grad_norm"] == [5.0]  # before clipping


def test_ctrl_c_ends_the_step_saves_and_resumes_bit_for_bit(tmp_path):
    def interrupted(model, batch, t):
        if t == 7:
            signal.raise_signal(signal.SIGINT)
        return classify(model, batch, t)

    whole = Study(tmp_path / "whole")
    torch.manual_seed(4)
    expected = whole.fit(12, log_every=1)

    piece = Study(tmp_path / "pieces")
    torch.manual_seed(4)
    with pytest.raises(KeyboardInterrupt):
        piece.fit(12, interrupted, log_every=1)
    assert checkpoints(tmp_path / "pieces")[0].name == "checkpoint-00000008.pt"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again = Study(tmp_path / "pieces")
    result = again.fit(12, log_every=1)
    assert (result.resumed_from, result.history) == (8, expected.history)
    assert_same(again, whole)


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    def impatient(model, batch, t):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not reached")

    with pytest.raises(KeyboardInterrupt):
        Study(tmp_path).fit(3, impatient)
    assert checkpoints(tmp_path) == []


def test_ctrl_c_in_the_last_step_keeps_the_finished_run(tmp_path):
    def late(step, values):
        if step == 4:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Study(tmp_path).fit(4, on_log=late)
    assert Study(tmp_path).fit(4).resumed_from == 4


def test_training_outside_the_main_thread_works(tmp_path):
    results = []
    thread = threading.Thread(target=lambda: results.append(Study(tmp_path).fit(2)))
    thread.start()
    thread.join()
    assert results[0].step == 2


def test_rows_go_to_the_logs_and_on_log_may_add_columns(tmp_path):
    log = Recorder()
    result = Study(tmp_path).fit(
        7, loggers=[log], on_log=lambda step, values: {"held_out": step / 2} if step > 3 else None
    )
    assert result.history["step"] == [1, 3, 6, 7]
    np.testing.assert_array_equal(result.history["held_out"], [math.nan, math.nan, 3.0, 3.5])
    assert [step for step, _ in log.rows] == [1, 3, 6, 7]
    assert log.rows[-1][1]["loss"] == result.history["loss"][-1]
    assert log.rows[-1][1]["held_out"] == 3.5
    assert log.closed == 1


def test_the_logs_are_closed_when_training_fails(tmp_path):
    log = Recorder()
    with pytest.raises(NonFiniteLossError):
        Study(tmp_path).fit(3, blow_up_at(1), loggers=[log])
    assert log.closed == 1


def test_the_bar_shows_only_if_asked_for(tmp_path, capfd):
    Study(tmp_path / "quiet").fit(2)
    assert capfd.readouterr() == ("", "")
    Study(tmp_path / "bar").fit(2, progress=True, description="cars")
    assert "cars" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, r"steps: got 0, wanted 1 or more"),
        ({"log_every": 0}, r"log_every: got 0, wanted 1 or more"),
        ({"checkpoint_every": -1}, r"checkpoint_every: got -1"),
        ({"clip_norm": 0.0}, r"clip_norm: got 0.0, wanted more than 0, or None"),
        ({"config": {"x": object()}}, r"config: wanted what JSON can hold"),
    ],
)
def test_mistakes_are_named(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        Study(tmp_path).fit(**{"steps": 1, **options})


def test_losses_are_scalars_under_names_of_their_own():
    with pytest.raises(ValueError, match=r"total: got shape \(3,\), wanted a scalar"):
        Losses(torch.zeros(3))
    with pytest.raises(ValueError, match=r"kl: got shape \(2, 2\)"):
        Losses(torch.zeros(()), {"kl": torch.zeros(2, 2)})
    with pytest.raises(ValueError, match=r"parts: grad_norm is a column of the loop's own"):
        Losses(torch.zeros(()), {"grad_norm": torch.zeros(())})
