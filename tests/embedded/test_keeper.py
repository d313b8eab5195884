"""What dies is started again, with patience."""

import subprocess
import time

from biobank.embedded import EmbeddedError, process
from biobank.embedded.keeper import Keeper, Service


def sleeper(seconds: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", str(seconds)], start_new_session=True)


def watch(keeper: Keeper, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        keeper.look_after()
        time.sleep(0.02)


def test_a_dead_child_is_started_again_and_said_so() -> None:
    said: list[str] = []
    keeper = Keeper(said.append)
    service = Service("web", lambda: sleeper(60), process.kill_group)
    keeper.start(service)
    first = service.child
    assert first is not None
    first.kill()
    watch(keeper, 0.8)
    second = service.child
    keeper.stop_all()

    assert second is not None
    assert second.pid != first.pid
    assert said == ["biobank: web ended (signal 9); next try in 0.5 seconds.", "biobank: web runs again."]


def test_a_child_that_keeps_dying_is_tried_less_and_less_often() -> None:
    starts: list[float] = []

    def start() -> "subprocess.Popen[bytes]":
        starts.append(time.monotonic())
        return sleeper(0)

    keeper = Keeper(lambda line: None)
    keeper.start(Service("web", start, process.kill_group))
    watch(keeper, 2.2)
    hopeless = keeper.hopeless()
    keeper.stop_all()

    assert len(starts) == 3  # at once, after 0.5 and after another 1 second
    assert hopeless == "web"


def test_a_start_that_fails_is_tried_again() -> None:
    outcomes = [sleeper, None, sleeper]

    def start() -> "subprocess.Popen[bytes]":
        outcome = outcomes.pop(0)
        if outcome is None:
            raise EmbeddedError("The disk is full.")
        return outcome(60)

    said: list[str] = []
    keeper = Keeper(said.append)
    service = Service("postgres", start, process.kill_group)
    keeper.start(service)
    assert service.child is not None
    service.child.kill()
    watch(keeper, 2.0)
    alive = service.child is not None
    keeper.stop_all()

    assert alive
    assert "biobank: postgres does not start: The disk is full.; next try in 1 seconds." in said


def test_programs_stop_before_the_databases_they_need() -> None:
    stopped: list[str] = []
    keeper = Keeper(lambda line: None)

    def stop(name: str, child: "subprocess.Popen[bytes]") -> None:
        stopped.append(name)
        process.kill_group(child)

    for name, database in (("postgres", True), ("valkey", True), ("web", False)):
        keeper.start(Service(name, lambda: sleeper(60), lambda child, name=name: stop(name, child), database))  # type: ignore[misc]
    keeper.stop_all()

    assert stopped == ["web", "valkey", "postgres"]
