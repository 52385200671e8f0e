"""What further checks may ask of those that every pilot makes."""

from collections.abc import Callable
from dataclasses import dataclass

from ospool_ep.pools import Pool
from ospool_ep.settings import Settings
from ospool_ep.tokens import Credentials


@dataclass(frozen=True)
class Known:
    """Settings and pool are known at once; the functions wait until the check that finds it has ended."""

    settings: Settings
    pool: Pool
    credentials: Callable[[], Credentials]
    proxy_works: Callable[[], bool]
