"""A report as one XHTML file: figures, tables and charts, nothing to load from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from mediasvc import __version__
from mediasvc.report import charts, units
from mediasvc.report.ratios import Ratios, syntax_name
from mediasvc.standard.transfer_syntaxes import name_of

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff;
       max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.note { color: #555; margin: .3rem 0; }
dl { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.4rem 0; }
dl div { border: 1px solid #d5d5d5; border-radius: 6px; padding: .6rem 1rem; min-width: 8rem; }
dt { color: #555; font-size: .85rem; } dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .25rem .5rem; text-align: right; border-bottom: 1px solid #e3e3e3;
         white-space: nowrap; }
th { border-bottom: 2px solid #888; } tr:last-child td { font-weight: 600; }
td.text, th.text { text-align: left; }
svg { display: block; width: 100%; max-width: 52rem; height: auto; font-size: 13px; fill: #1b1b1b; }
"""
#: Columns of the table that hold words and not figures.
_WORDS = 3


def transcoding_page(ratios: Ratios, summary: dict[str, Any], title: str, now: datetime) -> str:
    """The report of one run of `mediasvc transcode`. Names no file and no person."""
    parts = [f"<h1>{escape(title)}</h1>",
             f'<p class="note">mediasvc {__version__}, {now:%Y-%m-%d %H:%M}. Bytes are of pixel '
             "data, ratios are native : encoded, all of them measured.</p>",
             _figures(ratios, summary), "<h2>By modality and transfer syntax</h2>",
             _table(ratios.table()), f'<p class="note">{escape(_proof(summary))}</p>',
             *_charts(ratios), *_names(ratios)]
    return _page(title, parts)


def _figures(ratios: Ratios, summary: dict[str, Any]) -> str:
    total = ratios.total
    saved = total.source_bytes - total.encoded_bytes
    facts = [("instances", str(total.instances)), ("before", units.size(total.source_bytes)),
             ("after", units.size(total.encoded_bytes)),
             ("saved", units.percent(saved, total.source_bytes)),
             ("native : encoded", units.ratio(total.ratio)),
             ("speed", units.rate(total.native_bytes, summary["seconds"])),
             ("skipped", str(ratios.skipped)), ("failed", str(ratios.failed))]
    return "<dl>" + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
                            for name, value in facts) + "</dl>"


def _proof(summary: dict[str, Any]) -> str:
    """How the frames were proven, for a reader who was not there."""
    words = {"two decoders": "every frame decoded by two code bases",
             "foreign decoder": "every frame decoded again by another code base than wrote it",
             "sampled": "every frame decoded again, some by a decoder of another code base",
             "one decoder": "every frame decoded again by our own decoder",
             "other process": "the only code base decoded the file in another process",
             "identical": "in that syntax already, copied", "none": "not proven"}
    counts = "; ".join(f"{count}: {words[name]}" for name, count in summary["proofs"].items())
    return (f"Proof by instances. {counts}. {summary['foreign_frames']} of {summary['frames']} "
            "frames were seen by a decoder of another code base than wrote them. Frames decoded "
            f"again: {units.counts(summary['decoded_by']) or 'none'}.")


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows

    def cells(row: Sequence[str], kind: str) -> str:
        return "".join(f'<{kind}{" class=" + chr(34) + "text" + chr(34) if n < _WORDS else ""}>'
                       f"{escape(cell)}</{kind}>" for n, cell in enumerate(row))

    lines = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in body)
    return (f'<div class="wide"><table>\n<thead><tr>{cells(head, "th")}</tr></thead>\n'
            f"<tbody>\n{lines}\n</tbody></table></div>")


def _charts(ratios: Ratios) -> list[str]:
    by_ratio = sorted(ratios.by_modality.items(), key=lambda row: -(row[1].ratio or 0))
    rows = [(name, sums.ratio or 0.0, units.ratio(sums.ratio)) for name, sums in by_ratio]
    parts = ["<h2>Ratio by modality</h2>", charts.bars("Ratio by modality", rows),
             "<h2>Savings</h2>",
             charts.histogram("Instances by the part of their pixel data that was saved",
                              ratios.spread.savings, "saved of what was there before",
                              "instances")]
    if ratios.spread.points:
        modalities = sorted({point.modality for point in ratios.spread.points})
        series = [(name, [(point.ratio, point.psnr) for point in ratios.spread.points
                          if point.modality == name]) for name in modalities]
        parts += ["<h2>Rate and distortion</h2>",
                  charts.scatter("PSNR over ratio, a point for each instance", series,
                                 "native : encoded", "PSNR in dB")]
    return parts


def _names(ratios: Ratios) -> list[str]:
    uids = sorted({uid for _, source, target in ratios.kinds for uid in (source, target)})
    rows = "".join(f"<li>{escape(syntax_name(uid))}: {escape(name_of(uid))} ({escape(uid)})</li>"
                   for uid in uids)
    return ["<h2>Transfer syntaxes</h2>", f"<ul>{rows}</ul>"] if rows else []


def _page(title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
            '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n<head>\n'
            f'<meta charset="UTF-8"/>\n<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n'
            f"</head>\n<body>\n{body}\n</body>\n</html>\n")
