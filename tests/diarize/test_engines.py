"""Engines by name, and errors that cross process borders."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from undertone.diarize.base import AnalysisError
from undertone.diarize.engines import load


def test_an_unknown_engine_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown engine 'parrot': known are local"):
        load("parrot")


def test_an_analysis_error_crosses_process_borders() -> None:
    again = pickle.loads(pickle.dumps(AnalysisError("why")))
    assert isinstance(again, AnalysisError)
    assert str(again) == "why"


def test_the_numeric_packages_are_not_imported_before_they_are_needed() -> None:
    code = (
        "import sys, undertone.diarize.engines\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'onnxruntime', 'av')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
