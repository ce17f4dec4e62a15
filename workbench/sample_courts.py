"""Six courts that do not exist, as data: their exits, how many people answer there, how satisfied they are, what they name.

Every name says that it is invented. Shares are worst to best and need not add up to one; reasons are in the order of the
five court factors. The sizes span what is known of such terminals: from 14 to 21 answers a week to about 40 a day at one exit.
"""

from dataclasses import dataclass, field

Shares = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class SampleExit:
    """One door: `a_day` is the mean number of answering visitors on an ordinary weekday; `buttons` instead of a touchscreen."""

    name_uk: str
    name_en: str
    a_day: float
    buttons: bool = False


@dataclass(frozen=True)
class SampleCourt:
    """One invented court. From `changed_week` on (weeks from the first) its answers follow `afterwards`."""

    slug: str
    name_uk: str
    name_en: str
    exits: tuple[SampleExit, ...]
    shares: Shares
    reasons_low: Shares
    reasons_high: Shares
    afterwards: Shares | None = None
    changed_week: int | None = None
    english: float = 0.03
    weekly_limits: tuple[int, int] | None = None
    gives_reason: float = field(default=0.58)


LANGUAGES = ("uk", "en", "pl", "ro", "hu", "bg", "crh")
"""What the demonstration kiosk speaks, as far as its questionnaire does, in the order of its buttons."""
NAMES = {
    "pl": "Fikcyjny Sąd Rejonowy w Zrazkowem",
    "ro": "Judecătoria fictivă din Zrazkove",
    "hu": "Kitalált Zrazkovei Járásbíróság",
    "bg": "Измислен районен съд в Зразкове",
    "crh": "Uydurma Zrazkove rayon mahkemesi",
}
"""What the first court is called in them, beside its two usual names."""

MAIN = ("Головний вихід", "Main exit")
YARD = ("Вихід до двору", "Yard exit")
REGISTRY = ("Канцелярія", "Registry")
HALLS = ("Зали засідань, другий поверх", "Courtrooms, second floor")

COURTS: tuple[SampleCourt, ...] = (
    SampleCourt(
        slug="zrazkove",
        name_uk="Вигаданий районний суд міста Зразкове",
        name_en="Invented District Court of Zrazkove",
        exits=(SampleExit(*MAIN, 36), SampleExit(*REGISTRY, 16), SampleExit(*HALLS, 12)),
        # New signs and a second registry window in the eighth week: the visible change.
        shares=(16, 19, 22, 28, 15),
        afterwards=(8, 11, 19, 36, 26),
        changed_week=7,
        reasons_low=(12, 14, 40, 22, 12),
        reasons_high=(14, 22, 24, 14, 26),
    ),
    SampleCourt(
        slug="prykladna-apeliatsiia",
        name_uk="Вигаданий апеляційний суд Прикладної області",
        name_en="Invented Court of Appeal of the Prykladna Region",
        exits=(SampleExit(*MAIN, 22), SampleExit(*YARD, 9)),
        shares=(5, 9, 17, 40, 29),
        reasons_low=(10, 26, 22, 12, 30),
        reasons_high=(22, 28, 12, 10, 28),
        english=0.05,
    ),
    SampleCourt(
        slug="prykladnyi-hospodarskyi",
        name_uk="Вигаданий господарський суд Прикладної області",
        name_en="Invented Commercial Court of the Prykladna Region",
        exits=(SampleExit(*MAIN, 18), SampleExit(*REGISTRY, 11, buttons=True)),
        shares=(7, 10, 21, 38, 24),
        reasons_low=(8, 20, 42, 14, 16),
        reasons_high=(12, 30, 22, 14, 22),
        english=0.08,
    ),
    SampleCourt(
        slug="prykladnyi-administratyvnyi",
        name_uk="Вигаданий окружний адміністративний суд Прикладної області",
        name_en="Invented Administrative Court of the Prykladna Region",
        exits=(SampleExit(*MAIN, 20), SampleExit(*HALLS, 10)),
        shares=(10, 13, 24, 34, 19),
        reasons_low=(18, 14, 26, 28, 14),
        reasons_high=(18, 24, 18, 16, 24),
    ),
    SampleCourt(
        slug="tykha-havan",
        name_uk="Вигаданий міськрайонний суд міста Тиха Гавань",
        name_en="Invented City and District Court of Tykha Havan",
        exits=(SampleExit(*MAIN, 15), SampleExit(*YARD, 6)),
        shares=(13, 15, 27, 31, 14),
        reasons_low=(44, 12, 18, 16, 10),
        reasons_high=(8, 26, 20, 16, 30),
    ),
    SampleCourt(
        slug="mali-vzirtsi",
        name_uk="Вигаданий районний суд селища Малі Взірці",
        name_en="Invented District Court of Mali Vzirtsi",
        exits=(SampleExit(*MAIN, 3.5),),
        shares=(6, 10, 20, 38, 26),
        reasons_low=(34, 12, 18, 26, 10),
        reasons_high=(12, 24, 16, 12, 36),
        weekly_limits=(14, 21),
    ),
)
