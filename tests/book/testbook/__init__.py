"""A small book that uses everything authors may: prose from here, notebooks made on the spot."""

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

HERE = Path(__file__).parent


def png(figure: Figure) -> str:
    """A figure as a notebook stores it: base64 of a PNG."""
    data = io.BytesIO()
    FigureCanvasAgg(figure).print_png(data)
    plt.close(figure)
    return base64.b64encode(data.getvalue()).decode()


def wave(shift: float = 0.0, size: tuple[float, float] = (6, 2.6)) -> Figure:
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots()
    t = np.linspace(0, 1, 200)
    axes.plot(t, np.sin(2 * np.pi * (3 * t - shift)))
    axes.set(xlabel="time (s)", ylabel="amplitude", ylim=(-1.1, 1.1))
    return figure


def shown(**data: str) -> Any:
    """An output of `display`, by short names of its kinds."""
    kinds = {"markdown": "text/markdown", "png": "image/png", "html": "text/html"}
    kinds["text"] = "text/plain"
    return new_output("display_data", data={kinds[kind]: value for kind, value in data.items()})


def printed(text: str, name: str = "stdout") -> Any:
    return new_output("stream", name=name, text=text)


def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


TABLE = """|       | clean | noisy |
|:------|------:|------:|
| mean  | 0.001 | 0.013 |
| std   | 0.707 | 0.731 |
| count |   200 |   200 |"""

MARKDOWN_SIGNALS = r"""# Signals {#sec-signals}

A wave, following @knuth1984 and others [@vaswani2017; @bishop2006, p. 12]. Its equation is

$$
y(t) = A \sin(\omega t + \varphi)
$$ {#eq-wave}

and @eq-wave is drawn in @fig-wave. A footnote.[^1] Mass and energy are $E = mc^2$, inline.

[^1]: The text of the footnote, with $x^2$ and @bishop2006.

## Drawing it {#sec-drawing}

The plot has two parts: a **clean** wave and a *noisy* one, made by `draw_wave`. Numbers follow
from [the second chapter](02-models.ipynb)."""

MARKDOWN_BOXES = """::: {.callout-tip title="Why noise?"}
Because real sensors have it. See @sec-models for a model, and @tbl-summary for numbers.

- one
- two
:::

::: {.callout-warning collapse="true"}
## A folded warning
Hidden until opened.
:::"""

MARKDOWN_MOVING = """### Things that move

::: {.content-visible when-format="html"}
![The wave travels.](../figures/travel.gif){#fig-travel fig-alt="A sine wave moving right"}
:::

::: {.content-visible unless-format="html"}
![The wave travels; a still.](../figures/left.png){#fig-travel fig-alt="A sine wave"}
:::

@fig-travel moves on screen and stands still on paper.

::: {#fig-pair layout-ncol=2}
![Left](../figures/left.png){#fig-left fig-alt="A wave at rest"}

![Right](../figures/right.png){#fig-right fig-alt="The same wave, moved by half its length"}

Two waves.
:::

See @fig-pair and @fig-left, or [Fig. -@fig-right]."""

MARKDOWN_REST = """## Fitting {#sec-fitting}

::: {.panel-tabset}

### One
First tab.

### Two
Second tab.
:::

::: {.content-visible when-format="html"}
Only on screen.
:::

::: {.content-visible when-format="pdf"}
Only on paper.
:::

```python
# plain block
x = {"a": 1}
```

> A quotation, calmly set.

1. first
2. second

[Margin note.]{.aside} H~2~O and x^2^ ~~gone~~ "quotes" -- dash. See also [Drawing](#eq-loss) and
[the preface](../index.qmd), [@fig-wave; @fig-fit]."""


