"""Checkpoints are read without the library that wrote them, and run no code."""

from __future__ import annotations

import io
import pickle
import zipfile

import pytest

from training import checkpoint


def checkpoint_of(pickled: bytes, **numbers: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, content in numbers.items():
            archive.writestr(f"archive/data/{key}", content)
    return out.getvalue()


# {"weight": _rebuild_tensor_v2(storage of four floats, offset 1, shape (1, 2), stride (2, 1), False, OrderedDict())}
_TENSOR = (
    b"\x80\x02}X\x06\x00\x00\x00weightctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x00kX\x03\x00\x00\x00cpuK\x04tQK\x01K\x01K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtRs."
)


def test_a_tensor_is_the_part_of_its_storage_that_shape_and_stride_say() -> None:
    numbers = b"\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40"  # 0, 1, 2, 3

    assert checkpoint.read(checkpoint_of(_TENSOR, k=numbers))["weight"].tolist() == [[1.0, 2.0]]


def test_any_other_class_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match="subprocess"):
        checkpoint.read(checkpoint_of(b"csubprocess\ncall\n(S'true'\ntR."))
