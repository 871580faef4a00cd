"""The part of a policy that holds the settings of its kind: what every such section has in common."""

from __future__ import annotations

from abc import abstractmethod

from governance.domain.values import Json
from governance.policy.kinds import Settings
from governance.policy.values import Model


class Section(Model):
    """The settings of one kind of policy, from the values as written to what is obeyed."""

    @abstractmethod
    def settings(self, policy: str) -> Settings:
        """Give what the section of the policy of this name says."""

    def canonical(self, policy: str) -> dict[str, Json]:  # noqa: ARG002 - of use where something is called like it
        """Give the section in normal form, every default written out."""
        return self.model_dump(exclude_none=True, by_alias=True)
