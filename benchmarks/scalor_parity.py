"""Whether SCALOR here is the original: loss and gradients of both, with shared weights and noise.

    git clone https://github.com/JindongJiang/SCALOR /somewhere/SCALOR
    python benchmarks/scalor_parity.py --official /somewhere/SCALOR [--json FILE]  # two minutes

Ours (`ScalorConfig()`, the original's 5,000,002 parameters) and the original code get the same
clips, weights and random numbers. Each makes its own forward and backward pass in float64, on 2
clips of 3 frames of 128 x 128 pixels: two programs that compute the same then differ by rounding
only, and one forgotten term shows. (Most of what is left comes from the original's masks, and with
them its prior of presence: they are float32 whatever the rest is.)

- All weights are moved away from where they start: some start at 0, which would hide mistakes.
- The original's samplers stay as they are; only their sources of random numbers are replaced.
- Objects are discovered in every frame, most of them are followed, some are lost again.

It runs at training steps 29,999 ("detached") and 30,000 ("through_time"), between which the
original begins to let gradients pass from frame to frame; all else is the same, the loss too. A
gradient's difference is max |ours - theirs| / max |ours| of a tensor of parameters; the largest
counts. Exits with 1 if losses differ by more than 1e-9 of the loss or gradients by more than 1e-7.
"""

import argparse
import math
import sys
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor, nn

from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.models.scalor import Annealing, Scalor, ScalorConfig

FRAMES, CLIPS, PX = 3, 2, 128
CONFIG = ScalorConfig(appearance_floor=True)
STEPS = {"detached": 29_999, "through_time": 30_000}
WANTED_LOSS, WANTED_GRADIENT = 1e-9, 1e-7
MOVED = 0.02  # standard deviation of what is added to every weight
PAIRS = {  # in both, parameters come in the same order
    "encoder": "image_enc",
    "glimpses.encoder": "z_what_net",
    "glimpses.decoder": "glimpse_dec_net",
    "discovery.net": "proposal_rejection_cell.ProposalNet",
    "propagation.attended": "propagate_cell.attention_encoding.temporal_img_conv_net",
    "propagation.attention": "propagate_cell.attention_encoding.temporal_img_enc_net",
    "propagation.join": "propagate_cell.temporal_rnn_inp_net",
    "propagation.tracker": "propagate_cell.temporal_rnn",
    "propagation.where": "propagate_cell.z_where_transit_bias_net",
    "propagation.what": "propagate_cell.z_what_from_temporal_net",
    "propagation.gate": "propagate_cell.z_what_gate_net",
    "propagation.depth": "propagate_cell.z_depth_transit_net",
    "propagation.presence": "propagate_cell.z_pres_transit",
    "propagation.expecting": "propagate_cell.prior_cell",
    "background.encoder": "bg_enc",
    "background.decoder": "bg_dec",
    "background.prior_gru": "bg_prior_rnn",
    "background.prior": "bg_prior_net",
}
MOST = CONFIG.max_objects or CONFIG.cells  # objects a clip can have
KINDS = {1: "depth", 4: "where", CONFIG.what: "what"}  # by how many numbers the original draws


class Fixed:
    """Random numbers that depend only on a name and on how often it was asked for before."""

    def __init__(self) -> None:
        self.turns: Counter[str] = Counter()

    def numbers(self, name: str, *shape: int) -> Tensor:
        """Standard normal; for presence within (0, 1) and mostly low, so that objects get lost."""
        self.turns[name] += 1
        generator = torch.Generator().manual_seed(zlib.crc32(f"{name} {self.turns[name]}".encode()))
        if "presence" in name:
            return torch.empty(shape).uniform_(generator=generator).pow(4).clamp_min(1e-6)
        return torch.empty(shape).normal_(generator=generator)


