"""A model and its material libraries are instances of their own; one refers to the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from mediasvc.standard.wrap_iods import ENCAPSULATED_MTL
from mediasvc.work.wrapping.wrap_plan import Plan

#: Libraries are wrapped first, so that models can refer to them.
MATERIALS = ".mtl"


@dataclass(slots=True)
class Materials:
    """Libraries of a batch: (study, file name in lower case) → (series, instance)."""

    known: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def add(self, study: str, name: str, series: str, instance: str) -> None:
        self.known[study, name.lower()] = (series, instance)

    def refer(self, plan: Plan, study: str) -> Plan:
        """The plan with references to the libraries that it names (PS3.3 C.12.1, C.12.2); what
        was not given is noted."""
        if not plan.libraries:
            return plan
        references, notes = [], list(plan.notes)
        series: dict[str, list[dict[str, Any]]] = {}
        for library in plan.libraries:
            name = library.replace("\\", "/").rsplit("/", 1)[-1]
            found = self.known.get((study, name.lower()))
            if found is None:
                notes.append(f"its material library {library} was not wrapped with it")
                continue
            instance = {"ReferencedSOPClassUID": ENCAPSULATED_MTL.uid,
                        "ReferencedSOPInstanceUID": found[1]}
            references.append(
                instance | {"RelativeURIReferenceWithinEncapsulatedDocument": quote(library)})
            series.setdefault(found[0], []).append(instance)
        values: dict[str, Any] = {}
        if references:
            values = {"ReferencedInstanceSequence": references, "ReferencedSeriesSequence": [
                {"SeriesInstanceUID": uid, "ReferencedInstanceSequence": instances}
                for uid, instances in series.items()]}
        return replace(plan, values=plan.values | values, notes=tuple(notes))
