"""HTCondor's configuration for the pool in a box and for the bare pilot, and how its ads read. Text only."""

from __future__ import annotations

# Debian's own root configuration names other directories and asks for /etc/condor/config.d: we read neither.
PATHS = """\
RELEASE_DIR = /usr
BIN = /usr/bin
SBIN = /usr/sbin
LIB = /usr/lib/condor
LIBEXEC = /usr/libexec/condor
SHARE = /usr/share/condor
LOCAL_CONFIG_DIR =
LOG = $(LOCAL_DIR)/log
RUN = $(LOCAL_DIR)/run
LOCK = $(LOCAL_DIR)/lock
SPOOL = $(LOCAL_DIR)/spool
EXECUTE = $(LOCAL_DIR)/execute
"""

POOL_DIR = "/var/lib/ospool-pool"

# Only the pilot's identity may advertise machines, and only by IDTOKEN: FS proves a user of this container.
# CCB registration is a DAEMON command, hence the pilots there; ADVERTISE_SCHEDD would follow DAEMON.
# The intervals make a submitted job start within a second or two; their defaults suit pools of 100000 slots.
# Without per-user match limits: 20 jobs of a user that match nowhere would keep all his others waiting.
# No query workers: a fork per query is dear when something asks every 20 ms.
CENTRAL_MANAGER = """\
LOCAL_DIR = {pool_dir}
{paths}
DAEMON_LIST = MASTER, COLLECTOR, NEGOTIATOR, SCHEDD
CONDOR_HOST = {host}
NETWORK_HOSTNAME = {host}
TRUST_DOMAIN = {domain}
UID_DOMAIN = {domain}
SEC_PASSWORD_DIRECTORY = /etc/condor/passwords.d
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_CLIENT_AUTHENTICATION_METHODS = FS, IDTOKENS
OURS = condor@{domain}, root@{domain}, condor@family
PILOTS = pilot@{domain}
ALLOW_READ = *@{domain}
ALLOW_WRITE = $(OURS), osg@{domain}
ALLOW_ADMINISTRATOR = $(OURS)
ALLOW_CONFIG = $(OURS)
ALLOW_NEGOTIATOR = $(OURS)
ALLOW_DAEMON = $(OURS), $(PILOTS)
ALLOW_ADVERTISE_STARTD = $(PILOTS)
ALLOW_ADVERTISE_MASTER = $(OURS), $(PILOTS)
ALLOW_ADVERTISE_SCHEDD = $(OURS)
NEGOTIATOR_INTERVAL = 5
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_MIN_INTERVAL = 1
SCHEDD_INTERVAL = 5
SCHEDD_MIN_INTERVAL = 1
UPDATE_INTERVAL = 60
COLLECTOR_QUERY_WORKERS = 0
SCHEDD_ENABLE_PER_USER_MATCH_LIMITS = False
"""

# What somebody writes by hand for a pilot that can run container jobs: bench's yardstick for the entrypoint.
BARE_PILOT = """\
LOCAL_DIR = /pilot
{paths}
DAEMON_LIST = MASTER, STARTD
CONDOR_HOST = {host}
STARTD_NAME = {name}
MASTER_NAME = {name}
SEC_TOKEN_DIRECTORY = /etc/condor/tokens-orig.d
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS
SINGULARITY = /usr/bin/apptainer
HasSIF = True
STARTD_ATTRS = HasSIF
START = True
"""


def central_manager(host: str, domain: str) -> str:
    """The whole configuration of the central manager and access point named `host`, trust domain `domain`."""
    return CENTRAL_MANAGER.format(paths=PATHS, pool_dir=POOL_DIR, host=host, domain=domain)


def bare_pilot(host: str, name: str) -> str:
    """A minimal pilot that joins the pool at `host` (port 9618) as `name`, its directories under /pilot."""
    return BARE_PILOT.format(paths=PATHS, host=host, name=name)


def parse_ads(text: str) -> list[dict[str, str]]:
    """Ads from `condor_status -long`: attribute to the text of its expression, exactly as shown."""
    ads: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        name, equals, value = line.partition(" = ")
        if equals:
            ads[-1][name] = value
        elif not line.strip() and ads[-1]:
            ads.append({})
    return [ad for ad in ads if ad]


def unquoted(expression: str) -> str:
    r"""The string a quoted literal stands for (`"a\"b"` is `a"b`); any other expression as it is."""
    if len(expression) >= 2 and expression[0] == expression[-1] == '"':
        return expression[1:-1].replace('\\"', '"')
    return expression
