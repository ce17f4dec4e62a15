"""The power of a real kiosk is cut at random moments: what was synced survives for certain, of the rest what chance lets through.

A thousand of them: `./vidhuk bench cuts`.
"""

import errno
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.support.trees import tree_with
from workbench.torture import journal
from workbench.torture.card import Card
from workbench.torture.cuts import GLANCES, cut_kiosks
from workbench.torture.ledger_cuts import cut_ledgers
from workbench.torture.server_cuts import cut_servers
from workbench.torture.shim import Shim

SEED = 20261123
CUTS = 8
CUTS_OF_A_LEDGER = 6
CUTS_OF_A_SERVER = 3
CUTS_OF_A_BAD_KIOSK = 15
CUTS_OF_A_BAD_LEDGER = 4
CUTS_OF_A_BAD_SERVER = 3


@pytest.mark.slow
def test_after_every_power_cut_all_who_were_thanked_are_in_the_ledger_once(tmp_path: Path) -> None:
    found = cut_kiosks(tmp_path, cuts=CUTS, seed=SEED)
    assert found.losses == []
    assert (found.cuts, found.glances) == (CUTS, GLANCES * CUTS)
    assert found.thanked > CUTS, "the kiosks lived long enough to thank people"


@pytest.mark.slow
def test_after_every_power_cut_the_server_has_what_it_acknowledged_and_counts_it_once(tmp_path: Path) -> None:
    found = cut_servers(tmp_path, cuts=CUTS_OF_A_SERVER, seed=SEED)
    assert found.losses == []
    assert (found.cuts, found.glances) == (CUTS_OF_A_SERVER, GLANCES * CUTS_OF_A_SERVER)
    assert found.thanked > CUTS_OF_A_SERVER, "the server lived long enough to acknowledge something"


@pytest.mark.slow
def test_a_power_cut_while_the_ledger_migrates_moves_rows_salvages_or_prunes_loses_and_doubles_none(tmp_path: Path) -> None:
    found = cut_ledgers(tmp_path, cuts=CUTS_OF_A_LEDGER, seed=SEED)
    assert found.losses == []
    assert (found.cuts, found.glances) == (CUTS_OF_A_LEDGER, GLANCES * CUTS_OF_A_LEDGER)
    assert found.thanked > CUTS_OF_A_LEDGER, "the ledgers lived long enough to record something"


# --- the cuts bite ---


@pytest.mark.slow
def test_a_kiosk_that_thanks_before_the_card_has_it_is_found_out_by_power_cuts(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "kiosk", "wire", "assets", "workbench")
    careless = [file for file in (tree / "kiosk" / "ledger").glob("*.py") if "synchronous = FULL" in file.read_text()]
    assert careless, "somewhere the ledger says how it syncs"
    for file in careless:
        text = re.sub(r'"synchronous"\) != 2', '"synchronous") != 1', file.read_text())
        file.write_text(text.replace("synchronous = FULL", "synchronous = NORMAL"))
    found = cut_kiosks(tmp_path / "kiosk", cuts=CUTS_OF_A_BAD_KIOSK, seed=SEED, tree=tree)
    assert any("thanked for" in loss for loss in found.losses)
    found = cut_ledgers(tmp_path / "ledger", cuts=CUTS_OF_A_BAD_LEDGER, seed=SEED, tree=tree)
    assert any("are gone" in loss for loss in found.losses)


@pytest.mark.slow
def test_a_server_that_acknowledges_before_the_disk_has_it_is_found_out_by_power_cuts(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "sync_server", "wire", "assets", "workbench", "kiosk")
    settings = tree / "sync_server" / "project" / "database.py"
    assert "synchronous=FULL" in settings.read_text()
    settings.write_text(settings.read_text().replace("synchronous=FULL", "synchronous=NORMAL"))
    found = cut_servers(tmp_path / "cuts", cuts=CUTS_OF_A_BAD_SERVER, seed=SEED, tree=tree)
    assert any("was told that" in loss for loss in found.losses)


# --- the card itself ---

WRITE = "import os; f = os.open('note', os.O_CREAT | os.O_RDWR, 0o600); os.write(f, b'x' * 5000); "
SYNC = "os.fsync(f); "
SYNC_BADLY = "exec('try: os.fsync(f)\\nexcept OSError: pass'); "
SYNC_FOLDER = "os.fsync(os.open('.', os.O_RDONLY)); "


def found_after_cuts(tmp_path: Path, program: str, *, failing_sync: int = 0) -> set[bytes | None]:
    """What 40 cuts after the end of `program` have left of the file it wrote."""
    root = tmp_path / "card"
    root.mkdir()
    shim = Shim(root, tmp_path)
    shim.fail_sync(failing_sync, 1, errno.EIO)
    card = Card(root)
    subprocess.run(["env", *(f"{k}={v}" for k, v in shim.environment.items()), sys.executable, "-c", program], cwd=root, check=True)
    shim.close()
    card.feed(journal.read(shim.journal))
    chance = Random(SEED)
    found: set[bytes | None] = set()
    for _ in range(40):
        card.cut(chance, tmp_path / "image")
        note = tmp_path / "image" / "note"
        found.add(note.read_bytes() if note.exists() else None)
        shutil.rmtree(tmp_path / "image")
    return found


def test_what_was_synced_with_its_name_survives_every_cut(tmp_path: Path) -> None:
    assert found_after_cuts(tmp_path, WRITE + SYNC + SYNC_FOLDER) == {b"x" * 5000}


def test_a_file_whose_folder_was_not_synced_may_have_no_name(tmp_path: Path) -> None:
    assert found_after_cuts(tmp_path, WRITE + SYNC) == {b"x" * 5000, None}


def test_what_was_not_synced_survives_in_pieces(tmp_path: Path) -> None:
    found = found_after_cuts(tmp_path, WRITE + SYNC_FOLDER)
    assert {b"", b"x" * 5000} < found
    assert any(note and b"x" in note and b"\0" in note for note in found), "holes where sectors did not get through"


def test_a_sync_that_failed_is_not_made_good_by_the_next(tmp_path: Path) -> None:
    assert len(found_after_cuts(tmp_path, WRITE + SYNC_FOLDER + SYNC_BADLY + SYNC, failing_sync=2)) > 1


def test_what_is_written_again_after_a_failed_sync_is_certain(tmp_path: Path) -> None:
    again = "os.lseek(f, 0, 0); os.write(f, b'x' * 5000); "
    assert found_after_cuts(tmp_path, WRITE + SYNC_FOLDER + SYNC_BADLY + again + SYNC, failing_sync=2) == {b"x" * 5000}
