"""What a bug of ours looks like: a module of the package is replaced by one that fails."""

import pytest

MODULE = "/usr/lib/python3/dist-packages/ospool_ep"
BROKEN = "raise RuntimeError('broken on purpose by the test')\n"


@pytest.fixture
def broken_names(box):
    """names.choose raises. The compiled file is believed without a look at the source, so it is hidden too."""
    source = box.file("class Names: ...\n\n\ndef choose(*_):\n    raise RuntimeError('broken by the test')\n")
    empty = box.new_path()
    empty.mkdir()
    return ("-v", f"{source}:{MODULE}/names.py:ro", "-v", f"{empty}:{MODULE}/__pycache__:ro")


def test_one_line_on_the_screen_and_exit_70(box, broken_names):
    ended = box.run(options=broken_names)
    assert ended.code == 70
    assert "bug: RuntimeError: broken by the test (ospool-ep " in ended.out
    assert "-e OSPOOL_EP_TRACEBACK=1" in ended.out
    assert "Traceback" not in ended.out + ended.err


def test_the_traceback_when_asked_for(box, broken_names):
    ended = box.run({"OSPOOL_EP_TRACEBACK": "1"}, broken_names)
    assert ended.code == 70
    assert "Traceback (most recent call last)" in ended.out
    assert "names.py" in ended.out


def test_a_module_that_cannot_be_imported_is_a_bug_too(box):
    source = box.file(BROKEN)
    empty = box.new_path()
    empty.mkdir()
    options = ("-v", f"{source}:{MODULE}/names.py:ro", "-v", f"{empty}:{MODULE}/__pycache__:ro")
    assert box.run(options=options).code == 70
