"""Runs in the image with its own package: nasty texts in every variable, rendered, and read back by HTCondor.

Arguments: ROUNDS SEED. Prints one JSON object: refused, arrived, wrong (what did not arrive as it was meant).
"""

import json
import random
import subprocess
import sys
from pathlib import Path

import classad2

from ospool_ep import (
    ad,
    condor_config,
    config_check,
    environment,
    extra_attributes,
    job_environment,
    names,
    policy,
    pools,
)
from ospool_ep.containers import published
from ospool_ep.containers.record import BELIEVED, Setup, State
from ospool_ep.machine import Machine
from ospool_ep.process_limits import ProcessLimits

CONFIG = Path("/tmp/round")
PIECES = (
    '"',
    "'",
    "\\",
    "\\\\",
    "$",
    "$$",
    "$(LOG)",
    "$(TOKEN)",
    "$ENV(TOKEN)",
    "$ENV(HOME)",
    "$$(X)",
    "$$([1])",
    "$(DOLLAR)",
    "$F(LOG)",
    "$INT(NUM_CPUS)",
    "$RANDOM_CHOICE(a,b)",
    "$(X:y)",
    "$(",
    "${X}",
    "#",
    " # x",
    "@=end",
    "@end",
    "\n",
    "\r",
    "\nSTART = True",
    "\t",
    "use security:user_based",
    "include : /etc/passwd",
    "if true",
    "endif",
    "=",
    ";",
    "%",
    "&&",
    "||",
    "ü",
    "✓",
    "\u2028",
    "\x85",
    "\ufeff",
    " ",
    "  ",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "a",
    "B7",
    "START",
    "<",
    "`id`",
    "x" * 5000,
)
# Variable, attribute of the machine ad that must say the same
STRINGS = {
    "GLIDEIN_Site": "GLIDEIN_Site",
    "GLIDEIN_ResourceName": "GLIDEIN_ResourceName",
    "OSG_PROJECT_NAME": "OSG_PROJECT_NAME",
    "OSG_INSTITUTION_ID": "OSG_INSTITUTION_ID",
}
HARMLESS = {**dict.fromkeys(STRINGS, "plain"), "GLIDEIN_Start_Extra": "True", "SINGULARITY_BIND_EXTRA": "/data"}


def main(rounds, seed):
    dice = random.Random(seed)
    machine = Machine()
    expected_names = dumped(write(pilot_of(HARMLESS, ())))
    result = {"refused": 0, "arrived": 0, "wrong": []}
    for _ in range(rounds):
        texts = {name: nasty(dice) for name in STRINGS}
        literal = nasty(dice).replace("\\", "").replace('"', '\\"')
        texts["GLIDEIN_Start_Extra"] = f'TARGET.Owner != "{literal}"'
        texts["SINGULARITY_BIND_EXTRA"] = nasty(dice)
        line = nasty(dice)
        extras, extra_problems = extra_attributes.parse(f'SiteNote = "{line}"\n')
        good, refused = split(texts)
        result["refused"] += len(refused) + bool(extra_problems)
        pilot = pilot_of({**HARMLESS, **good}, extras)
        path = write(pilot)
        wrong = [problem.found for problem in config_check.differences(machine, str(path), condor_config.knobs(pilot))]
        strange = dumped(path) - expected_names - {"sitenote"}
        wrong += [f"unexpected names {sorted(strange)}"] if strange else []
        wrong += [f"{name}: {texts[name]!r} arrived as {said!r}" for name, said in read_back(good, path)]
        if extras:
            said = value("SiteNote", path)
            wrong += [] if said == f'"{line.strip()}"' or said == f'"{line}"' else [f"SiteNote {line!r}: {said!r}"]
        result["wrong"] += wrong
        result["arrived"] += len(good) + len(extras)
    print(json.dumps(result))


def nasty(dice):
    return "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 5)))


def split(texts):
    """Judge one variable at a time, as the boot would: (those that are accepted, those that are not)."""
    good, bad = {}, {}
    for name, text in texts.items():
        settings, problems = environment.load({**HARMLESS, name: text})
        problems += policy.judge(settings, {}) if name == "GLIDEIN_Start_Extra" else ()
        (bad if any(not problem.warning for problem in problems) else good)[name] = text
    return good, bad


def pilot_of(texts, extras):
    settings, _ = environment.load(texts)
    pool = pools.choose(settings, lambda count: 0)
    # Whatever is in a comment: a bind that is not there is named in one
    state = State(containers=BELIEVED, sif=BELIEVED, comment=texts["SINGULARITY_BIND_EXTRA"])
    containers = published.attributes(Setup("1.4.5", settings.bind_extra, True), state)
    attributes = ad.attributes(settings, pool, ad.lifetime(settings, 1795000000), containers, ProcessLimits())
    attributes |= {extra.name: extra.text for extra in extras}
    chosen = names.choose(settings.resource_name, "host", "0a1b2c3d", False)
    fields = {
        "home": "/pilot/ep-0a1b2c3d", "tokens": "/t", "passwords": "/p", "has_passwords": False,
        "machine_name": chosen.machine, "daemon_name": chosen.instance, "managers": pool.managers,
        "collectors": pool.collectors, "ccb": pool.ccb, "cpus": 1, "memory_mb": 1000, "start": policy.start(settings),
        "attributes": tuple(attributes.items()), "job_environment": job_environment.render(settings, True),
        "containers": "/pilot/ep-0a1b2c3d/apptainer", "cvmfs": (), "gpus": (), "gpu_statements": (),
        "cache_mb": 100, "pid_namespaces": True, "idle_minutes": 30, "stop_seconds": 10, "booted": 1795000000,
        "log_target": "/proc/1/fd/1", "job_cgroups": False,
    }  # fmt: skip
    known = condor_config.Pilot.__dataclass_fields__
    return condor_config.Pilot(**{name: value for name, value in fields.items() if name in known})


def write(pilot):
    CONFIG.write_text(condor_config.render(pilot), encoding="utf-8")
    return CONFIG


def dumped(path):
    """Every name that the configuration file sets, as HTCondor sees it."""
    env = {"CONDOR_CONFIG": str(path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    text = subprocess.run(
        ["condor_config_val", "-summary"], capture_output=True, check=True, env=env, timeout=20
    ).stdout
    lines = text.decode("utf-8", "replace").split("\n")
    return {line.partition("=")[0].strip().lower() for line in lines if "=" in line and not line.startswith("#")}


def value(name, path):
    env = {"CONDOR_CONFIG": str(path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TOKEN": "LEAK", "HOME": "LEAK"}
    said = subprocess.run(["condor_config_val", name], capture_output=True, check=False, env=env, timeout=20).stdout
    return said.decode("utf-8", "replace").removesuffix("\n")


def read_back(good, path):
    """Pairs (variable, text in the ad) that differ from what the administrator wrote."""
    for name, attribute in STRINGS.items():
        if name not in good:
            continue
        meant = environment.values.tolerate(good[name], "\"'")
        parsed = classad2.parseOne(f"V = {value(attribute, path)}\n", classad2.ParserType.Old)
        said = parsed.get("V") if meant else ""
        if said != meant:
            yield name, said


main(int(sys.argv[1]), int(sys.argv[2]))
