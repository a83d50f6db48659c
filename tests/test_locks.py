"""Locks between processes; what keeps two preparations apart is tested there."""

from pathlib import Path

import pytest

from danet_jax.locks import locked


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path) as first, locked(path) as second:
        assert (first, second) == (True, False)
    assert not path.exists()
    with locked(path) as again:
        assert again


def test_a_lock_that_cannot_be_removed_is_still_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    path = tmp_path / "lock"
    with pytest.raises(ValueError, match="of the body"), locked(path):
        monkeypatch.setattr(Path, "unlink", refuse)
        raise ValueError("of the body")
    with locked(path) as ours:
        assert ours
