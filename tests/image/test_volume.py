"""A scratch volume that is shared, or outlives its pilot."""

from poolbox import pilot, slots
from poolbox.condor import unquoted


def test_two_pilots_of_one_host_on_one_volume(box, pool, boot):
    """Same host name, same resource, one network (so that ports can collide), one volume."""
    scratch = box.scratch()
    first = boot("twin-a", env={"GLIDEIN_ResourceName": "twin"}, scratch=scratch, options=("--hostname", "twinhost"),
                 slot=False)  # fmt: skip
    second_network = ("--network", f"container:{first.container}")
    mount = ("-v", f"{scratch}:/pilot")
    name = f"{pool.name}-twin-b"
    token = box.inside(first.container, "sh", "-c", "until ls /run/ospool-ep/ep-*/tokens.d/*; do sleep 0.1; done; "
                       "cat /run/ospool-ep/ep-*/tokens.d/*").split()[-1]  # fmt: skip
    security = [f"--security-opt={option}" for option in pilot.SECURITY[box.engine.name]]
    variables = ("-e", f"POOL={pool.host}", "-e", "GLIDEIN_Site=twin-b", "-e", "GLIDEIN_ResourceName=twin")
    token_mount = ("-v", f"{box.token_file(token)}:{pilot.TOKEN_MOUNT}")
    label = ("--label", f"ospool-ep.pool={pool.name}")
    box.engine.run("run", "-d", "--name", name, *second_network, *label, *pilot.USER, *security, *pilot.DEVICES, *mount,
                   *token_mount, *variables, box.image)  # fmt: skip
    try:
        ads = [slots.wait_for_slot(pool, f'GLIDEIN_Site == "{site}"', 30) for site in ("twin-a", "twin-b")]
        assert unquoted(ads[0]["Machine"]) == unquoted(ads[1]["Machine"]) == "twin.twinhost"
        assert ads[0]["Name"] != ads[1]["Name"]
        assert ads[0]["MyAddress"] != ads[1]["MyAddress"]
        assert len([path for path in scratch.iterdir() if path.name.startswith("ep-")]) == 2
        # The second one stops: the first keeps its directory and its slot
        assert pilot.stop(box.engine, name) == 0
        slots.wait_until_gone(pool, 'GLIDEIN_Site == "twin-b"', 5)
        assert pilot.running(box.engine, first.container)
        slots.wait_for_slot(pool, 'GLIDEIN_Site == "twin-a"', 5)
    finally:
        pilot.remove(box.engine, name)


def test_a_killed_pilots_leftovers_are_removed_and_a_living_ones_are_not(box, boot):
    scratch = box.scratch()

    def instances():
        return {path.name for path in scratch.iterdir()}

    killed = boot("killed", scratch=scratch)
    of_killed = instances()
    living = boot("living", scratch=scratch)
    of_living = instances() - of_killed
    assert (len(of_killed), len(of_living)) == (1, 1)
    box.engine.run("kill", killed.container)
    third = boot("third", scratch=scratch)
    assert not of_killed & instances()
    assert of_living <= instances()
    assert f"left behind: /pilot/{of_killed.pop()}" in pilot.logs(box.engine, third.container)
    assert pilot.stop(box.engine, living.container) == 0


def test_restart_of_the_same_container(box, pool, boot):
    """`docker restart` and Restart=always: the file system of the container is an old one."""
    booted = boot("again")
    box.engine.run("kill", booted.container)
    box.engine.run("start", booted.container)
    other = f'GLIDEIN_Site == "again" && Name != {booted.ad["Name"]}'
    slots.wait_for_slot(pool, other, 30, unless_ended=booted.container)
    private = box.inside(booted.container, "ls", "/run/ospool-ep").split()
    assert len([name for name in private if name.startswith("ep-")]) == 1, "the killed start's token is still there"
