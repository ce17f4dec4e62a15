"""The ledger's benchmark fills what it says it fills, and measures every promise that it makes."""

from pathlib import Path

from kiosk.ledger.store import Store
from sync_server.surveys.files import load_all
from wire.codec import decode_event
from workbench.bench import ledger
from workbench.bench.crowd import rows


def test_a_filled_ledger_holds_so_many_rows_each_of_its_own_visit_or_item(tmp_path: Path) -> None:
    (asked,) = [sheet.questionnaire(1) for sheet in load_all() if sheet.key == "exit"]
    crowd = rows(asked, door=1, count=300)
    store = Store(ledger.filled(tmp_path / "ledger.sqlite3", crowd, 1_100))
    held = store.read(1, 2_000).rows
    store.close()
    assert len(held) == len(set(held)) == 1_100
    assert decode_event(held[0]) == crowd[0]


def test_every_figure_is_measured() -> None:
    figures = {figure.name: figure for figure in ledger.measure(1, lambda text: None, full=1_500)}
    assert figures["taken over"].value > 0
    assert 0 < figures["1,500 rows on the card"].value < 3
    assert {name for name, figure in figures.items() if figure.target} >= {
        "append, full against nearly empty",
        "start, full",
        "fork to next rating",
        "damage to next rating",
    }
