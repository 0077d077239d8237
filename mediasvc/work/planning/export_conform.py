"""Which of the selected instances go as they are, which are rewritten, which cannot go."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import PUT_BACK, DamagedError, MediasvcError
from mediasvc.media.disc.disc_layout import DiscInstance, disc_instances, header_row, reading_order
from mediasvc.media.iso.iso_grow import GrowingImage
from mediasvc.media.long_list import LongList, in_order
from mediasvc.model import Finding, InstanceHeader, Patient
from mediasvc.sandbox import Answer
from mediasvc.span import Span
from mediasvc.standard.profile_rules import header_facts
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.desk import Desk
from mediasvc.work.planning.conform import MISSING
from mediasvc.work.planning.export_lossy import follow_copies
from mediasvc.work.planning.export_order import ExportOrder
from mediasvc.work.planning.export_select import (
    Selected,
    order_of_coercion,
    packed,
    selected_list,
    unpacked,
)
from mediasvc.work.planning.fitting import Limits, fitness
from mediasvc.work.planning.one_pass import OnePass
from mediasvc.work.turns.batches import Item, run_batches
from mediasvc.work.turns.in_turn import run_in_turn

if TYPE_CHECKING:
    from mediasvc.work.deidentifying.deidentify_order import Privacy, Renamed

LOOK, EXAMINE, REWRITE = 256, 64, 4
LOOKER = "mediasvc.work.planning.conform:look_at_heads"
EXAMINER = "mediasvc.work.planning.conform:examine_items"
REWRITER = "mediasvc.work.planning.conform_rewrite:rewrite_items"
Report = Callable[[int, int, str], None]


def _renamed_list(folder: Path | None = None) -> LongList[Renamed]:
    """An empty one."""
    def unpack(row: tuple[Any, ...]) -> Renamed:
        from mediasvc.work.deidentifying.deidentify_order import Renamed

        before, after, days = row
        return Renamed(InstanceHeader(*before), InstanceHeader(*after), days)

    return LongList(lambda one: (header_row(one.before), header_row(one.after), one.days), unpack,
                    folder)


@dataclass(slots=True)
class Conformed:
    """``excluded``: SOP Instance UIDs that are not on the disc, each with a finding."""

    instances: LongList[DiscInstance] = field(default_factory=disc_instances)
    findings: list[Finding] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    transcoded: int = 0
    copies: dict[str, str] = field(default_factory=dict)
    """Lossy copies: SOP Instance UID of the original → of the copy."""
    whose: tuple[int, ...] = ()
    """Rows of the patients that all of this is of, whatever the instances say of them."""
    privacy: Privacy | None = None
    renamed: LongList[Renamed] = field(default_factory=_renamed_list)
    """Of a de-identified export that keeps a mapping: who became who."""

    def exclude(self, uid: str, rule: str, text: str) -> None:
        self.excluded.append(self.privacy.uid(uid) if self.privacy else uid)
        self.findings.append(Finding("warning", "excluded", uid, text, rule))


@dataclass(frozen=True, slots=True)
class _Task:
    """An instance that must be rewritten."""

    selected: Selected
    header: InstanceHeader
    needs: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    """What the profile's rules for images were told."""


def _task_list(people: Mapping[int, Patient], folder: Path) -> LongList[_Task]:
    """An empty one; ``people`` by the number of their rows."""
    def pack(task: _Task) -> tuple[Any, ...]:
        return packed(task.selected), header_row(task.header), task.needs, task.facts

    def unpack(row: tuple[Any, ...]) -> _Task:
        selected, header, needs, facts = row
        return _Task(unpacked(selected, people), InstanceHeader(*header), needs, facts)

    return LongList(pack, unpack, folder)


def conform(desk: Desk, order: ExportOrder, selected: Sequence[Selected], scratch: Path | None,
            report: Report, into: OnePass | None = None) -> Conformed:
    """Make every instance fit the profile. Without ``scratch`` (an estimate) nothing is written and
    sizes are those of the archive. ``into``: may take the instances as they are made.

    Raises DamagedError when an instance of the archive is missing or damaged, unless the order
    allows an incomplete disc.
    """
    folder = desk.home.staging
    result = Conformed(disc_instances(folder), privacy=order.privacy,
                       renamed=_renamed_list(folder))
    people = {row.patient.row: row.patient for row in selected}
    result.whose = tuple(sorted(people))
    compress = _compresses(desk, order, selected)
    if compress and order.compress is None:
        result.findings.append(Finding(
            "info", "compressed", "", "native images are compressed without loss, because they "
            "would not fit on one disc otherwise", "PS3.4 S.3.2.1.1.6"))
    order = replace(order, compress=compress)
    if order.without:
        going = selected_list(people, folder)
        going.extend(_without(order, selected, result))
        selected = going
    tasks = _task_list(people, folder)
    tasks.extend(_examined(desk, order, selected, result, report))
    if scratch is None:
        for task in tasks:
            _take(result, task.header, _span(desk, task.selected), "")
            result.transcoded += "transcode" in task.needs
        return result
    if tasks and into and into.begin(
            result.instances, ((task.header, _span(desk, task.selected).length)
                               for task in tasks)):
        assert into.image
        _grow(desk, order, result, tasks, scratch, into.image, report)
        return result
    items = _orders(desk, order, tasks, scratch)
    for done, (item, answer) in enumerate(run_batches(desk.sandbox, REWRITER, items, REWRITE), 1):
        report(done, len(tasks), "transcoding")
        _note(order, result, tasks[item["at"]], answer)
    if order.lossy is not None:
        follow_copies(desk.sandbox, result, order.lossy, scratch)
    return result


