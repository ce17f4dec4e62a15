"""A court's file says everything about its kiosks; a fault is told by place and fix; what is kept can be written out again."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_server.courts.files import CourtFileError, load, write
from sync_server.courts.models import Court
from sync_server.courts.selectors import settings_of
from sync_server.courts.services import open_court, set_court
from sync_server.courts.settings import CourtSettings
from wire.crest import checked
from wire.envelopes import Hours, Misuse, Timings

ZONE = "Europe/Kyiv"
NAME = {"uk": "Районний суд", "en": "District Court"}
WEEK = "".join(f'{day} = ["09:00-13:00", "13:45-18:00"]\n' for day in ("monday", "tuesday", "wednesday", "thursday"))
FILE = f"""
languages = ["uk", "en", "pl"]
language = "uk"
ask_rotation = false

[name]
uk = "Суд"
pl = "Sąd"

[timings]
question = 45
thanks = 7.5
aided = 3

[misuse]
burst_count = 4

[hours]
{WEEK}
friday = ["9:00–17:00"]
saturday = []
sunday = []
quiet = ["12:00-13:00"]

[hours.days]
2026-12-25 = []
2026-12-31 = ["09:00-24:00"]
"""


def settings(tmp_path: Path, text: str) -> CourtSettings:
    path = tmp_path / "court.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, timezone=ZONE, name=NAME)


def test_a_file_says_how_the_kiosks_behave_in_seconds_and_in_hours_as_on_a_door(tmp_path: Path) -> None:
    found = settings(tmp_path, FILE)
    assert found.languages == ("uk", "en", "pl")
    assert (found.language, found.ask_reason, found.ask_rotation) == ("uk", True, False)
    assert found.name == {"uk": "Суд", "pl": "Sąd"}
    assert found.timings == Timings(question=45_000, thanks=7_500, aided=3)
    assert found.misuse == Misuse(burst_count=4)
    assert found.hours == Hours(
        timezone=ZONE,
        week=[*[[(540, 780), (825, 1080)]] * 4, [(540, 1020)], [], []],
        days={"2026-12-25": [], "2026-12-31": [(540, 1440)]},
        quiet=[(720, 780)],
    )


def test_an_empty_file_means_that_all_is_as_usual_and_the_name_stays(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == CourtSettings(name=NAME)


@pytest.mark.parametrize(
    ("old", "new", "table", "field", "reason", "fix"),
    [
        ('"uk", "en", "pl"', '"uk", "en", "en"', "the top of the file", "languages", "twice", "each language once"),
        ('"uk", "en", "pl"', '"en", "pl"', "the top of the file", "language", "not among", "one of `languages`"),
        ('"uk", "en", "pl"', "", "the top of the file", "languages", "must have at least 1 entry", '["uk", "en"]'),
        (
            '"uk", "en", "pl"',
            '"Українська"',
            "the top of the file",
            "languages",
            "characters that cannot stand there",
            '["uk", "en"]',
        ),
        (
            "ask_rotation = false",
            'ask_rotation = "no"',
            "the top of the file",
            "ask_rotation",
            "must be true or false, but is a text",
            "true or false",
        ),
        ("ask_rotation", "ask_rotations", "the top of the file", "ask_rotations", "is not known here", "spelling"),
        ('uk = "Суд"\n', "", "name", "uk", "missing", "[name]"),
        ('uk = "Суд"', 'uk = "  "', "name", "uk", "missing", "[name]"),
        ('uk = "Суд"', f'uk = "{"С" * 201}"', "name", "uk", "201 characters", "at most 200"),
        ('pl = "Sąd"', "pl = 5", "name", "pl", "must be a text in quotation marks, but is a whole number", "show-court"),
        ("question = 45", "question = 2", "timings", "question", "2 cannot", "seconds from 3 to 600"),
        ("question = 45", "question = 1e9", "timings", "question", "cannot", "seconds from 3 to 600"),
        ("question = 45", "question = nan", "timings", "question", "cannot", "seconds from 3 to 600"),
        ("question = 45", 'question = "45 s"', "timings", "question", "must be a number, but is a text", "show-court"),
        ("aided = 3", "aided = 2.5", "timings", "aided", "2.5 cannot", "a whole number from 1 to 20"),
        ("aided = 3", "patience = 3", "timings", "patience", "is not known here", "question, thanks"),
        ("burst_count = 4", "burst_count = 1", "misuse", "burst_count", "cannot", "a whole number from 2 to 100"),
        ("sunday = []\n", "", "hours", "sunday", "is missing", "[] for closed"),
        ("sunday = []", "sunday = false", "hours", "sunday", "must be a list, but is true or false", "[] for closed"),
        ("sunday = []", "sunday = 2026-12-25", "hours", "sunday", "must be a list, but is a date", "[] for closed"),
        ('pl = "Sąd"', '"по-польськи" = "Sąd"', "the top of the file", "name", "a name in it has characters", "[name]"),
        ("sunday = []", 'sunday = ["nine to five"]', "hours", "sunday", "are no hours", "09:00-13:00"),
        ("sunday = []", 'sunday = ["09:60-10:00"]', "hours", "sunday", "are no hours", "09:00-13:00"),
        ("sunday = []", 'sunday = ["22:00-02:00"]', "hours", "sunday", "does not end later", "24:00"),
        ("sunday = []", 'sunday = ["22:00-24:01"]', "hours", "sunday", "does not end later", "24:00"),
        ("sunday = []", 'sunday = ["9:00-12:00", "11:00-13:00"]', "hours", "sunday", "before the one before", "in order"),
        ('quiet = ["12:00-13:00"]', 'quiet = ["13:00-13:00"]', "hours", "quiet", "does not end later", "24:00"),
        ("2026-12-25", "2026-13-25", "hours, days", "2026-13-25", "no date", "2026-12-25"),
        ("2026-12-25", "20261225", "hours, days", "20261225", "no date", "2026-12-25"),
        ("2026-12-25 = []", '2026-12-25 = ["closed"]', "hours, days", "2026-12-25", "are no hours", "[] for closed"),
    ],
)
def test_a_fault_is_told_by_table_field_reason_and_fix(
    tmp_path: Path, old: str, new: str, table: str, field: str, reason: str, fix: str
) -> None:
    assert old in FILE
    with pytest.raises(CourtFileError) as caught:
        settings(tmp_path, FILE.replace(old, new, 1))
    fault = caught.value
    assert (fault.file, fault.table, fault.field) == ("court.toml", table, field)
    assert reason in fault.reason
    assert "`" not in fault.reason
    assert fix in fault.fix
    assert str(fault).startswith(f"court.toml, {table}, field “{field}”: {fault.reason}. ")


@pytest.mark.parametrize("text", ["languages = ", "\x00"])
def test_what_is_not_toml_is_told_of_the_file_as_a_whole(tmp_path: Path, text: str) -> None:
    with pytest.raises(CourtFileError, match=r"^court\.toml, the file: is not TOML \(.+\)\. Mend the line that is named\.$"):
        settings(tmp_path, text)


@given(
    settings_=st.builds(
        CourtSettings,
        name=st.fixed_dictionaries({"uk": st.text(min_size=1, max_size=20).map(lambda text: f"Суд {text} №1")}),
        languages=st.just(("en", "uk")),
        ask_reason=st.booleans(),
        ask_rotation=st.booleans(),
        timings=st.builds(Timings, question=st.integers(3_000, 600_000), aided=st.integers(1, 20)),
        misuse=st.builds(Misuse, run_count=st.integers(2, 100), stuck_after=st.integers(2_000, 600_000)),
        hours=st.none()
        | st.builds(
            Hours,
            timezone=st.just(ZONE),
            week=st.lists(st.sampled_from([[], [(0, 1440)], [(1, 61), (61, 1439)]]), min_size=7, max_size=7),
            days=st.dictionaries(st.dates().map(str), st.just([(30, 90)]), max_size=3),
            quiet=st.sampled_from([[], [(720, 780)]]),
        ),
    )
)
def test_what_is_written_out_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, settings_: CourtSettings) -> None:
    folder = tmp_path_factory.mktemp("court")
    assert settings(folder, write(settings_)) == settings_


def test_hours_that_are_not_set_are_written_out_as_an_example_to_be_uncommented(tmp_path: Path) -> None:
    text = write(CourtSettings(name=NAME))
    assert settings(tmp_path, text).hours is None
    before, mark, hours = text.partition("# [hours]")
    shown = before + re.sub(r"^# ", "", mark + hours, flags=re.MULTILINE)
    assert settings(tmp_path, shown).hours == Hours(ZONE, [[(540, 1080)]] * 7)


CREST = Path(__file__).resolve().parents[3] / "workbench" / "crest.png"


def test_an_accent_and_a_crest_are_read_and_written_out_to_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "crest.png").write_bytes(CREST.read_bytes())
    found = settings(tmp_path, 'accent = "#6A1B4D"\ncrest = "crest.png"\n')
    assert found.accent == "#6A1B4D"
    assert found.crest is not None
    assert checked(found.crest) == (256, 320)
    text = write(found)
    assert 'crest = "crest.png"  # 256 × 320 px' in text
    assert settings(tmp_path, text) == found
    (tmp_path / "crest.png").unlink()
    with pytest.raises(CourtFileError, match="show-court --crest"):
        settings(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "content", "field", "reason", "fix"),
    [
        ('accent = "plum"', b"", "accent", "characters that cannot stand there", '"#1A5490"'),
        ("accent = 5", b"", "accent", "must be a text", '"#1A5490"'),
        ("crest = 5", b"", "crest", "must be a text", "PNG"),
        ('crest = "crest.png"', b"GIF89a", "crest", "“crest.png” is no PNG", "Save the picture as PNG."),
        ('crest = "crest.png"', CREST.read_bytes()[:-20], "crest", "“crest.png” is cut short", "anew"),
        ('crest = "crest.png"', bytes(5 * 1024 * 1024), "crest", "has more than", "at most 16384 bytes fit"),
        ('crest = "other.png"', b"", "crest", "“other.png” cannot be read", "beside this one"),
        ('crest = "a\\u0000b"', b"", "crest", "cannot be read", "beside this one"),
    ],
)
def test_an_accent_or_a_crest_that_cannot_be_used_is_told_by_field_reason_and_fix(
    tmp_path: Path, text: str, content: bytes, field: str, reason: str, fix: str
) -> None:
    (tmp_path / "crest.png").write_bytes(content)
    with pytest.raises(CourtFileError) as caught:
        settings(tmp_path, text)
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert fix in caught.value.fix


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
class TestKept:
    def court(self) -> Court:
        return open_court(slug="zrazkove", name_uk=NAME["uk"], name_en=NAME["en"])

    def test_a_new_court_has_what_is_usual(self) -> None:
        assert settings_of(self.court()) == CourtSettings(name=NAME)

    def test_what_was_set_is_what_is_kept(self, tmp_path: Path) -> None:
        wanted = settings(tmp_path, FILE)
        set_court(self.court(), wanted)
        assert settings_of(Court.objects.get()) == wanted

    def test_a_crest_and_an_accent_are_kept_and_can_be_taken_back(self, tmp_path: Path) -> None:
        (tmp_path / "crest.png").write_bytes(CREST.read_bytes())
        wanted = settings(tmp_path, 'accent = "#6A1B4D"\ncrest = "crest.png"\n')
        set_court(self.court(), wanted)
        assert settings_of(Court.objects.get()) == wanted
        set_court(Court.objects.get(), settings(tmp_path, ""))
        kept = settings_of(Court.objects.get())
        assert (kept.accent, kept.crest) == (None, None)

    def test_an_empty_file_takes_everything_back_but_the_name(self, tmp_path: Path) -> None:
        court = self.court()
        set_court(court, settings(tmp_path, FILE))
        court.refresh_from_db()
        plain = tmp_path / "plain.toml"
        plain.write_text("")
        name = settings_of(court).name
        set_court(court, load(plain, timezone=ZONE, name=name))
        assert settings_of(Court.objects.get()) == CourtSettings(name=name)

    def test_hours_are_those_of_the_courts_zone_when_that_has_been_corrected(self, tmp_path: Path) -> None:
        court = self.court()
        set_court(court, settings(tmp_path, FILE))
        Court.objects.update(timezone="Europe/Warsaw")
        hours = settings_of(Court.objects.get()).hours
        assert hours is not None
        assert hours == msgspec.structs.replace(settings(tmp_path, FILE).hours, timezone="Europe/Warsaw")
