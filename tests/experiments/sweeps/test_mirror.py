"""Folders kept the same elsewhere."""

import pytest

from agents.experiments.sweeps.mirror import Changes, Watched
from agents.storage.files import temporary


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_followed(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    watched = Watched(here)
    assert watched.changes() == Changes({}, [])
    (here / "checkpoints").mkdir(parents=True)
    (here / "z").write_bytes(b"first")
    (here / "checkpoints" / "1").write_bytes(b"\0\xff")
    temporary(here / "half").write_bytes(b"half")
    changes = watched.changes()
    assert list(changes.written) == ["z", "checkpoints/1"]  # as they were written
    changes.apply(there)
    assert tree(there) == {"z": b"first", "checkpoints/1": b"\0\xff"}
    assert watched.changes() == Changes({}, [])

    (here / "z").write_bytes(b"other")  # as long as before
    (here / "checkpoints" / "2").write_bytes(b"2")
    (here / "checkpoints" / "1").unlink()
    changes = watched.changes()
    assert changes.removed == ["checkpoints/1"]
    changes.apply(there)
    changes.apply(there)
    assert tree(there) == {"z": b"other", "checkpoints/2": b"2"}


def test_what_is_known_is_not_taken(tmp_path):
    (tmp_path / "old").write_text("old")
    watched = Watched(tmp_path, known=True)
    (tmp_path / "new").write_text("new")
    assert watched.changes() == Changes({"new": b"new"}, [])
    (tmp_path / "old").unlink()
    assert watched.changes() == Changes({}, ["old"])


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("before")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        Changes({"file": b"after"}, []).apply(tmp_path)
    assert (tmp_path / "file").read_text() == "before"