def _grow(desk: Desk, order: ExportOrder, result: Conformed, tasks: LongList[_Task], scratch: Path,
          image: GrowingImage, report: Report) -> None:
    """Everything in reading order into ``image``, what is rewritten as soon as it is there."""
    todo = in_order(tasks, reading_order, tasks.empty())
    unchanged = in_order(result.instances, reading_order, result.instances.empty())
    rows: Iterator[DiscInstance | _Task] = merge(unchanged, todo, key=reading_order)
    total = len(unchanged) + len(todo)
    result.instances = result.instances.empty()
    orders = _orders(desk, order, todo, scratch)
    # Closed at once: until then children write into the workspace that whoever is told removes.
    with closing(run_in_turn(desk.sandbox, REWRITER, orders, REWRITE)) as answers:
        for done, row in enumerate(rows, 1):
            report(done, total, "transcoding")
            if isinstance(row, DiscInstance):
                result.instances.append(replace(row, span=image.take(row.span)))
                continue
            item, answer = next(answers)
            before = len(result.instances)
            _note(order, result, row, answer)
            if len(result.instances) > before:
                made = result.instances[-1]
                result.instances[-1] = replace(made, span=image.take(made.span))
            for temp in item["temps"]:
                Path(temp).unlink(missing_ok=True)
    image.flush()


def _examined(desk: Desk, order: ExportOrder, selected: Sequence[Selected], result: Conformed,
              report: Report) -> Iterator[_Task]:
    """Take what can go as it is; yield what cannot. The index has the headers of what it placed;
    files are looked at for the rest, and those that it does not know so well are read anew."""
    limits = Limits.from_json(_limits(order))
    known = bytearray(_is_known(row, limits) for row in selected)
    unsure = array("Q", (at for at, one in enumerate(known) if not one))
    items = (_to_look_at(desk, row, at) for at, row in enumerate(selected) if known[at])
    for done, (item, answer) in enumerate(run_batches(desk.sandbox, LOOKER, items, LOOK), 1):
        if not done % EXAMINE:
            report(done, len(selected), "looking at instances")
        row = selected[item["at"]]
        if answer.error or answer.value is None:
            unsure.append(item["at"])
        elif answer.value == MISSING:
            _gone(order, result, row)
        else:
            yield from _judged(order, limits, result, row, item, answer.value)
    yield from _read_anew(desk, order, selected, sorted(unsure), result, report)


def _without(order: ExportOrder, selected: Sequence[Selected], result: Conformed,
             ) -> Iterator[Selected]:
    for row in selected:
        if why := order.without.get(row.instance.sop_instance_uid):
            result.exclude(row.instance.sop_instance_uid, "E05", why)
        else:
            yield row


def _is_known(row: Selected, limits: Limits) -> bool:
    header = row.instance.header
    return (header is not None and row.instance.length >= 0
            and limits.header_is_enough(header.sop_class_uid))


def _to_look_at(desk: Desk, row: Selected, at: int) -> Item:
    header = row.instance.header
    assert header
    return {"at": at, "path": str(desk.objects.path(row.instance.object_sha256)),
            "length": row.instance.length,
            "uids": (header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid)}


def _judged(order: ExportOrder, limits: Limits, result: Conformed, row: Selected, item: Item,
            of_bytes: list[str]) -> Iterator[_Task]:
    header = row.instance.header
    assert header
    facts = limits.facts(header)
    fits = fitness(header, item["length"], row.identity(), limits, facts, of_bytes)
    if fits.excluded:
        result.exclude(header.sop_instance_uid, *fits.excluded)
    elif fits.needs or order.privacy:
        yield _Task(row, header, tuple(fits.needs), facts)
    else:
        _take(result, header, Span(item["path"], 0, item["length"]), row.instance.object_sha256)


def _read_anew(desk: Desk, order: ExportOrder, selected: Sequence[Selected],
               which: Sequence[int], result: Conformed, report: Report) -> Iterator[_Task]:
    items = ({"at": at, "span": span.as_json(), "patient": selected[at].identity()}
             for at in which if (span := _present(desk, order, selected[at], result)))
    for done, (item, answer) in enumerate(run_batches(
            desk.sandbox, EXAMINER, items, EXAMINE,
            limits=_limits(order)), len(selected) - len(which) + 1):
        report(done, len(selected), "looking at instances")
        row = selected[item["at"]]
        if answer.error:
            _lost(order, result, row, f"it {answer.text}")
            continue
        header = InstanceHeader.from_json(answer.value["header"])
        if excluded := answer.value.get("excluded"):
            result.exclude(header.sop_instance_uid, *excluded)
        elif answer.value["needs"] or order.privacy:
            yield _Task(row, header, tuple(answer.value["needs"]), answer.value.get("facts", {}))
        else:
            _take(result, header, Span.from_json(item["span"]), row.instance.object_sha256)


