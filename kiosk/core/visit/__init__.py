"""The visitor's state machine: what a tap, an undo, a walk-away or a failed commit lead to.

`step(rules, state, event)` returns the next state and the rows to append. It reads no clock and touches no screen; whoever calls it
shows `scene(rules, state)`, appends the rows and reports the commit back as `Committed` or `Failed`, and sends a `Tick` when one is
`due(state)`. Nobody is thanked before the commit.

The order of a visit: pressed look at once, commit, thank-you, and only then the network.
"""

from kiosk.core.visit.events import (
    Access,
    Acted,
    Broken,
    Clean,
    Close,
    Committed,
    Done,
    Failed,
    Key,
    Mended,
    Open,
    Press,
    Skip,
    Speak,
    Stay,
    Stuck,
    Tap,
    Tick,
    Undo,
    VisitEvent,
)
from kiosk.core.visit.machine import must_wait, step
from kiosk.core.visit.moves import COMMIT_PATIENCE, NOT_RECORDED_SHOWN
from kiosk.core.visit.scenes import Scene, scene
from kiosk.core.visit.state import Action, Append, Phase, Rules, State, Step, adopt, at_rest, begin, due

__all__ = [
    "COMMIT_PATIENCE",
    "NOT_RECORDED_SHOWN",
    "Access",
    "Acted",
    "Action",
    "Append",
    "Broken",
    "Clean",
    "Close",
    "Committed",
    "Done",
    "Failed",
    "Key",
    "Mended",
    "Open",
    "Phase",
    "Press",
    "Rules",
    "Scene",
    "Skip",
    "Speak",
    "State",
    "Stay",
    "Step",
    "Stuck",
    "Tap",
    "Tick",
    "Undo",
    "VisitEvent",
    "adopt",
    "at_rest",
    "begin",
    "due",
    "must_wait",
    "scene",
    "step",
]
