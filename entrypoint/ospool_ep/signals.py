"""Signals as a program expects them, before an exec."""

import signal

# What Python ignores by itself, and what cvmfsexec leaves ignored in its payload where it makes a PID namespace.
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def give_back(numbers: tuple[int, ...] = _IGNORED) -> None:
    """Back to what the kernel does by default; handlers of ours would be reset by the exec anyway."""
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)
