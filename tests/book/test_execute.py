import base64
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from PIL import Image

import lib.book.execute as module
from lib.book.execute import ChapterError, execute, parameters_of
from lib.book.results import Ledger
from tests.book.small import FIRST, write_notebook


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


def test_all_chapters_are_executed_once(book):
    runs = execute(book, parameters={"preset": "small"}, progress=False)
    assert [(run.chapter, run.cached) for run in runs] == [("01-first", False), ("90-last", False)]
    assert runs[0].path == book / "build" / FIRST
    assert printed(runs[0].path).split() == ["small", "0", "chapters", str(book)]
    text = runs[0].path.read_text()
    metadata = json.loads(text)["metadata"]["papermill"]
    assert metadata == {"input_path": FIRST, "parameters": {"preset": "small"}}
    assert "start_time" not in text

    started = time.perf_counter()
    again = execute(book, parameters={"preset": "small"}, progress=False)
    assert time.perf_counter() - started < 2
    assert [(run.seconds, run.cached) for run in again] == [(run.seconds, True) for run in runs]
    assert (book / "log").read_text() == "x"

    execute(book, chapters=[FIRST], parameters={"preset": "small"}, force=True, progress=False)
    assert (book / "log").read_text() == "xx"


def test_what_a_cell_prints_is_one_output_however_it_arrives(book):
    pieces = "for i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)"
    write_notebook(book / FIRST, f"import time\n{pieces}")
    execute(book, chapters=[FIRST], progress=False)
    cells = nbformat.read(book / "build" / FIRST, as_version=4).cells
    assert [output.text for output in cells[-1].outputs] == ["0\n1\n2\n"]


def test_pictures_have_the_pixels_that_print_needs_and_keep_their_size(book):
    begin = "import matplotlib.pyplot as plt, numpy as np\nplt.figure(figsize=({}), dpi=110)\n"
    line = f"{begin}plt.plot([0, 1])\nplt.show()"
    smooth = "np.random.default_rng(0).random((90, 90, 3)), interpolation='bicubic'"
    photograph = f"{begin}plt.imshow({smooth})\nplt.show()"
    write_notebook(
        book / FIRST, line.format("6.6, 1"), line.format("3, 1"), photograph.format("6.6, 6.6")
    )
    [run] = execute(book, chapters=[FIRST], progress=False)
    cells = nbformat.read(run.path, as_version=4).cells
    outputs = [o for cell in cells for o in cell.get("outputs", []) if "data" in o]
    kinds = [next(name for name in o.data if name.startswith("image/")) for o in outputs]
    assert kinds == ["image/png", "image/png", "image/jpeg"]
    pixels = [base64.b64decode(o.data[kind]) for o, kind in zip(outputs, kinds, strict=True)]
    images = [Image.open(BytesIO(data)) for data in pixels]
    for image in images:
        assert image.info["dpi"] == pytest.approx((220, 220), abs=0.1)
    shown = [o.metadata.get(kind, {}).get("width") for o, kind in zip(outputs, kinds, strict=True)]
    assert shown[0] is None, "as wide as the text: it is fitted to the page"
    assert shown[1] == pytest.approx(images[1].width / 2, abs=1)


@pytest.fixture
def instant(monkeypatch):
    """Execution replaced by copying, for tests of the cache alone; counts the chapters executed."""
    executed = []

    def copy(source, output, **options):
        executed.append(Path(source).stem)
        notebook = nbformat.read(source, as_version=4)
        nbformat.write(notebook, output)
        return notebook

    monkeypatch.setattr("papermill.execute_notebook", copy)
    return executed


def edit_notebook(root):
    write_notebook(root / FIRST, "2 + 2")


def edit_library(root):
    (root / "lib" / "part.py").write_text("changed")


def edit_claims(root):
    (root / "claims.toml").write_text("changed")


def add_asset(root):
    (root / "lib" / "book.mplstyle").write_text("new")


def record_results(root):
    (root / "results" / "01-first").mkdir(parents=True)
    (root / "results" / "01-first" / "metrics.json").write_text("{}")


def lose_output(root):
    (root / "build" / FIRST).unlink()


def damage_output(root):
    (root / "build" / FIRST).write_text("{}")


def overwrite_ledger(root):
    Ledger("01-first", "tiny", root=root).save()


@pytest.mark.parametrize(
    "change",
    [
        edit_notebook,
        edit_library,
        edit_claims,
        add_asset,
        record_results,
        lose_output,
        damage_output,
        overwrite_ledger,
    ],
)
def test_what_a_chapter_rests_on_makes_it_run_again(book, instant, change):
    run = {"chapters": [FIRST], "progress": False}
    assert not execute(book, **run)[0].cached
    assert execute(book, **run)[0].cached
    change(book)
    assert not execute(book, **run)[0].cached
    assert execute(book, **run)[0].cached
    assert len(instant) == 2


def test_parameters_and_footage_count_too(book, instant):
    footage = book / "footage"
    footage.mkdir()
    for parameters in ({}, {"seed": 1}, {"seed": 1, "data_dir": footage}):
        assert not execute(book, chapters=[FIRST], parameters=parameters, progress=False)[0].cached
    (footage / "video.mp4").write_bytes(b"new")
    assert not execute(book, chapters=[FIRST], parameters=parameters, progress=False)[0].cached
    assert execute(book, chapters=[FIRST], parameters=parameters, progress=False)[0].cached


def test_a_video_counts_as_footage(book, instant):
    video = book / "play.mp4"
    video.write_bytes(b"one")
    run = {"chapters": [FIRST], "parameters": {"data_dir": video}, "progress": False}
    assert not execute(book, **run)[0].cached
    assert execute(book, **run)[0].cached
    video.write_bytes(b"another")
    assert not execute(book, **run)[0].cached


