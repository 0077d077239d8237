"""Instances of a package are gathered into groups that can only be one person each.

Two received identities share a group only when they have the same Patient ID and issuer and nothing
about them disagrees. Whatever contradicts (same ID, other name or birth date) becomes a group of
its own, so that a person sees both and nobody is filed under somebody else's name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mediasvc.identity.match import is_placeholder
from mediasvc.identity.names import same_name
from mediasvc.store.item_headers import Identity


@dataclass(frozen=True, slots=True)
class Group:
    """One work item: identities that agree, the fullest of them first."""

    identity: Identity
    variants: tuple[Identity, ...]
    instances: int


def cluster(counted: Counter[Identity]) -> list[Group]:
    """Groups in order of size; every identity is in exactly one."""
    clusters: list[list[Identity]] = []
    for identity in sorted(counted, key=_fullest_first):
        fitting = [members for members in clusters if _compatible(identity, members)]
        if len(fitting) == 1:
            fitting[0].append(identity)
        else:  # none fits, or it would fit several people and so belongs to neither
            clusters.append([identity])
    groups = [Group(members[0], tuple(members), sum(counted[one] for one in members))
              for members in clusters]
    return sorted(groups, key=lambda group: -group.instances)


def _fullest_first(identity: Identity) -> tuple[int, str, str, str]:
    known = (identity.patient_name, identity.patient_birth_date, identity.patient_sex)
    return (-sum(map(bool, known)), identity.patient_id, identity.patient_name,
            identity.patient_birth_date)


def _compatible(identity: Identity, members: list[Identity]) -> bool:
    return all(_agree(identity, other) for other in members)


def _agree(a: Identity, b: Identity) -> bool:
    if (a.patient_id, a.issuer) != (b.patient_id, b.issuer):
        return False
    if is_placeholder(a.patient_id) and not (a.patient_name and b.patient_name):
        return a == b
    return (_same_or_unknown(a.patient_birth_date, b.patient_birth_date)
            and _same_or_unknown(a.patient_sex, b.patient_sex)
            and (not a.patient_name or not b.patient_name
                 or same_name(a.patient_name, b.patient_name)))


def _same_or_unknown(a: str, b: str) -> bool:
    return not a or not b or a == b
