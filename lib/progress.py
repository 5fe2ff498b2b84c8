"""The progress bar of all long work: tqdm's, whichever suits the terminal or notebook."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # a notebook without ipywidgets: plain text bar
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
