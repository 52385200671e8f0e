from fakes import ids, machine, put
from ospool_ep import network
from ospool_ep.problem import Exit, exit_code


def test_only_the_loopback_is_no_network(tmp_path):
    put(tmp_path, "/sys/class/net/lo/mtu", "65536")
    problems = network.judge(network.look(machine(tmp_path)))
    assert ids(problems) == ["network-missing"]
    assert exit_code(problems) == Exit.UNFIT


def test_any_interface_will_do(tmp_path):
    for name in ("lo", "eth0"):
        put(tmp_path, f"/sys/class/net/{name}/mtu", "1500")
    assert network.look(machine(tmp_path)) == ("eth0",)
    assert network.judge(("eth0",)) == ()


def test_a_kernel_that_shows_none_is_not_doubted(tmp_path):
    assert network.judge(network.look(machine(tmp_path))) == ()
