"""What edges remember of their own answers: two ways of clinging to a session need it.

Clinging decides whether an edge honours a session that it knows to be logged out. It never changes when the
edge learned of the log-out, which is drawn, and told by the control port.
"""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replica.behaviour import Behaviour
    from replica.propagation import Layer


class EdgeMemory:
    """When each edge last honoured each layer of each session.

    Like a worker's cache, it ends with the process. It is kept also while no defect is on, so that one can be
    switched on at any time.
    """

    def __init__(self) -> None:
        self._used: defaultdict[tuple[str, int], dict[Layer, float]] = defaultdict(dict)

    def note(self, session_id: str, edge: int, layer: Layer, now: float) -> None:
        """Note that an edge honoured a layer of a session."""
        self._used[session_id, edge][layer] = now

    def clings(self, session_id: str, edge: int, layer: Layer, now: float, behaviour: Behaviour) -> bool:
        """Whether a defect makes an edge honour a session that it knows to be logged out."""
        used = self._used.get((session_id, edge), {})
        idle_layer_s = now - used.get(layer, -inf)
        idle_s = now - max(used.values(), default=-inf)
        return idle_layer_s < behaviour.serves_last_for_s or idle_s < behaviour.slides_expiry_s
