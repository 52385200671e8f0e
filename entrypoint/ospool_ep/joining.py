"""The part of HTCondor's configuration that whoever speaks to the pool needs: a pilot, and a test of its token."""

from collections.abc import Iterable

SECURITY = "use SECURITY : recommended"


def directories(home: str) -> dict[str, str]:
    """Where HTCondor is in the image, and what it writes below `home`."""
    return {
        "RELEASE_DIR": "/usr",
        "BIN": "/usr/bin",
        "SBIN": "/usr/sbin",
        "LIB": "/usr/lib/condor",
        "LIBEXEC": "/usr/libexec/condor",
        "SHARE": "/usr/share/condor",
        "LOCAL_DIR": home,
        "LOG": f"{home}/log",
        "LOCK": f"{home}/lock",
        "RUN": f"{home}/run",
        "SPOOL": f"{home}/spool",
        "EXECUTE": f"{home}/execute",
    }


def hosts(managers: Iterable[str], collectors: Iterable[str], ccb: Iterable[str]) -> dict[str, str]:
    """Whom to speak to."""
    return {
        "CONDOR_HOST": ", ".join(managers),
        "COLLECTOR_HOST": ", ".join(collectors),
        "CCB_ADDRESS": ", ".join(ccb),
    }


def credentials(tokens: str, passwords: str, has_passwords: bool) -> dict[str, str]:
    """How to prove who we are."""
    # FS proves nothing to another machine; offered to the pool it would stand in the error of a refused token.
    methods = "IDTOKENS, PASSWORD" if has_passwords else "IDTOKENS"
    return {
        "SEC_CLIENT_AUTHENTICATION_METHODS": methods,
        "SEC_DEFAULT_AUTHENTICATION_METHODS": f"{methods}, FS",
        "SEC_DEFAULT_ENCRYPTION": "REQUIRED",
        "SEC_TOKEN_DIRECTORY": tokens,
        "SEC_PASSWORD_DIRECTORY": passwords,
    }
