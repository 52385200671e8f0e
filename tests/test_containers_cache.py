"""The cache of images: bounded by what was used longest ago, emptied when spoiled, one pull at a time."""

import os
import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from fakes import NOW
from ospool_ep.containers import cache

MB = 1 << 20


def put(directory, name, megabytes, age):
    """An image or a layer, last used `age` seconds ago."""
    path = directory / "cache" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * (megabytes * MB))
    os.utime(path, (NOW - age, NOW - age))
    return path


def left(directory):
    return sorted(path.name for path in (directory / "cache/oci-tmp").iterdir())


def test_the_oldest_go_until_it_is_below_the_limit(tmp_path):
    for name, age in (("a", 30), ("b", 10), ("c", 20)):
        put(tmp_path, f"oci-tmp/{name}", 2, age)
    cache.trim(tmp_path, 4)
    assert left(tmp_path) == ["b", "c"]
    cache.trim(tmp_path, 3)
    assert left(tmp_path) == ["b"]
    cache.trim(tmp_path, 0)
    assert left(tmp_path) == []


def test_what_fits_stays(tmp_path):
    put(tmp_path, "oci-tmp/a", 2, 10**7)
    cache.trim(tmp_path, 3)
    assert left(tmp_path) == ["a"]


def test_use_counts_not_only_the_day_it_was_made(tmp_path):
    used, made = put(tmp_path, "oci-tmp/used", 1, 0), put(tmp_path, "oci-tmp/made", 1, 50)
    os.utime(used, (NOW, NOW - 900))
    os.utime(made, (NOW - 50, NOW - 50))
    cache.trim(tmp_path, 1)
    assert left(tmp_path) == ["used"]


def test_what_a_killed_pull_left_goes_like_everything_else(tmp_path):
    put(tmp_path, "oci-tmp/tmp_123", 3, 100)
    put(tmp_path, "oci-tmp/image", 1, 10)
    put(tmp_path, "library/other", 1, 5)
    cache.trim(tmp_path, 3)
    assert left(tmp_path) == ["image"]
    assert (tmp_path / "cache/library/other").exists()


def test_layers_are_one_thing(tmp_path):
    for name in ("blobs/sha256/one", "blobs/sha256/two", "index.json"):
        put(tmp_path, f"blob/{name}", 1, 100)
    put(tmp_path, "oci-tmp/image", 1, 50)
    os.utime(tmp_path / "cache/blob", (NOW - 100, NOW - 100))
    cache.trim(tmp_path, 3)
    assert not (tmp_path / "cache/blob").exists()
    assert left(tmp_path) == ["image"]


def test_without_a_cache_there_is_nothing_to_trim(tmp_path):
    cache.trim(tmp_path, 0)
    cache.trim(tmp_path / "none", 0)
    (tmp_path / "cache").write_text("a file")
    cache.trim(tmp_path, 0)


def test_what_cannot_be_removed_is_no_error(nobodys):
    put(nobodys, "oci-tmp/a", 1, 0)
    put(nobodys, "blob/b", 1, 0)
    for name in ("oci-tmp", "blob"):
        (nobodys / "cache" / name).chmod(0o500)
    cache.trim(nobodys, 0)
    assert left(nobodys) == ["a"]


def test_what_cannot_be_read_is_no_error(nobodys):
    put(nobodys, "oci-tmp/a", 1, 0)
    (nobodys / "cache/oci-tmp").chmod(0)
    cache.trim(nobodys, 0)


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x" * MB)
    (tmp_path / "cache/oci-tmp").mkdir(parents=True)
    (tmp_path / "cache/oci-tmp/link").symlink_to(precious)
    cache.trim(tmp_path, 0)
    assert (precious / "file").exists()


SIZES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=6)


@options(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES, st.integers(0, 12))
def test_afterwards_it_is_below_the_limit_and_nothing_older_stays_than_what_went(tmp_path_factory, sizes, limit):
    directory = tmp_path_factory.mktemp("cache")
    made = {put(directory, f"oci-tmp/{n}", size, age): (size, age) for n, (size, age) in enumerate(sizes)}
    cache.trim(directory, limit)
    stays, went = ({path for path in made if path.exists() is there} for there in (True, False))
    assert sum(made[path][0] for path in stays) <= limit
    assert all(made[old][1] >= made[young][1] for old in went for young in stays)


@pytest.mark.parametrize(
    "error",
    [
        "while building SIF from layers: conveyor failed to get: unexpected end of JSON input",
        "packer failed: archive/tar: invalid tar header",
        "squashfuse_ll exited: Something went wrong trying to read the squashfs image.",
    ],
)
def test_what_spoils_a_cache_for_ever_empties_it(tmp_path, error):
    put(tmp_path, "oci-tmp/a", 1, 0)
    put(tmp_path, "blob/index.json", 1, 0)
    assert cache.mended(tmp_path, f"INFO: x\nFATAL:   {error}\n")
    assert left(tmp_path) == []
    assert not (tmp_path / "cache/blob").exists()


@pytest.mark.parametrize(
    "error", ["", "manifest unknown", "no such host", "no space left on device", "connection refused"]
)
def test_other_failures_leave_it_alone(tmp_path, error):
    put(tmp_path, "oci-tmp/a", 1, 0)
    assert not cache.mended(tmp_path, error)
    assert left(tmp_path) == ["a"]


@pytest.mark.parametrize(("free", "size"), [(0, 0), (9, 0), (10_000, 1000), (10**9, 50_000)])
def test_a_tenth_of_the_volume_and_not_too_much(free, size):
    assert cache.size_mb(free) == size


def test_one_pull_at_a_time(tmp_path):
    order = []

    def pull(name):
        with cache.alone(tmp_path, 10) as turn:
            order.append((name, turn))
            time.sleep(0.05)
            order.append((name, turn))

    threads = [threading.Thread(target=pull, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [first == second for first, second in zip(order[::2], order[1::2], strict=True)] == [True] * 3
    assert None not in [turn for _, turn in order]


def test_a_turn_that_does_not_come_is_not_waited_for(tmp_path):
    with cache.alone(tmp_path, 1) as first, cache.alone(tmp_path, 0.1) as second:
        assert first is not None
        assert second is None
    with cache.alone(tmp_path, 0) as third:
        assert third is not None
