import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.two_processes import train

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_the_same_batches(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "-m", "tests.training.two_processes", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    ranks = [json.loads((tmp_path / f"rank{i}.json").read_text()) for i in range(2)]
    assert ranks[0] == ranks[1]  # weights, history and errors alike
    both = ranks[0]
    assert (both["world_size"], both["resumed_from"]) == (2, 7)

    _, model, result = train(tmp_path / "alone", 12)
    alone = torch.cat([p.detach().flatten() for p in model.parameters()])
    np.testing.assert_allclose(both["weights"], alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(both["loss"], result.history["loss"], rtol=1e-5)

    # A NaN in the second process alone stops both, at the same step, with the same way back.
    assert both["parts"] == ["mse"]
    assert both["error"].startswith("step 4: not finite: mse = nan")
    assert "checkpoint-00000003.pt" in both["error"]