def signals() -> list[Any]:
    """Cells of the first chapter: figure, callouts, table, printed text, animation, panels."""
    return [
        new_markdown_cell(MARKDOWN_SIGNALS),
        code("preset = 'tiny'\nseed = 0", tags=("parameters",)),
        code("# Parameters\npreset = 'small'\nseed = 7", tags=("injected-parameters",)),
        code("#| include: false\nimport numpy as np", printed("unseen setup")),
        code(
            '#| label: fig-wave\n#| fig-cap: "A clean wave, $A = 1$, after @knuth1984."\n'
            '#| fig-alt: "Line plot of a \\"sine\\" wave"\ndraw_wave(clean=True)',
            shown(png=png(wave()), text="<Figure size 600x300 with 1 Axes>"),
        ),
        new_markdown_cell(MARKDOWN_BOXES),
        code(
            '#| label: tbl-summary\n#| tbl-cap: "Summary of the two waves."\nsummarise(waves)',
            shown(markdown=TABLE, text="<Markdown object>"),
        ),
        code(
            "#| code-fold: false\nprint('mean', y.mean().round(6))",
            printed("mean \x1b[1m0.0\x1b[0m\n0 of 2\r2 of 2\n"),
            printed("a warning, printed\n", "stderr"),
        ),
        new_markdown_cell(MARKDOWN_MOVING),
        code(
            '#| label: fig-two\n#| fig-cap: "Two panels"\n#| fig-subcap:\n#|   - "Rising"\n'
            '#|   - "Falling"\n#| layout-ncol: 2\n#| fig-alt: ["A rising wave", "A falling wave"]\n'
            "draw_panels()",
            shown(png=png(wave(0, (4, 3)))),
            shown(png=png(wave(0.5, (4, 3)))),
        ),
    ]


def models() -> list[Any]:
    """Cells of the second chapter: parameters table, prose made by code, long lines, tabs."""
    table = (
        "| Parameter | Value | Unit |\n|-----------|------:|:----:|\n| width     | 12    | m    |\n"
        '| height    | 3.5   | m    |\n\n: The parameters. {#tbl-params tbl-colwidths="[40,30,30]"}'
    )
    equation = "$$ L = \\frac{1}{n} \\sum_{i=1}^{n} (y_i - \\hat y_i)^2 $$ {#eq-loss}"
    long_line = (
        "text = '" + "a rather long line of code that goes on and on and " * 3 + "x" * 120 + "'"
    )
    frame = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    return [
        new_markdown_cell(
            f"# Models {{#sec-models}}\n\nAs in @sec-drawing and @fig-wave, the loss is\n\n"
            f"{equation}\n\nwhich is least at the truth, see @eq-loss.\n\n"
            f"{table}\n\n@tbl-params lists them."
        ),
        code("#| echo: false\nn = 10", tags=("parameters",)),
        code(
            '#| label: fig-fit\n#| fig-cap: "A fitted line, over a long caption that says what '
            'there is to see, where it comes from and why it may be trusted."\n'
            '#| fig-alt: "A wave"\n#| echo: false\ndraw_fit()',
            shown(png=png(wave(0.25))),
        ),
        code(
            'display(Markdown(f"The error fell to **{error:.2f}** …"))',
            shown(markdown="The error fell to **0.25** dB with $\\alpha = 3$, see @fig-fit."),
        ),
        code("#| output: asis\nprint(table)", printed("| a | b |\n|---|---|\n| 1 | 2 |\n")),
        code(long_line + "\ntext", shown(text="'" + "y" * 180 + "'")),
        code("frame", shown(html=frame, text="   a\n0  1")),
        new_markdown_cell(MARKDOWN_REST),
    ]


def write_notebook(path: Path, cells: list[Any]) -> None:
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(new_notebook(cells=cells), path)


def make_testbook(folder: Path) -> Path:
    """Write the whole project into `folder` and return it."""
    ignore = shutil.ignore_patterns("__pycache__", "*.py")
    shutil.copytree(HERE, folder, dirs_exist_ok=True, ignore=ignore)
    write_notebook(folder / "chapters/01-signals.ipynb", signals())
    write_notebook(folder / "chapters/02-models.ipynb", models())
    (folder / "figures").mkdir()
    frames = [
        Image.open(io.BytesIO(base64.b64decode(png(wave(shift, (4, 2.4))))))
        for shift in (0, 0.25, 0.5, 0.75)
    ]
    frames[0].save(folder / "figures/left.png")
    frames[2].save(folder / "figures/right.png")
    frames[0].save(
        folder / "figures/travel.gif", save_all=True, append_images=frames[1:], duration=150, loop=0
    )
    return folder