def strip_outputs(root):
    notebook = nbformat.read(root / FIRST, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="kept")]
    nbformat.write(notebook, root / FIRST)


def edit_renderer(root):
    for name in ("lib/book/render.py", "lib/book/pandoc/press.py", "lib/cli/book.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("changed")


def other_results(root):
    (root / "results" / "02-second").mkdir(parents=True)
    (root / "results" / "02-second" / "metrics.json").write_text("{}")


@pytest.mark.parametrize("change", [strip_outputs, edit_renderer, other_results])
def test_what_a_chapter_does_not_rest_on_leaves_it(book, instant, change):
    execute(book, chapters=[FIRST], progress=False)
    change(book)
    assert execute(book, chapters=[FIRST], progress=False)[0].cached


def test_an_appendix_rests_on_the_numbers_of_the_chapters(book, instant):
    execute(book, progress=False)
    Ledger("01-first", "tiny", root=book).save()
    instant.clear()
    execute(book, progress=False)
    assert instant == ["01-first", "90-last"]
    other_results(book)
    instant.clear()
    assert [run.cached for run in execute(book, progress=False)] == [True, False]


def test_a_failed_chapter_is_kept_and_named(book):
    write_notebook(
        book / FIRST, "print('before')", '#| label: fig-broken\nraise KeyError("lost")', "1"
    )
    for parameters in ({}, {"seed": 3}):  # papermill adds a cell in the second case only
        with pytest.raises(ChapterError) as caught:
            execute(book, parameters=parameters, progress=False)
        kept = book / "build" / "failed" / "01-first.ipynb"
        assert str(caught.value) == (
            "chapter 01-first failed in cell 4 (In [3], label fig-broken): KeyError: 'lost'\n"
            f"The notebook, executed up to there, is kept in {kept}"
        ).replace("In [3]", "In [4]" if parameters else "In [3]")
        assert (caught.value.chapter, caught.value.kept) == ("01-first", kept)
    assert "before" in printed(kept)
    assert "Traceback" in kept.read_text()
    assert not (book / "build" / FIRST).exists()
    assert not list((book / "build" / ".partial").iterdir())

    write_notebook(book / FIRST, "1")
    assert not execute(book, chapters=[FIRST], progress=False)[0].cached
    assert not kept.exists()


def test_a_dead_kernel_is_reported(book):
    write_notebook(book / FIRST, "import os\nos._exit(1)")
    with pytest.raises(ChapterError, match="chapter 01-first: the kernel died"):
        execute(book, chapters=[FIRST], progress=False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_chapter_does_not_count_as_executed(book, number):
    write_notebook(
        book / FIRST,
        "import os, pathlib, time\n"
        'mark = pathlib.Path(os.environ["SEEING_ROOT"], "started")\n'
        "first = not mark.exists()\n"
        "mark.write_text(str(os.getpid()))\n"
        "time.sleep(600 if first else 0)",
    )
    program = (
        "import sys; from pathlib import Path; from lib.book.execute import execute\n"
        f"execute(Path(sys.argv[1]), chapters=['{FIRST}'], progress=False)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(book)], stderr=subprocess.PIPE, text=True
    )
    mark = book / "started"
    until = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    kernel = int(mark.read_text())
    child.send_signal(number)
    _, told = child.communicate(timeout=60)
    assert child.returncode != 0
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in told.splitlines()[-1]
        with pytest.raises(ProcessLookupError):
            os.kill(kernel, 0)
    else:
        with suppress(ProcessLookupError):
            os.kill(kernel, signal.SIGKILL)  # nobody was left to end it
    assert not (book / "build" / FIRST).exists()
    assert not execute(book, chapters=[FIRST], progress=False)[0].cached
    assert execute(book, chapters=[FIRST], progress=False)[0].cached


def test_a_write_that_breaks_off_does_not_count(book, instant, monkeypatch):
    real = module.write_json

    def broken(path, value):
        if ".executed" in path.parts:
            raise KeyboardInterrupt
        real(path, value)

    monkeypatch.setattr(module, "write_json", broken)
    with pytest.raises(KeyboardInterrupt):
        execute(book, chapters=[FIRST], progress=False)
    monkeypatch.setattr(module, "write_json", real)
    assert not execute(book, chapters=[FIRST], progress=False)[0].cached


def test_unknown_parameters_are_refused_before_anything_runs(book, instant):
    with pytest.raises(
        ValueError, match=r"01-first has no parameter stpes; it takes preset, seed, data_dir"
    ):
        execute(book, parameters={"stpes": 3}, progress=False)
    assert instant == []


@pytest.mark.parametrize("tagged", [0, 2])
def test_one_parameters_cell_is_wanted(book, tagged):
    write_notebook(book / FIRST, "1", tagged=tagged)
    with pytest.raises(ValueError, match=rf"{tagged} cells tagged parameters, wanted exactly one"):
        execute(book, progress=False)


def test_defaults_are_read_from_the_notebook(book):
    assert parameters_of(book / FIRST) == {"preset": '"tiny"', "seed": "0", "data_dir": '""'}


def test_the_interpreter_is_this_one_and_nothing_is_left_behind(book, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_PATH", "/nowhere")
    write_notebook(book / FIRST, "import sys\nprint(sys.executable)")
    [run] = execute(book, chapters=[FIRST], progress=False)
    assert printed(run.path).strip() == sys.executable
    assert os.environ["JUPYTER_PATH"] == "/nowhere"
