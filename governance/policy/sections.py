"""The list of all sections.

A kind becomes readable by its settings in `kinds`, a section with its place in `SECTIONS`, and a field of that name
in the grammar of a policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from governance.policy.section import Section
from governance.policy.sections_copies import ConflictsModel, DuplicatesModel, QualityModel
from governance.policy.sections_keeping import ErasureModel, RetentionModel
from governance.policy.sections_pii import PiiModel
from governance.policy.sections_upkeep import DriftModel, FreshnessModel

SECTIONS: Final[Mapping[str, type[Section]]] = {
    "freshness": FreshnessModel,
    "drift": DriftModel,
    "pii": PiiModel,
    "duplicates": DuplicatesModel,
    "conflicts": ConflictsModel,
    "quality": QualityModel,
    "retention": RetentionModel,
    "erasure": ErasureModel,
}
"""The section that each kind of policy has."""
