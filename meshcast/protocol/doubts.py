"""What a peer has learnt about its own way: that a parent which it left was there after all, or no worse than the next.

Where packets get lost everywhere, silence and holes say little about a parent. Who has raised a false alarm is more
patient for a while, and who has gone over because of loss does not go over again at once: it is heard by nobody, but
every needless repair takes a place somewhere, and a crowd that repairs all the time has none left when it must.
"""

from dataclasses import dataclass

from meshcast.protocol.limits import WARY_US
from meshcast.protocol.units import Micros, PeerId


@dataclass(slots=True)
class Doubts:
    """Those of one peer."""

    false_alarms: int = 0
    """How often a parent that was left for silence brought chunks after all."""
    _suspect: PeerId | None = None
    """The parent that was left for silence last, until it is heard or its link is gone."""
    _wary_until: Micros = 0
    _content_until: Micros = 0

    def left(self, parent: PeerId) -> None:
        """Take in that a parent was left for silence."""
        self._suspect = parent

    def down(self, peer: PeerId) -> None:
        """Take in that a link is gone: the suspicion was right."""
        if peer == self._suspect:
            self._suspect = None

    def heard(self, peer: PeerId, now: Micros) -> None:
        """Take in that a genuine chunk came from somebody: who is suspected was there all the time."""
        if peer == self._suspect:
            self._suspect, self.false_alarms = None, self.false_alarms + 1
            self._wary_until = now + WARY_US

    def is_wary(self, now: Micros) -> bool:
        """Was there a false alarm lately?"""
        return now < self._wary_until

    def may_go_over(self, now: Micros) -> bool:
        """May a parent be exchanged because it loses chunks? Once a minute: asking is going."""
        if now < self._content_until:
            return False
        self._content_until = now + WARY_US
        return True
