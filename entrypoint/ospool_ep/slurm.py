"""What a Slurm allocation gives us, by the variables that it sets in a job (sbatch(1), srun(1)). Pure."""

from collections.abc import Iterable

from ospool_ep.cgroups import Limit
from ospool_ep.settings import Settings


def cpus(settings: Settings) -> tuple[Limit, ...]:
    """Of our node, or the least of any node where Slurm does not say which is ours."""
    given, name = settings.slurm_cpus_on_node, "SLURM_CPUS_ON_NODE"
    if not given:
        given, name = settings.slurm_cpus_per_node, "SLURM_JOB_CPUS_PER_NODE"
    if not given:
        return ()
    source = f"{name} {given}{_shared(settings)}"
    return (Limit(given / settings.slurm_tasks, source, "sbatch --cpus-per-task={}"),)


def memory(settings: Settings) -> Iterable[Limit]:
    """In MB; 0 is all of the node, and no limit."""
    shared, tasks = _shared(settings), settings.slurm_tasks
    option = "sbatch --mem={}M" if tasks == 1 else f"sbatch --mem=$(({tasks} * {{}}))M"
    if settings.slurm_memory_per_node_mb:
        mb = settings.slurm_memory_per_node_mb
        yield Limit(mb // tasks, f"SLURM_MEM_PER_NODE {mb} MB{shared}", option)
    # Without a word about CPUs there is one at least
    for given in (cpus(settings) or (Limit(1, "1 CPU"),)) if settings.slurm_memory_per_cpu_mb else ():
        mb = settings.slurm_memory_per_cpu_mb or 0
        yield Limit(
            int(mb * given.amount), f"SLURM_MEM_PER_CPU {mb} MB for {given.source}", f"{option} (not --mem-per-cpu)"
        )


def _shared(settings: Settings) -> str:
    """Each task of a step is a pilot of its own."""
    return f" shared by {settings.slurm_tasks} tasks" if settings.slurm_tasks > 1 else ""
