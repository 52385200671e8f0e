"""The sentences for a proxy that answers, and does not fetch. Warnings: a pilot starts without a proxy, too."""

from collections.abc import Callable, Sequence

from ospool_ep.problem import Problem, warning
from ospool_ep.reach.fetch import Fetched, Trouble

_BOTH = "jobs get it as http_proxy all the same (the pilot only looks whether it listens): their downloads fail"
_ONE = "jobs get it as http_proxy: what they fetch from such places fails"
_LEAVE_OUT = "or leave OSG_SQUID_LOCATION out"


def judge(proxy: str, fetched: Sequence[Fetched]) -> tuple[Problem, ...]:
    """One for each cause."""
    works = any(one.trouble is Trouble.NONE for one in fetched)
    problems = []
    for trouble, say in _SAY.items():
        those = [one for one in fetched if one.trouble is trouble]
        if those:
            raw = "\n".join(one.raw for one in those)
            problems.append(say(proxy, [one.page.url for one in those], _ONE if works else _BOTH, raw))
    return tuple(problems)


def summary(proxy: str, fetched: Sequence[Fetched]) -> str:
    """One line for people."""
    good = sum(one.trouble is Trouble.NONE for one in fetched)
    return f"{good} of {len(fetched)} pages through {proxy}"


def _gone(proxy: str, _: list[str], why: str, raw: str) -> Problem:
    found = f"the proxy {proxy} listened a moment ago, and cannot be connected to now"
    return warning("proxy-gone", found, why, f"look after the squid, {_LEAVE_OUT}", raw)


def _silent(proxy: str, urls: list[str], why: str, raw: str) -> Problem:
    pages = " and ".join(urls)
    found = f"the proxy {proxy} takes connections, but gives no answer for {pages}: it hangs, or waits for the outside"
    cure = f"on the proxy's machine: curl -sI {urls[0]}\n(does it reach the outside itself?), {_LEAVE_OUT}"
    return warning("proxy-silent", found, why, cure, raw)


def _denied(proxy: str, urls: list[str], why: str, raw: str) -> Problem:
    found = f"the proxy {proxy} does not allow this machine to fetch {' and '.join(urls)} (403)"
    cure = (
        "ask the squid's administrator to allow the network of this machine, and these hosts; in squid.conf:\n"
        f"acl pilots src NETWORK/24\nhttp_access allow pilots\n{_LEAVE_OUT}"
    )
    return warning("proxy-denied", found, why, cure, raw)


def _login(proxy: str, _: list[str], why: str, raw: str) -> Problem:
    found = f"the proxy {proxy} wants a user name and a password (407): jobs have none"
    cure = f"ask the squid's administrator to allow the network of this machine without one, {_LEAVE_OUT}"
    return warning("proxy-login", found, why, cure, raw)


def _upstream(proxy: str, urls: list[str], why: str, raw: str) -> Problem:
    found = f"the proxy {proxy} does not reach the outside: {' and '.join(urls)}"
    cure = f"on the proxy's machine: curl -sI {urls[0]}\nand look into the squid's log, {_LEAVE_OUT}"
    return warning("proxy-upstream", found, why, cure, raw)


def _no_proxy(proxy: str, _: list[str], why: str, raw: str) -> Problem:
    cure = f"correct OSG_SQUID_LOCATION (http://host:3128, the port of the squid), {_LEAVE_OUT}"
    return warning("proxy-not-one", f"what listens at {proxy} is no HTTP proxy", why, cure, raw)


def _other(proxy: str, urls: list[str], why: str, raw: str) -> Problem:
    pages = " and ".join(urls)
    found = f"the proxy {proxy} answers with another page than {pages}: a login page, or an error of its own"
    cure = f"look at what comes: http_proxy={proxy} curl -s {urls[0]}\n{_LEAVE_OUT}"
    return warning("proxy-other-page", found, why, cure, raw)


_SAY: dict[Trouble, Callable[[str, list[str], str, str], Problem]] = {
    Trouble.UNREACHED: _gone,
    Trouble.SILENT: _silent,
    Trouble.DENIED: _denied,
    Trouble.LOGIN: _login,
    Trouble.UPSTREAM: _upstream,
    Trouble.NO_PROXY: _no_proxy,
    Trouble.OTHER: _other,
}
