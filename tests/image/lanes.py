"""Tests that mostly wait run side by side: those that are marked with `pytest.mark.lane(NAME)`.

Those of one lane run in their order, the lanes of a module at the same time: they begin when the first of these tests
is due. Each test reports at its own turn. Their fixtures are the module's or the session's, and `boot`.
"""

import inspect
import threading
from concurrent.futures import Future
from contextlib import ExitStack

import pytest

# A lane that hangs does not hold the ring
LONGEST_S = 900
RESULTS = pytest.StashKey[dict]()


def due(item):
    """Whether a test is the first of its module's that is in a lane."""
    return lane(item) is not None and RESULTS not in item.getparent(pytest.Module).stash


def begin(request, own):
    """Start all lanes of the test's module.

    `own`: context managers by the name of the fixture that they stand for, for tests must not share these.
    """
    module = request.node.getparent(pytest.Module)
    items = [item for item in request.session.items if item.getparent(pytest.Module) is module and lane(item)]
    lanes = {}
    for item in items:
        lanes.setdefault(lane(item), []).append((item.nodeid, _call(request, item, own)))
    results = module.stash[RESULTS] = {item.nodeid: Future() for item in items}
    for name, calls in lanes.items():
        threading.Thread(target=_run, args=(calls, results), name=name, daemon=True).start()


def lane(item):
    """The name of a test's lane, if it is in one; parameters can be parts of it."""
    mark = item.get_closest_marker("lane")
    return mark.args[0].format(**_parameters(item)) if mark else None


def _parameters(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


def _call(request, item, own):
    """The test with its arguments; fixtures are made here, in pytest's own thread."""
    given = dict(_parameters(item))
    names = [name for name in inspect.signature(item.function).parameters if name not in given]
    given |= {name: request.getfixturevalue(name) for name in names if name not in own}

    def call():
        with ExitStack() as stack:
            item.function(**given, **{name: stack.enter_context(own[name]()) for name in names if name in own})

    return call


def _run(calls, results):
    for node, call in calls:
        try:
            results[node].set_result(call())
        except BaseException as error:  # noqa: BLE001 - pytest's own outcomes are among them; wait() raises it again
            results[node].set_exception(error)


def wait(item):
    """Wait for a test that runs in a lane; False where it does not."""
    results = item.getparent(pytest.Module).stash.get(RESULTS, {})
    if item.nodeid in results:
        results[item.nodeid].result(LONGEST_S)
    return item.nodeid in results
