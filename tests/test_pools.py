import pytest

from ospool_ep import pools
from ospool_ep.settings import Settings


def choose(draw=lambda count: 0, **changes):
    return pools.choose(Settings(**changes), draw)


def test_the_ospool_is_the_default():
    pool = choose()
    assert pool.name == "prod-ospool"
    assert pool.managers == ("cm-1.ospool.osg-htc.org", "cm-2.ospool.osg-htc.org")
    assert pool.collectors[0] == "cm-1.ospool.osg-htc.org?sock=collector1"
    assert pool.ccb[1] == "ccb-2.ospool.osg-htc.org?sock=collector1"
    assert (pool.group, pool.production, pool.issuer) == ("main-container", True, "flock.opensciencegrid.org")


def test_itb_turns_the_ospool_into_its_test_bed():
    assert choose(itb=True).name == "itb-ospool"
    assert choose(itb=True).group == "itb-container"
    assert not choose(itb=True).production
    assert choose(itb=True, pool="prod-ospool").name == "prod-ospool"


@pytest.mark.parametrize("name", ["prod-path-facility", "dev-path-facility"])
def test_the_path_facility(name):
    pool = choose(pool=name, draw=lambda count: count - 1)
    assert all(address.endswith(":9618?sock=collector9624") for address in (*pool.collectors, *pool.ccb))
    assert (pool.group, pool.production) == ("path-container", False)


@pytest.mark.parametrize("name", pools.KNOWN)
def test_all_hosts_of_a_pool_get_the_same_collector(name):
    for number in range(10):
        pool = choose(pool=name, draw=lambda count, number=number: number % count)
        assert len({address.partition("?")[2] for address in (*pool.collectors, *pool.ccb)}) == 1


def test_every_collector_of_the_ospool_can_be_drawn():
    drawn = {choose(draw=lambda count, n=n: n).collectors[0].rpartition("=")[2] for n in range(10)}
    assert drawn == {f"collector{number}" for number in range(1, 11)}
    limits = []
    choose(draw=lambda count: limits.append(count) or 0)
    assert limits == [10]


@pytest.mark.parametrize("host", ["cm.example.org", "cm:9999", "cm:9618?sock=c3", "[::1]:9618"])
def test_any_other_central_manager(host):
    pool = choose(pool=host)
    assert pool.managers == pool.collectors == pool.ccb == (host,)
    assert (pool.group, pool.issuer, pool.production) == ("", None, False)


def test_condor_host_replaces_the_pools_managers():
    pool = choose(condor_host=("a", "b:9"))
    assert pool.collectors == ("a", "b:9")
    assert not pool.production


@pytest.mark.parametrize(
    ("host", "ccb"),
    [("cm", "cm:9001"), ("cm:9618?sock=x", "cm:9001"), ("[::1]:9618", "[::1]:9001"), ("[::1]", "[::1]:9001")],
)
def test_a_ccb_port_from_the_range(host, ccb):
    pool = choose(pool=host, ccb_range_low=9000, ccb_range_high=9010, draw=lambda count: 1)
    assert pool.ccb == (ccb,)
    assert pool.collectors == (host,)


def test_both_ends_of_the_range_can_be_drawn():
    def port(draw):
        return choose(ccb_range_low=9000, ccb_range_high=9010, draw=draw).ccb[0]

    assert port(lambda count: 0) == "ccb-1.ospool.osg-htc.org:9000"
    assert port(lambda count: count - 1) == "ccb-1.ospool.osg-htc.org:9010"


def test_an_impossible_range_does_not_stop_the_other_checks():
    assert choose(pool="cm", ccb_range_low=9, ccb_range_high=5).ccb == ("cm",)


@pytest.mark.parametrize("name", ["OSPool", "prod_ospool", "itb-osgpool", "prod-path-facilty"])
def test_a_misspelled_pool_is_told(name):
    (problem,) = pools.judge(Settings(pool=name))
    assert problem.warning
    assert problem.id == "pool-name"
    assert "did you mean POOL=" in problem.cure


@pytest.mark.parametrize(
    "name", ["ospool", "prod-ospool", "cm.example.org", "ospool-ep-demo-cm", "192.0.2.7", "host:9618"]
)
def test_a_pool_or_a_host_is_not_doubted(name):
    assert pools.judge(Settings(pool=name)) == ()
