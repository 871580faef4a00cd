from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from governance.domain.actors import Actor
from governance.domain.events import Action, Event


@pytest.mark.parametrize("action", Action)
def test_actions_are_noun_and_verb_and_fit_their_column(action: Action) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", action.value)
    assert len(action.value) <= 40


def test_an_event_says_nothing_that_it_was_not_given() -> None:
    event = Event(action=Action.RUN_STARTED, at=datetime(2026, 11, 21, tzinfo=UTC), actor=Actor(id="dana"))
    assert (event.run_id, event.intent_id, event.index, event.reason, event.outcome) == (None, None, "", "", "")
    assert event.counts == {}
