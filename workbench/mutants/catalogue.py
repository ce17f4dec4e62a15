"""Every deliberate fault. A line that others change takes its fault along: `./vidhuk test` says which one no longer fits."""

from typing import Final

from workbench.mutants.fault import Fault
from workbench.mutants.of_the_kiosk import FAULTS as KIOSK
from workbench.mutants.of_the_server import FAULTS as SERVER

FAULTS: Final[tuple[Fault, ...]] = (*KIOSK, *SERVER)
