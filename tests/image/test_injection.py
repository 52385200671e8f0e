"""Whatever stands in a variable is that value in the ad, or is refused: never a line, a macro or a knob."""

import json
import re
from pathlib import Path

import pytest
import runs

from poolbox import jobs
from poolbox.condor import unquoted

SCRIPT = (Path(__file__).parent / "inside" / "roundtrip.py").read_text(encoding="utf-8")
# Each boots for real, with the text in four variables at once
NASTY = {
    "macros": "$(LOG)$(TOKEN) $ENV(HOME) $ENV(GLIDEIN_Site) $$(X) $$([1]) $RANDOM_CHOICE(a,b)",
    "quotes": """it's "quoted" 'both' ""twice"" ` ; @=end # \\x use security:user_based""",
    "tails": "Zürich ✓ = <&> %s ${X} \\\\server\\share",
}


@pytest.mark.parametrize("seed", [1, 2])
def test_hundreds_of_nasty_texts_arrive_or_are_refused(box, seed):
    command = ("-i", "--rm", "--network", box.name, "--entrypoint", "python3", box.image, "-", "150", str(seed))
    said = box.engine.run("run", *command, input=SCRIPT, timeout=120).stdout
    result = json.loads(said)
    assert result["wrong"] == []
    assert result["arrived"] > 300
    assert result["refused"] > 100


@pytest.mark.parametrize("kind", NASTY)
def test_nasty_texts_in_a_real_pilot(pool, boot, kind):
    text = NASTY[kind]
    quoted = text.replace("'", "''")
    job_env = f"NASTY='{quoted}' AFTER=1"
    variables = {
        "GLIDEIN_Site": f"{kind} {text}", "OSG_INSTITUTION_ID": f"id {text}",
        "EXTRA_JOB_ENV": job_env,
    }  # fmt: skip
    booted = boot(f"nasty-{kind}", env=variables)
    for variable in ("GLIDEIN_Site", "OSG_INSTITUTION_ID"):
        assert unquoted(booted.ad[variable]) == variables[variable]
    script = '#!/bin/sh\nprintf \'[%s]\\n\' "$NASTY" "$AFTER" "$GLIDEIN_Site" "$TOKEN"\n'
    job = jobs.submit(
        pool, runs.description(f'regexp("^nasty-{kind}", TARGET.Machine)', runs.PROJECT), {"run.sh": script}
    )
    result = jobs.wait_for_job(pool, job, 60)
    assert (result.state, result.exit_code) == ("done", 0), result
    assert re.findall(r"\[(.*)\]", result.stdout) == [text, "1", variables["GLIDEIN_Site"], ""]


@pytest.mark.parametrize(
    "text", ["a\nSTART = True", "a\rb", "a\x07b", "$$$(LOG)", "$(DOLLAR)(LOG)", 'a\\"b', "a\\"], ids=repr
)
@pytest.mark.parametrize("variable", ["GLIDEIN_Site", "OSG_PROJECT_NAME"])
def test_what_cannot_be_written_is_refused(box, variable, text):
    ended = box.run({variable: text})
    assert (ended.code, ended.refusals) == (78, ["setting-invalid"])
