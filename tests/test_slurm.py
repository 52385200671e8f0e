"""What Slurm's variables allow, alone and together: values in, values out."""

import pytest

from fakes import GOOD, ids
from ospool_ep import environment, resources, slurm
from ospool_ep.cgroups import Reading
from ospool_ep.host import Host
from ospool_ep.settings import Settings

HOST = Host(64, 64, 256000, 256000)
NOTHING = Reading()


def cpus(**given):
    return [limit.amount for limit in slurm.cpus(Settings(**given))]


def memory(**given):
    return [limit.amount for limit in slurm.memory(Settings(**given))]


def test_without_slurm_there_is_no_limit():
    assert (cpus(), memory()) == ([], [])


def test_the_word_for_this_node_goes_before_the_one_for_all_nodes():
    assert cpus(slurm_cpus_on_node=6, slurm_cpus_per_node=2) == [6]
    assert cpus(slurm_cpus_per_node=2) == [2]


def test_zero_is_slurms_way_to_say_all_of_the_node():
    assert memory(slurm_memory_per_node_mb=0, slurm_memory_per_cpu_mb=0, slurm_cpus_on_node=4) == []


def test_memory_for_each_cpu_is_counted_with_the_cpus_of_the_node():
    assert memory(slurm_memory_per_cpu_mb=500, slurm_cpus_on_node=4) == [2000]
    assert memory(slurm_memory_per_cpu_mb=500, slurm_cpus_per_node=4) == [2000]


def test_memory_for_each_cpu_of_an_unknown_number_is_that_of_one():
    assert memory(slurm_memory_per_cpu_mb=500) == [500]


def test_two_words_for_memory_are_two_limits():
    assert memory(slurm_memory_per_node_mb=3000, slurm_memory_per_cpu_mb=500, slurm_cpus_on_node=4) == [3000, 2000]


def test_the_tasks_of_a_step_share_because_each_is_a_pilot():
    given = {"slurm_cpus_on_node": 8, "slurm_tasks": 3}
    assert cpus(**given) == [pytest.approx(2.667, rel=0.01)]
    assert memory(**given, slurm_memory_per_node_mb=1000) == [333]
    assert memory(**given, slurm_memory_per_cpu_mb=300) == [800]


@pytest.mark.parametrize(
    ("tasks", "source"), [(1, "SLURM_CPUS_ON_NODE 8"), (2, "SLURM_CPUS_ON_NODE 8 shared by 2 tasks")]
)
def test_that_tasks_share_is_told_where_they_do(tasks, source):
    (limit,) = slurm.cpus(Settings(slurm_cpus_on_node=8, slurm_tasks=tasks))
    assert limit.source == source


def offer(**variables):
    settings, wrong = environment.load(GOOD | variables)
    assert wrong == ()
    cores, first = resources.cpus(HOST, NOTHING, NOTHING, settings)
    share, second = resources.memory(HOST, NOTHING, NOTHING, settings)
    return cores, share, (*first, *second)


@pytest.mark.parametrize(
    ("variables", "cores", "mb"),
    [
        ({"SLURM_CPUS_ON_NODE": "16", "SLURM_MEM_PER_NODE": "32000"}, 16, 31900),
        ({"SLURM_CPUS_ON_NODE": "16", "SLURM_MEM_PER_CPU": "2000"}, 16, 31900),
        ({"SLURM_JOB_CPUS_PER_NODE": "48(x2),36", "SLURM_MEM_PER_CPU": "1000"}, 36, 35900),
        ({"SLURM_CPUS_ON_NODE": "16"}, 16, 256000),
        ({"SLURM_MEM_PER_NODE": "32000"}, 64, 31900),
        ({"SLURM_MEM_PER_NODE": "0", "SLURM_CPUS_ON_NODE": "64"}, 64, 256000),
        ({"SLURM_MEM_PER_CPU": "4000", "SLURM_CPUS_ON_NODE": "64"}, 64, 256000),
        ({"SLURM_CPUS_ON_NODE": "16", "SLURM_STEP_TASKS_PER_NODE": "5", "SLURM_MEM_PER_NODE": "32000"}, 3, 6300),
        ({"SLURM_CPUS_ON_NODE": "72", "NUM_CPUS": "8", "MEMORY": "1000"}, 8, 1000),
    ],
)
def test_what_is_offered_in_an_allocation(variables, cores, mb):
    offered, share, problems = offer(**variables)
    assert (offered.amount, share.amount, problems) == (cores, mb, ())


def test_more_than_the_allocation_is_lowered_and_slurm_is_whom_to_ask():
    cores, share, problems = offer(SLURM_CPUS_ON_NODE="4", SLURM_MEM_PER_NODE="2000", NUM_CPUS="8", MEMORY="4000")
    assert (cores.amount, share.amount) == (4, 1900)
    assert ids(problems) == ["offer-lowered", "offer-lowered"]
    assert "sbatch --cpus-per-task=8" in problems[0].cure
    assert "sbatch --mem=4100M" in problems[1].cure
    assert "docker" not in problems[0].cure + problems[1].cure


def test_the_cure_for_one_of_two_tasks_asks_for_the_memory_of_both():
    step = {"SLURM_CPUS_ON_NODE": "4", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_MEM_PER_NODE": "2000"}
    _, _, problems = offer(**step, MEMORY="1900")
    assert "sbatch --mem=$((2 * 2000))M" in problems[0].cure


def test_more_tasks_than_cpus_are_not_cured_by_docker():
    cores, _, problems = offer(SLURM_CPUS_ON_NODE="1", SLURM_STEP_TASKS_PER_NODE="2")
    assert cores.amount == 1
    assert "docker" not in problems[0].cure