def _present(desk: Desk, order: ExportOrder, row: Selected, result: Conformed) -> Span | None:
    try:
        return _span(desk, row)
    except OSError:
        _gone(order, result, row)
        return None


def _gone(order: ExportOrder, result: Conformed, row: Selected) -> None:
    _lost(order, result, row, "its file is missing from the archive")


def _lost(order: ExportOrder, result: Conformed, row: Selected, why: str) -> None:
    if not order.incomplete:
        raise DamagedError(f"{row.instance.sop_instance_uid} cannot be exported: {why}.",
                           f"{PUT_BACK} Or export without it by --allow-incomplete.")
    result.exclude(row.instance.sop_instance_uid, "E05", why)


def _span(desk: Desk, row: Selected) -> Span:
    return Span.of_file(desk.objects.path(row.instance.object_sha256))


def _compresses(desk: Desk, order: ExportOrder, selected: Sequence[Selected]) -> bool:
    """Whether native images become smaller on their way out."""
    if not order.lossless or order.room is None or order.compress is not None:
        return bool(order.compress and order.lossless)
    sizes = (path.stat().st_size for row in selected
             if (path := desk.objects.path(row.instance.object_sha256)).exists())
    return sum(sizes) > order.room


def _limits(order: ExportOrder) -> dict[str, Any]:
    profile = order.profile
    return {"compress": order.compress, "lossy": order.lossy is not None,
            "transfer_syntaxes": profile.transfer_syntaxes, "sop_classes": profile.sop_classes,
            "largest_file": profile.medium.largest_file,
            "images": [asdict(rule) for rule in profile.images]}


def _orders(desk: Desk, order: ExportOrder, tasks: Sequence[_Task], scratch: Path,
            ) -> Iterator[Item]:
    """What the children are asked; ``at`` counts the ``tasks``."""
    orders = cache(lambda patient: order_of_coercion(desk, patient).as_json())
    return (
        {"at": at, "span": _span(desk, task.selected).as_json(), "needs": task.needs,
         "sha256": task.selected.instance.object_sha256,
         "order": orders(task.selected.patient),
         "privacy": order.privacy and order.privacy.as_json(task.selected.patient),
         "allowed": _may_stay(order, task),
         "lossy": asdict(order.lossy) if order.lossy else None,
         "preferred": order.profile.preferred_for(task.header.sop_class_uid, task.facts),
         "temps": [str(scratch / f"{at:07d}.{step}") for step in "ab"]}
        for at, task in enumerate(tasks))


def _may_stay(order: ExportOrder, task: _Task) -> bool:
    """Whether it needs no other syntax when the one with loss is not for it."""
    syntax = task.header.transfer_syntax_uid
    return (not order.compress and syntax in order.profile.transfer_syntaxes
            and not order.profile.trouble(task.header.sop_class_uid, syntax, task.facts))


def _note(order: ExportOrder, result: Conformed, task: _Task, answer: Answer) -> None:
    if refused := not answer.error and answer.value.get("refused"):
        result.exclude(task.header.sop_instance_uid, "PS3.15 E.1", refused)
    elif answer.error == "UnsupportedError":
        result.exclude(task.header.sop_instance_uid, "R11-1",
                       f"it fits no transfer syntax of {order.profile.name}: {answer.text}")
    elif answer.error == MediasvcError.__name__:  # of the machine, not of the instance
        raise MediasvcError(answer.text)
    elif answer.error:
        _lost(order, result, task.selected, f"it {answer.text}")
    else:
        row = answer.value
        header = InstanceHeader.from_json(row["header"])
        _note_private(result, task, header, row)
        if order.lossy and header.sop_instance_uid != task.header.sop_instance_uid:
            result.copies[task.header.sop_instance_uid] = header.sop_instance_uid
        if words := order.profile.trouble(header.sop_class_uid, header.transfer_syntax_uid,
                                          {**task.facts, **header_facts(header)}):
            result.exclude(header.sop_instance_uid, "R11-2b", words)
            return
        _take(result, header,
              Span(row["path"], 0, int(row["length"])), row["sha256"])
        result.transcoded += "transcode" in task.needs


def _note_private(result: Conformed, task: _Task, header: InstanceHeader, row: dict[str, Any],
                  ) -> None:
    """What was seen in a de-identified instance, under the name that the desk knows it by."""
    if result.privacy is None:
        return
    result.findings += [Finding(**{**finding, "subject": task.header.sop_instance_uid})
                        for finding in row["findings"]]
    if result.privacy.mapping:
        from mediasvc.work.deidentifying.deidentify_order import Renamed

        result.renamed.append(Renamed(task.header, header, int(row["days"])))


def _take(result: Conformed, header: InstanceHeader, span: Span, sha256: str) -> None:
    syntax = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    dense = syntax is not None and syntax.encapsulated
    result.instances.append(DiscInstance(header, span, sha256, dense))
