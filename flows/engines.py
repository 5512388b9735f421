"""Where the tasks of a flow run: threads of this machine, or the workers of Ray or Dask.

Engines are part of no key: the same bytes come out. Without an address a cluster of this machine is
started and ended with the flow. Prefect, Ray and Dask are imported where they are used: the command
line asks for an engine before it starts a flow.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rotoscope.pipeline.errors import EngineError, EngineLostError, UsageError, quoted

EngineName = Literal["local", "ray", "dask"]
WAIT_S = 60.0
"""Longest wait for a worker where one was lost."""
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
_RAY_STARTS = 3
_OBJECT_STORE_BYTES = 80_000_000
"""Least that Ray takes: only paths and rows go through it."""


@dataclass(frozen=True)
class Engine:
    """What runs the tasks of a flow, and where."""

    name: EngineName = "local"
    """`local`: threads, each with children of its own."""
    address: str = ""
    """Of a cluster that runs already; one is started here where empty."""

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise UsageError(f"there is no engine {self.name!r}; allowed: {quoted(ENGINES)}")
        if self.name == "local" and self.address:
            raise UsageError(f"the local engine has no address, got {self.address!r}; leave it out")
        package = f"prefect_{self.name}"
        if self.name != "local" and importlib.util.find_spec(package) is None:
            raise UsageError(
                f"the engine {self.name!r} needs a package that is not installed; get it with: "
                f"pip install 'rotoscope[{self.name}]'"
            )

    @property
    def is_elsewhere(self) -> bool:
        """Whether tasks may run on other machines."""
        return bool(self.address)

    def in_flight(self, workers: int) -> int:
        """Shards that are submitted and not done, so that `workers` videos run at a time.

        A cluster of ours has as many workers: a second shard for each waits beside it.
        """
        return workers if self.is_elsewhere else 2 * workers

    @contextlib.contextmanager
    def prepared(self, workers: int) -> Iterator[Any]:
        """A task runner of Prefect's, with settings that hold as long as this context."""
        with contextlib.ExitStack() as until_the_end:
            if self.name == "ray":
                yield _ray_runner(self.address, workers, until_the_end)
            elif self.name == "dask":
                yield _dask_runner(self.address, workers, until_the_end)
            else:
                from prefect.task_runners import ThreadPoolTaskRunner

                yield ThreadPoolTaskRunner(max_workers=workers)

    def check(self, runner: Any) -> None:
        """Makes sure that there is a worker, or will be soon.

        Raises:
            EngineLostError: The engine is gone.
        """
        try:
            if self.name == "ray":
                import ray

                if not ray.is_initialized():  # asked all the same, it would start another cluster
                    raise EngineError("it has ended")
                ray.get(ray.remote(num_cpus=0)(lambda: None).remote(), timeout=WAIT_S)
            elif self.name == "dask":
                runner.client.wait_for_workers(1, timeout=WAIT_S)
        except Exception as error:
            # Each engine has its own ways to say that it is gone.
            raise EngineLostError(
                f"the engine {self.name!r} does not answer any more ({type(error).__name__})"
            ) from error

    def check_nodes(self, runner: Any, problem: Callable[[], str]) -> None:
        """Asks every node what it lacks for the run.

        Raises:
            EngineError: One lacks something.
        """
        found: dict[str, str] = {}
        if self.name == "ray":
            found = _ask_ray_nodes(problem)
        elif self.name == "dask":
            self.check(runner)
            found = runner.client.run(problem)
        for node, lacking in sorted(found.items()):
            if lacking:
                raise EngineError(
                    f"node {node} cannot work on this run: {lacking}; videos, the store and the "
                    "folder of the dataset must lie at the same paths on all nodes"
                )


LOCAL = Engine()
"""Threads of this machine."""


def _ray_runner(address: str, workers: int, until_the_end: contextlib.ExitStack) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from prefect_ray.task_runners import RayTaskRunner

    _start_ray({"address": address} if address else _own_ray(workers, until_the_end), until_the_end)
    # It takes the Ray that this process is connected with.
    return RayTaskRunner()


def _own_ray(workers: int, until_the_end: contextlib.ExitStack) -> dict[str, Any]:
    """How a Ray of this machine is started."""
    # Ray's ports are open to other machines, and its own token would be left in the user's home.
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name in ("RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS"):
        os.environ.pop(name, None)
    folder = tempfile.TemporaryDirectory(
        dir=_short_folder(), prefix="r", ignore_cleanup_errors=True
    )
    return {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": until_the_end.enter_context(folder),
    }


def _start_ray(options: dict[str, Any], until_the_end: contextlib.ExitStack) -> None:
    """Connects this process with Ray as long as the context.

    Raises:
        EngineError: It does not start, or nobody answers at the address.
    """
    import ray

    # Ray puts the current folder first on its workers' path: it may be one of videos.
    here = os.open(".", os.O_PATH)
    os.chdir("/")
    try:
        for attempt in range(1, _RAY_STARTS + 1):
            try:
                ray.init(
                    **options, namespace="prefect", log_to_driver=False, logging_level=logging.ERROR
                )
                break
            except Exception as error:
                # A busy machine does not start it within the 30 s that Ray waits.
                ray.shutdown()
                if attempt == _RAY_STARTS:
                    where = options.get("address") or "this machine"
                    raise EngineError(
                        f"no Ray can be had at {where}: {str(error).partition(chr(10))[0]}"
                    ) from error
    finally:
        os.fchdir(here)
        os.close(here)
    until_the_end.callback(ray.shutdown)


def _short_folder() -> str:
    """Where Ray's sockets may lie: of a path the system takes 107 bytes, of which it needs 75."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= 22 else "/tmp"


def _dask_runner(address: str, workers: int, until_the_end: contextlib.ExitStack) -> Any:
    import dask

    logging.getLogger("distributed").setLevel(logging.ERROR)
    from prefect_dask.task_runners import DaskTaskRunner

    ours_alone = {
        "distributed.worker.daemon": False,  # daemons cannot have children, and every video has one
        # Every process of it samples its threads a hundred times a second, for its dashboard.
        "distributed.worker.profile.enabled": False,
    }
    until_the_end.enter_context(dask.config.set(ours_alone))
    if address:
        return DaskTaskRunner(address=address)
    ours = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        # Who reaches its port may run programs: with keys that live as long as the cluster.
        "security": True,
        "dashboard_address": None,
        "memory_limit": 0,  # every video has its own
    }
    return DaskTaskRunner(cluster_kwargs=ours)


def _ask_ray_nodes(ask: Callable[[], str]) -> dict[str, str]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    ray: Any = importlib.import_module("ray")  # parts of it have no types
    remote = ray.remote(num_cpus=0)(lambda: ask())  # Ray takes functions alone, no other callable
    nodes = [node for node in ray.nodes() if node["Alive"]]
    asked = {
        f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})": remote.options(
            scheduling_strategy=On(node_id=node["NodeID"], soft=False)
        ).remote()
        for node in nodes
    }
    return {name: str(ray.get(answer)) for name, answer in asked.items()}
