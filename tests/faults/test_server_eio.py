"""A disk that fails under the server's SQLite: what was acknowledged survives a power cut, whoever opened the file meanwhile."""

import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.support.trees import tree_with
from tests.support.waiting import until
from workbench.installation import ROOT
from workbench.torture import journal
from workbench.torture.card import Card
from workbench.torture.cuts import Wrong
from workbench.torture.server_cuts import Acceptor, Server, judge
from workbench.torture.shim import FOR_EVER, Shim

SEED = 20261123
CUTS = 12


@dataclass
class Disk:
    """A server on a disk that can be told to fail, and what it has acknowledged."""

    server: Server
    shim: Shim
    card: Card
    running: Acceptor
    through: int = 0

    @classmethod
    def made(cls, folder: Path, tree: Path) -> "Disk":
        server = Server(folder, tree=tree)
        shim = Shim(server.state, server.folder)
        card = Card(server.state)
        made = cls(server, shim, card, server.start(shim.environment))
        assert made.running.ready()
        return made

    def close(self) -> None:
        self.running.end()
        self.shim.close()

    def rate(self, count: int = 3) -> bool:
        """The device sends what comes next. Whether it was acknowledged."""
        source = self.server.sources[0]
        said = self.running.take([source.batch(self.through + 1, count)])
        assert said is not None, f"the server stays: {self.server.log.read_text()}"
        if said[0] is None:
            return False
        self.through = max(self.through, said[0])
        return True

    def fail(self, count: int = FOR_EVER) -> None:
        self.shim.fail_sync(self.shim.syncs + 1, count, errno.EIO)

    def start_again(self) -> None:
        """The process is killed; the machine, and with it what Linux remembers of the file, lives on."""
        self.running.end()
        self.running = self.server.start(self.shim.environment)
        assert self.running.ready()

    def assert_kept(self) -> None:
        """Whatever a power cut leaves now, it holds what was acknowledged."""
        self.running.end()
        self.card.feed(journal.read(self.shim.journal))
        source, chance = self.server.sources[0], Random(SEED)
        for _ in range(CUTS):
            image = self.server.folder / "image"
            how = self.card.cut(chance, image)
            try:
                judge(image, [source], {source.name: self.through})
            except Wrong as fault:
                raise Wrong(f"{fault} (survived: {how})") from fault
            shutil.rmtree(image)


Disks = Callable[..., Disk]


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    made: list[Disk] = []

    def make(tree: Path = ROOT) -> Disk:
        made.append(Disk.made(tmp_path / f"server-{len(made)}", tree))
        return made[-1]

    try:
        yield make
    finally:
        for disk in made:
            disk.close()


def fail_and_start_again(disk: Disk) -> None:
    """Refused rows stay readable in the log, the process dies, and the next one opens the file first."""
    assert disk.rate()
    disk.fail()
    assert not disk.rate()
    disk.running.end()
    disk.shim.heal()
    disk.start_again()
    assert disk.rate()


@pytest.mark.slow
def test_what_is_acknowledged_after_a_failed_sync_and_a_kill_survives_a_power_cut(disks: Disks) -> None:
    disk = disks()
    fail_and_start_again(disk)
    disk.assert_kept()
    assert disk.through == 6


@pytest.mark.slow
def test_without_settling_the_log_such_a_server_loses_what_it_acknowledged(disks: Disks, tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "sync_server", "wire", "assets", "workbench", "kiosk")
    settings = tree / "sync_server" / "project" / "database.py"
    ours = '"ENGINE": "sync_server.project.sqlite"'
    assert ours in settings.read_text()
    settings.write_text(settings.read_text().replace(ours, '"ENGINE": "django.db.backends.sqlite3"'))
    disk = disks(tree)
    fail_and_start_again(disk)
    with pytest.raises(Wrong, match="was told that 6 rows are stored, and 3 are"):
        disk.assert_kept()


@pytest.mark.slow
def test_a_disk_that_fails_for_a_while_loses_nothing_that_was_acknowledged(disks: Disks) -> None:
    disk = disks()
    assert disk.rate()
    disk.fail()
    for _ in range(3):
        assert not disk.rate()
    disk.start_again()
    assert not disk.rate(), "nothing is acknowledged as long as the log cannot be written again"
    disk.shim.heal()
    until(disk.rate, "the server takes rows again")
    assert disk.rate()
    disk.assert_kept()


@pytest.mark.slow
def test_one_failed_sync_whichever_it_is_loses_nothing_that_was_acknowledged(disks: Disks) -> None:
    sound = disks()
    for _ in range(2):
        assert sound.rate()
    before = sound.shim.syncs
    sound.start_again()
    for _ in range(2):
        assert sound.rate()
    number = sound.shim.syncs - before
    assert number >= 4
    refused = 0
    for place in range(number):
        disk = disks()
        for _ in range(2):
            assert disk.rate()
        disk.shim.fail_sync(disk.shim.syncs + 1 + place, 1, errno.EIO)
        disk.start_again()
        for _ in range(2):
            refused += not disk.rate()
        disk.start_again()
        assert disk.rate()
        disk.assert_kept()
    assert refused >= 2, "whoever sent when the disk failed was not told that it is stored"
