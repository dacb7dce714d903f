"""Joining a Ray cluster: which addresses there are, and what must hold before anything is said to one.

Does not protect against: whoever reads the traffic, since Ray's token is no encryption: use Ray's TLS or a network of
your own.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfproof.nouns import SelfproofError, UsageError

OLDEST = (2, 54)
"""Token authentication came with Ray 2.52 (before, whoever reaches a cluster runs code on it: CVE-2023-48022); until
2.53 its dashboard let anybody delete jobs (CVE-2026-27482)."""
LOCAL = "local"
_ADDRESS = re.compile(r"(ray://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_INSTALL = "Install it with: pip install 'selfproof[ray]'"


def host_of(address: str) -> str:
    """The host that an address names; "" for "local", a Ray of this run's own.

    Raises:
        UsageError: it is no address.
    """
    if address == LOCAL:
        return ""
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[3]) < 1 << 16:
        raise UsageError(
            f"{address[:80]!r} is no address of a Ray cluster",
            advice="Use ray://HOST:10001 (its client port), HOST:6379 (from a machine of the cluster), or local.",
        )
    return found[2].strip("[]")


def is_loopback(host: str) -> bool:
    """Whether nobody else can be there."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host in {"", "localhost"}


def check_token(address: str) -> None:
    """Whether this engine would show a token to a cluster that is not this machine's own.

    Raises:
        UsageError: it would not, so that the cluster might be anybody's.
    """
    if is_loopback(host_of(address)):
        return
    kept = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    if os.environ.get("RAY_AUTH_MODE") != "token" or not (os.environ.get("RAY_AUTH_TOKEN") or kept.is_file()):
        raise UsageError(
            f"{address} is on another machine, and no token guards it",
            advice="Start each node with RAY_AUTH_MODE=token and the same token (`ray get-auth-token --generate`), and "
            "set RAY_AUTH_MODE=token here too, with RAY_AUTH_TOKEN or ~/.ray/auth_token. Without, whoever reaches the "
            "cluster's ports runs code on its nodes.",
        )


def join(address: str, slots: int) -> Any:
    """The module ``ray``, joined to this cluster.

    Raises:
        SelfproofError: Ray is missing, too old, not there, of another version, or does not take our token.
    """
    check_token(address)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_AUTO_CONNECT": "0"}
    try:
        import ray
    except ImportError:
        raise SelfproofError("Ray is not installed", advice=_INSTALL) from None
    if tuple(int(part) for part in ray.__version__.split(".")[:2]) < OLDEST:
        raise SelfproofError(f"Ray {ray.__version__} has known holes", advice=f"{_INSTALL} (2.54 or newer).")
    about: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "namespace": "selfproof"}
    if address == LOCAL:
        about |= {"num_cpus": slots, "include_dashboard": False}
    else:
        about["address"] = address
    try:
        with _signals_kept():
            ray.init(**about)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise SelfproofError(
            f"cannot join the cluster {address}: {' '.join(str(error).split())[:300]}",
            advice="`ray status` on one of its machines says whether it is up; Ray's and Python's versions must be the "
            "same there and here.",
        ) from None
    return ray


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray handles SIGTERM itself; here a run's own way of ending counts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
