"""The folder of uploads by itself: bounded, whole or not at all, and nobody else's."""

import os
from pathlib import Path

import pytest

from app.uploads import Uploads


def test_the_folder_is_bounded_and_the_least_used_goes_first(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, 250)
    first, second = (uploads.keep(bytes([k]) * 100) for k in range(2))
    for age, digest in enumerate((second, first)):
        os.utime(tmp_path / f"{digest}.rhoscope", (age, age))
    assert uploads.find(second) == b"\1" * 100  # used now: the other one is older
    third = uploads.keep(b"\2" * 100)
    assert uploads.find(first) is None
    assert uploads.find(second) is not None and uploads.find(third) is not None
    large = uploads.keep(b"\3" * 300)
    assert sorted(os.listdir(tmp_path)) == [f"{large}.rhoscope"]


def test_a_file_that_was_changed_on_disk_is_not_used_and_can_be_mended(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, 10**6)
    digest = uploads.keep(b"right")
    (tmp_path / f"{digest}.rhoscope").write_bytes(b"wrong")
    assert uploads.find(digest) is None
    assert uploads.keep(b"right") == digest
    assert uploads.find(digest) == b"right"


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / ("a" * 64)).write_bytes(b"x" * 1000)
    (tmp_path / "notes.txt").write_text("mine")
    old = tmp_path / "half.arriving.rhoscope"
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    uploads = Uploads(tmp_path, 100)
    uploads.keep(b"y" * 90)
    uploads.keep(b"z" * 90)
    left = sorted(os.listdir(tmp_path))
    assert len(left) == 3
    assert {"a" * 64, "notes.txt"} < set(left)


@pytest.mark.parametrize("name", ["../secret", "..", "", "A" * 64, "0" * 63, "0" * 64 + "/x"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret")
    assert Uploads(tmp_path / "uploads", 10**6).find(name) is None
