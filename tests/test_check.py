"""Checks run side by side, and share what little there is."""

import errno

import pytest

from ospool_ep.check import patiently


def failing(code, times, calls):
    def look():
        calls.append(1)
        if len(calls) <= times:
            raise OSError(code, "no")
        return "found"

    return look


def test_a_check_waits_for_file_descriptors_that_others_have():
    calls = []
    assert patiently(failing(errno.EMFILE, 2, calls)) == "found"
    assert len(calls) == 3


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.EIO])
def test_no_other_error_is_asked_for_twice(code):
    calls = []
    with pytest.raises(OSError, match="no"):
        patiently(failing(code, 2, calls))
    assert len(calls) == 1


def test_descriptors_that_never_come_are_an_error():
    with pytest.raises(OSError, match="no"):
        patiently(failing(errno.EMFILE, 1000, []))
