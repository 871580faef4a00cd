"""The grammar of `actions`: what a policy asks for when something is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from governance.domain.actions import ActionKind
from governance.domain.values import Json
from governance.domain.words import shown, suggestion
from governance.policy.globs import Glob
from governance.policy.model import PlannedAction
from governance.policy.schema_match import Patterns
from governance.policy.values import Model, Name, SomeDays, Wrong, day_count

OWNER: Final = "owner"
_NEEDS_A_DAY: Final = "write {retire: {after: 14 days}}"


class PlainAction(Model):
    """An action that needs nothing more than its name."""

    kinds: Patterns | None = Field(None, description="Kinds of findings, or globs; all of the policy when left out.")


class RetireAction(PlainAction):
    """A quarantine that is announced now and done after some days, if the finding still stands."""

    after: SomeDays = Field(description="How long after the finding: `14 days`.")


class NotifyAction(PlainAction):
    """Somebody is told."""

    to: Name = Field(OWNER, description="The owner, or the name of a channel.")


class ActionModel(Model):
    """One action: its name alone, or its name and what more there is to say."""

    annotate: PlainAction | None = Field(None, description="The chunks say that they are stale.")
    quarantine: PlainAction | None = Field(None, description="The chunks say that nobody is to be answered from them.")
    retire: RetireAction | None = Field(None, description="A quarantine after some days.")
    notify: NotifyAction | None = Field(None, description="Somebody is told.")
    propose_erasure: PlainAction | None = Field(None, description="An erasure is proposed; nothing is erased by it.")

    @model_validator(mode="after")
    def _check(self) -> ActionModel:
        if len(self.model_fields_set) != 1:
            raise Wrong("an entry holds one action", "write every action as an entry of its own")
        return self

    def planned(self) -> PlannedAction:
        """Give the action, as it is obeyed."""
        (name,) = self.model_fields_set
        body: PlainAction = getattr(self, name)
        return PlannedAction(
            action=ActionKind(name),
            after_days=day_count(body.after) if isinstance(body, RetireAction) else 0,
            to=body.to if isinstance(body, NotifyAction) else None,
            kinds=tuple(Glob(text) for text in body.kinds or ()),
        )


def _spelled_out(written: object) -> object:
    """Read an action's bare name like the name with nothing to say."""
    if not isinstance(written, str):
        return written
    if written not in ActionModel.model_fields:
        raise Wrong(f"{shown(written)} is no action", suggestion(written, ActionModel.model_fields))
    if written == ActionKind.RETIRE:
        raise Wrong("retire needs the time after which it is done", _NEEDS_A_DAY)
    return {written: {}}


@dataclass(frozen=True, slots=True)
class _OrBareName:
    """Annotates an action, so that its bare name may stand for one that needs nothing more."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Give the schema that validates."""
        return core_schema.no_info_before_validator_function(_spelled_out, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Give the schema that an editor reads."""
        bare = [name for name in ActionModel.model_fields if name != ActionKind.RETIRE]
        return {"anyOf": [{"enum": bare}, handler(core)]}


Action = Annotated[ActionModel, _OrBareName()]


def as_written(action: PlannedAction) -> Json:
    """Give the normal form of an action."""
    body: dict[str, Json] = {}
    if action.action is ActionKind.RETIRE:
        body["after"] = f"{action.after_days} day{'' if action.after_days == 1 else 's'}"
    if action.to is not None:
        body["to"] = action.to
    if action.kinds:
        body["kinds"] = [glob.text for glob in action.kinds]
    return {action.action.value: body} if body else action.action.value
