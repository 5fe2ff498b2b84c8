"""Speed of segmenting a sequence: clusters of 24 frames, further frames, and HDBSCAN's peers.

    python benchmarks/cluster.py [--preset small] [--frames 24] [--json FILE] [--size 200x320]

Features are those of a ResNet-34 with random weights over drawn frames of moving areas, made as
the chapter makes them: normalisations folded, bfloat16 where the processor multiplies it. Beside
them further frames are labelled with torchvision's network as it is, in float32. The first run in
a process compiles UMAP and is shown apart. Peers cluster the very same embedding: scikit-learn's
HDBSCAN, and fast_hdbscan where it is installed. Wall time and processor time are both shown; on a
busy machine only the second tells.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.cluster
import torch
from hdbscan import HDBSCAN

from lib.environment import code_version, describe_hardware
from lib.evaluation.segmentation.baselines import ResNetStages, random_resnet34
from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import Trunk
from lib.evaluation.segmentation.segmenter import label_frames, segment
from lib.files import write_json
from lib.models.inference import fold_batch_norm
from lib.training.device import pick_precision


def drawn_frames(count: int, rows: int, columns: int) -> np.ndarray:
    """A wall, a floor, something red that moves, and a grating that shimmers; with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:rows, :columns]
    frames = np.zeros((count, rows, columns, 3), np.uint8)
    for t in range(count):
        base = np.where((y > rows // 2)[..., None], [120, 80, 40], [60, 60, 90])
        picture = base + rng.normal(0, 12, (rows, columns, 3))
        left = 20 + 3 * t % (columns - 80)
        picture[rows // 8 : rows // 2, left : left + 40] = [200, 30, 30]
        picture += (20 * np.sin(x / 3 + t) * (y < rows // 3))[..., None]
        frames[t] = picture.clip(0, 255)
    return frames


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, wall seconds, processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def peers(embedding: np.ndarray, smallest: int, samples: int) -> dict[str, Callable[[], Any]]:
    sizes = {"min_cluster_size": smallest, "min_samples": samples}
    runs: dict[str, Callable[[], Any]] = {
        "hdbscan": lambda: HDBSCAN(core_dist_n_jobs=1, **sizes).fit_predict(embedding),
        "scikit_learn": lambda: sklearn.cluster.HDBSCAN(copy=True, **sizes).fit_predict(embedding),
    }
    if importlib.util.find_spec("fast_hdbscan"):
        import fast_hdbscan

        fast_hdbscan.HDBSCAN(**sizes).fit_predict(embedding[:1000])  # compiles
        runs["fast_hdbscan"] = lambda: fast_hdbscan.HDBSCAN(**sizes).fit_predict(embedding)
    return runs


def quick(plain: ResNetStages, device: str) -> Trunk:
    """The same network as the chapter uses it."""
    folded = fold_batch_norm(plain)
    dtype = torch.bfloat16 if pick_precision(device) == "bf16-mixed" else torch.float32
    folded.to(dtype).register_forward_pre_hook(lambda _, images: (images[0].to(dtype),))
    return folded


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--preset", choices=("tiny", "small", "full"), default="small")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", default="200x320", help="rows x columns (default 200x320)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args()
    rows, columns = map(int, given.size.split("x"))
    frames = drawn_frames(given.frames + 24, rows, columns)
    config = SegmentationConfig.preset(given.preset)
    plain = random_resnet34(0).to(given.device)
    trunk = quick(plain, given.device)

    def run() -> Any:
        return segment(trunk, frames[:-24], config=config, seed=0, device=given.device)

    for name in ("first", "again"):
        result, wall, cpu = timed(run)
        print(f"{name}: {wall:.1f} s, processor {cpu:.1f} s; {result.clusters} clusters; by part:")
        print("  " + ", ".join(f"{part} {s:.1f} s" for part, s in result.seconds.items()))
    clustering = result.seconds["reduce"] + result.seconds["cluster"]
    common = {"hardware": describe_hardware(), "commit": code_version(Path.cwd())}
    table = [{"id": "speed.cluster.ours.seconds", "value": clustering, **common}]
    for name, features_of in (("ours", trunk), ("float32", plain)):
        work = label_frames(features_of, frames[-24:], result.segmenter, device=given.device)
        _, wall, cpu = timed(lambda work=work: list(work))
        print(
            f"further frames, {name}: {24 / wall:.1f} a second, {24 / cpu:.1f} a processor second"
        )
        table.append({"id": f"speed.label.{name}.frames_per_second", "value": 24 / wall, **common})
    sample = result.segmenter.sample.embedding.astype(np.float64)
    smallest = max(2, round(config.min_cluster_share * len(sample)))
    for name, cluster in peers(sample, smallest, config.min_samples).items():
        labels, wall, cpu = timed(cluster)
        found = int(labels.max()) + 1
        print(f"{name:13} {wall:6.2f} s, processor {cpu:6.2f} s, {found} clusters")
        table.append({"id": f"speed.hdbscan.{name}.seconds", "value": wall, **common})
    if given.json:
        write_json(given.json, table)


if __name__ == "__main__":
    main()