class Ours(Fixed):
    """As our model wants them: objects of all clips in one list, backgrounds of all frames."""

    def follow(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Called before objects are followed: says whose each is, and which of its clip's."""
        self.clip = inputs[2].clip
        self.place = (self.clip[:, None] == self.clip).tril(-1).sum(1)

    def normal(self, name: str, like: Tensor) -> Tensor:
        if name == "background":
            frames = [self.numbers(name, CLIPS, like.shape[1]) for _ in range(FRAMES)]
            return torch.stack(frames, dim=1).flatten(0, 1)
        if name.startswith("tracked"):
            return self.numbers(name, CLIPS, MOST, like.shape[1])[self.clip, self.place]
        return self.numbers(name, *like.shape)

    def logistic(self, name: str, like: Tensor) -> Tensor:
        return self.normal(name, like).logit()


class Theirs(Fixed):
    """As the original draws them: nameless, tracked objects padded to the most of any clip."""

    def normal(self, shape: torch.Size, **_kinds: Any) -> Tensor:
        return self._drawn(KINDS.get(shape[1], "background"), shape)

    def uniform(self, shape: torch.Size, **_kinds: Any) -> Tensor:
        return self._drawn("presence", shape)

    def _drawn(self, kind: str, shape: torch.Size) -> Tensor:
        if len(shape) == 4 or shape[0] == CLIPS * CONFIG.cells or kind == "background":
            return self.numbers(kind, *shape)
        padded = self.numbers(f"tracked {kind}", CLIPS, MOST, shape[1])
        return padded[:, : shape[0] // CLIPS].flatten(0, 1)


class Run(NamedTuple):
    loss: float
    gradients: tuple[Tensor, ...]
    carried: list[int]  # objects of each clip after the last frame
    followed: int = 0  # objects that were looked for in a later frame than their first


def run_ours(model: Scalor, parameters: list[nn.Parameter], clips: Tensor, step: int) -> Run:
    noise = Ours()
    hook = model.propagation.register_forward_pre_hook(noise.follow)
    result = model(clips, Annealing().at(step), noise)
    hook.remove()
    tracked = [frame.tracked for frame in result.objects if frame.tracked is not None]
    seen = {at for of in tracked for at in zip(of.clip.tolist(), of.identity.tolist(), strict=True)}
    gradients = torch.autograd.grad(result.loss, parameters)
    carried = result.state.objects.counted(CLIPS).tolist()
    return Run(result.loss.item(), gradients, carried, len(seen))


def official(folder: Path) -> Any:
    """The original's model, by its own default arguments."""
    sys.path.insert(0, str(folder))
    import parse  # type: ignore[import-not-found]
    import scalor  # type: ignore[import-not-found]

    with patch.object(sys, "argv", ["train.py", "--nocuda"]):
        settings = parse.parse(argparse.ArgumentParser())
    settings.phase_parallel = settings.log_phase = False
    return scalor.SCALOR(settings).train()


def run_official(model: Any, parameters: list[nn.Parameter], clips: Tensor, step: int) -> Run:
    """The original's, by its training script's order; the temperature is the loop's to set."""
    model.args.global_step, model.args.tau = step, Annealing().at(step).temperature
    noise = Theirs()
    with (
        patch.object(torch.distributions.normal, "_standard_normal", noise.normal),
        patch.object(torch, "rand", noise.uniform),
    ):
        result = model(clips)
    loss = -(result[1].mean() - sum(kl.mean() for kl in result[2:7]))
    gradients = torch.autograd.grad(loss, parameters)
    return Run(loss.item(), gradients, result[8][:, -1].int().tolist())


def paired(ours: nn.Module, theirs: nn.Module) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
    """Each parameter of ours with its partner, by our name; none is left out."""
    found = {}
    for our_name, their_name in PAIRS.items():
        mine = ours.get_submodule(our_name).named_parameters(prefix=our_name)
        for (name, a), b in zip(mine, theirs.get_submodule(their_name).parameters(), strict=True):
            assert a.shape == b.shape, f"{name} is {a.shape}, in {their_name} {b.shape}"
            found[name] = (a, b)
    for model, partners in zip((ours, theirs), zip(*found.values(), strict=True), strict=True):
        assert {id(one) for one in model.parameters()} == {id(one) for one in partners}
    return found


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest, as a share of our largest; infinite where there is no gradient to compare."""
    share = (ours - theirs).abs().max() / ours.abs().max()
    return torch.nan_to_num(share, nan=math.inf, posinf=math.inf).item()


def compare(folder: Path) -> dict[str, Any]:
    """Both programs at both steps; the record without where and with what it was made."""
    torch.manual_seed(0)
    ours, theirs = Scalor(CONFIG).train(), official(folder)
    pairs = paired(ours, theirs)
    mine, yours = [a for a, _ in pairs.values()], [b for _, b in pairs.values()]
    with torch.no_grad():
        for a, b in pairs.values():
            a.add_(torch.randn_like(a), alpha=MOVED)
            b.copy_(a)
    clips = torch.rand(CLIPS, FRAMES, 3, PX, PX)
    runs, worst = {}, {}
    for case, step in STEPS.items():
        one = run_ours(ours, mine, clips, step)
        print(f"{case:12} ours:   loss {one.loss:.12g}, {one.carried} objects", flush=True)
        other = run_official(theirs, yours, clips, step)
        print(f"{case:12} theirs: loss {other.loss:.12g}, {other.carried} objects", flush=True)
        runs[case] = (one, other)
        worst[case] = max(zip(map(difference, one.gradients, other.gradients), pairs, strict=True))
    return {
        "frames": FRAMES,
        "batch": CLIPS,
        "dtype": str(clips.dtype).removeprefix("torch."),
        "loss": one.loss,
        "loss_difference": max(abs(a.loss - b.loss) / abs(a.loss) for a, b in runs.values()),
        "gradient_difference": {case: largest for case, (largest, _) in worst.items()},
        "worst_parameter": max(worst.values())[1],
        "objects": one.followed,
        "parameters": sum(of.numel() for of in mine),
        "tensors": len(mine),
    }


def main() -> None:
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--official", type=Path, help="folder of the original code")
    parser.add_argument("--official-commit", help="its commit, to be recorded (default: git's)")
    parser.add_argument("--json", type=Path, help="write the record here")
    given = parser.parse_args()
    if (folder := given.official) is None:
        print("nothing to compare with: clone the original and name its folder with --official")
        return
    if not (folder / "scalor.py").is_file():
        parser.error(f"--official {folder}: no scalor.py there; want a checkout of SCALOR")
    warnings.simplefilter("ignore", UserWarning)  # of the original's calls, written for PyTorch 1.5
    torch.set_default_dtype(torch.float64)
    known = code_version(folder) if (folder / ".git").exists() else "unknown"
    found = {
        "official_commit": given.official_commit or known,
        **compare(folder),
        "hardware": describe_hardware(),
        "commit": code_version(Path(__file__).resolve().parents[1]),
    }
    for key, value in found.items():
        print(f"{key:20} {value}")
    if given.json:
        write_json(given.json, found)
    largest = max(found["gradient_difference"].values())
    if not found["objects"]:
        sys.exit("no object was followed: propagation was not compared")
    if not (found["loss_difference"] <= WANTED_LOSS and largest <= WANTED_GRADIENT):
        sys.exit(f"not the same: want {WANTED_LOSS:g} in losses, {WANTED_GRADIENT:g} in gradients")


if __name__ == "__main__":
    main()
