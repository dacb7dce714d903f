"""A real Ray cluster of two nodes for all tests of this folder, guarded by a token."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starting import with_patience


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A cluster without a driver: one node with one CPU, and one with one CPU and a GPU that is only counted."""
    kept = dict(os.environ)  # Ray reads it when it is imported
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 64, "RAY_USAGE_STATS_ENABLED": "0",
                   "RAY_agent_register_timeout_ms": "120000"}  # fmt: skip
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'selfproof[ray]'")
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        with_patience(lambda: cluster.add_node(num_cpus=1, include_dashboard=False))
        with_patience(lambda: cluster.add_node(num_cpus=1, num_gpus=1))
        yield cluster
    finally:
        sys.modules["ray"].shutdown()
        for node in cluster.list_all_nodes():
            node.kill_all_processes(check_alive=False, allow_graceful=False)
        os.environ.clear()
        os.environ.update(kept)


@pytest.fixture(scope="module")
def address(nodes: Any) -> str:
    """Where the cluster is."""
    return str(nodes.address)
