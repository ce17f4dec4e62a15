"""The bench of the hour after an outage, in small: a real server, real devices, and a page on which live ratings are seen."""

from workbench.bench import drain


def test_a_small_outage_is_drained_counted_and_watched() -> None:
    heard: list[str] = []
    figures = {figure.name: figure for figure in drain.measure(1, heard.append, devices=3, rows=40)}
    assert set(figures) == {
        "backlog stored",
        "backlog counted",
        "live rating shown",
        "live rating shown, median",
        "ratings watched",
    }
    assert figures["backlog stored"].value <= figures["backlog counted"].value
    assert figures["ratings watched"].value > 0, "a rating was recorded meanwhile, and its page was read until it showed"
    assert "120 rows of 3 devices" in figures["backlog stored"].about
