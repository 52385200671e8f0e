"""Last, because it takes two minutes: the container was started when the pool was."""

from poolbox import pilot


def test_the_container_ends_with_its_own_code(box, doomed):
    assert pilot.wait(box.engine, doomed, 150) == 99
    assert " MASTER " in pilot.logs(box.engine, doomed)
