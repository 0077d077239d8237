"""The decoding procedures of T.87 annex A for scans of every kind, compiled. Import it only through
`jpeg_ls_reference`.

Names of the standard: ra rb rc rd (figure 3 neighbours), A B C N (context variables), Nn (negative
run interruption errors), Px (prediction), J (run order), EMErrval, RItype, qbpp, LIMIT.

State of a scan: ``bits`` (the reader), ``contexts`` (rows A B C N Nn × 367 contexts, of which 365
and 366 are the run interruption ones), ``p`` (parameters), ``run_index`` (RUNindex, by component).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.compiled import BYTES, INT, INTS, PLANES, kernel, part
from mediasvc.codecs.jpeg_ls_contexts import MAX_C, MIN_C, REGULAR, J
from mediasvc.codecs.jpeg_ls_reference_bits import AT, COUNT, OVER, at_end, golomb, read

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Plane = NDArray[np.uint16]

#: Rows of ``contexts``.
A, B, C, N, NN = range(5)
#: ``p``: the parameters of a scan and what follows from them (A.2.1).
MAXVAL, NEAR, T1, T2, T3, RESET, INTERLEAVE, RANGE, QBPP, LIMIT = range(10)
DAMAGED = -1


@part
def _order(n: int, a: int) -> int:
    """k of A.5.1."""
    k = 0
    while (n << k) < a and k < 24:
        k += 1
    return k


@part
def _quantized(d: int, p: Ints) -> int:
    """A.3.3."""
    size = abs(d)
    if size <= p[NEAR]:
        return 0
    q = 1 if size < p[T1] else 2 if size < p[T2] else 3 if size < p[T3] else 4
    return q if d > 0 else -q


@part
def _reconstructed(value: int, p: Ints) -> int:
    """A.4.4 and A.4.5: modulo reduction and clamping."""
    span = p[RANGE] * (2 * p[NEAR] + 1)
    if value < -p[NEAR]:
        value += span
    elif value > p[MAXVAL] + p[NEAR]:
        value -= span
    return int(min(max(value, 0), p[MAXVAL]))


@part
def _update(contexts: Ints, q: int, error: int, p: Ints) -> None:
    """A.6: the context of a regular sample, then its bias."""
    a, n = contexts[A, q] + abs(error), contexts[N, q]
    b = contexts[B, q] + error * (2 * p[NEAR] + 1)
    if n == p[RESET]:
        a, b, n = a >> 1, b >> 1, n >> 1
    n += 1
    if b <= -n:
        b = max(b + n, -n + 1)
        contexts[C, q] = max(contexts[C, q] - 1, MIN_C)
    elif b > 0:
        b = min(b - n, 0)
        contexts[C, q] = min(contexts[C, q] + 1, MAX_C)
    contexts[A, q], contexts[B, q], contexts[N, q] = a, b, n


@part
def _regular(data: Bytes, bits: Ints, contexts: Ints, p: Ints, ra: int, rb: int, rc: int,
             q: int) -> int:
    """One sample in regular mode (A.4 to A.6); ``q`` is the signed context number. -1: damaged."""
    sign = -1 if q < 0 else 1
    q = abs(q)
    if rc >= max(ra, rb):
        px = min(ra, rb)
    elif rc <= min(ra, rb):
        px = max(ra, rb)
    else:
        px = ra + rb - rc
    px = min(max(px + sign * contexts[C, q], 0), p[MAXVAL])
    k = _order(contexts[N, q], contexts[A, q])
    mapped = golomb(data, bits, k, p[LIMIT], p[QBPP])
    if mapped < 0:
        return -1
    if p[NEAR] == 0 and k == 0 and 2 * contexts[B, q] <= -contexts[N, q]:
        error = mapped >> 1 if mapped & 1 else -(mapped >> 1) - 1
    else:
        error = -((mapped + 1) >> 1) if mapped & 1 else mapped >> 1
    _update(contexts, q, error, p)
    return _reconstructed(px + sign * error * (2 * p[NEAR] + 1), p)


@part
def _interruption(data: Bytes, bits: Ints, contexts: Ints, p: Ints, ra: int, rb: int, kind: int,
                  j: int) -> int:
    """The sample that ends a run (A.7.2); ``kind`` is RItype. -1: damaged."""
    q = REGULAR + kind
    n = contexts[N, q]
    k = _order(n, contexts[A, q] + (n >> 1) * kind)
    coded = golomb(data, bits, k, p[LIMIT] - j - 1, p[QBPP])
    if coded < 0:
        return -1
    flag = (coded + kind) & 1
    error = (coded + kind + flag) >> 1
    if flag == (k != 0 or 2 * contexts[NN, q] >= n):
        error = -error
    if error < 0:
        contexts[NN, q] += 1
    contexts[A, q] += (coded + 1 - kind) >> 1
    if n == p[RESET]:
        contexts[A, q] >>= 1
        contexts[NN, q] >>= 1
        n >>= 1
    contexts[N, q] = n + 1
    px = ra if kind else rb
    sign = -1 if not kind and ra > rb else 1
    return _reconstructed(px + sign * error * (2 * p[NEAR] + 1), p)


@part
def _run_length(data: Bytes, bits: Ints, run_index: Ints, component: int, most: int) -> int:
    """Samples that repeat (A.7.1); ``most`` is the rest of the line. -1: damaged."""
    length = 0
    while length < most and read(data, bits, 1):
        step = 1 << J[run_index[component]]
        if step <= most - length and run_index[component] < 31:
            run_index[component] += 1
        length += min(step, most - length)
        if bits[OVER] > bits[COUNT] + 64:
            return -1
    if length < most:
        length += read(data, bits, J[run_index[component]])
        if length >= most:
            return -1
    return length


@part
def _context(line: Ints, above: Ints, x: int, p: Ints) -> int:
    """The signed number of the context at ``x`` (A.3); 0 is run mode."""
    q1 = _quantized(above[x + 1] - above[x], p)
    q2 = _quantized(above[x] - above[x - 1], p)
    q3 = _quantized(above[x - 1] - line[x - 1], p)
    return 81 * q1 + 9 * q2 + q3


@part
def _line(data: Bytes, bits: Ints, contexts: Ints, p: Ints, line: Ints, above: Ints,
          run_index: Ints, component: int) -> bool:
    """One line of one component. ``line[0]`` and the ends of ``above`` are the borders of A.2.1."""
    columns = len(line) - 2
    x = 1
    while x <= columns:
        ra, rb = line[x - 1], above[x]
        q = _context(line, above, x, p)
        if q != 0:
            line[x] = _regular(data, bits, contexts, p, ra, rb, above[x - 1], q)
        else:
            length = _run_length(data, bits, run_index, component, columns + 1 - x)
            if length < 0:
                return False
            line[x:x + length] = ra
            x += length
            if x > columns:
                break
            rb = above[x]
            j, kind = J[run_index[component]], int(abs(ra - rb) <= p[NEAR])
            line[x] = _interruption(data, bits, contexts, p, ra, rb, kind, j)
            run_index[component] = max(run_index[component] - 1, 0)
        if line[x] < 0:
            return False
        x += 1
    return True


@part
def _line_by_sample(data: Bytes, bits: Ints, contexts: Ints, p: Ints, lines: Ints, aboves: Ints,
                    run_index: Ints) -> bool:
    """One line of all components, sample by sample; runs are common to all (annex B)."""
    count, columns = lines.shape[0], lines.shape[1] - 2
    x = 1
    while x <= columns:
        run = True
        for c in range(count):
            if _context(lines[c], aboves[c], x, p) != 0:
                run = False
        j = -1
        if run:
            length = _run_length(data, bits, run_index, 0, columns + 1 - x)
            if length < 0:
                return False
            for c in range(count):
                lines[c, x:x + length] = lines[c, x - 1]
            x += length
            if x > columns:
                break
            j = J[run_index[0]]
            run_index[0] = max(run_index[0] - 1, 0)
        for c in range(count):
            ra, rb = lines[c, x - 1], aboves[c, x]
            if run:
                lines[c, x] = _interruption(data, bits, contexts, p, ra, rb, 0, j)
            else:
                q = _context(lines[c], aboves[c], x, p)
                lines[c, x] = _regular(data, bits, contexts, p, ra, rb, aboves[c, x - 1], q)
            if lines[c, x] < 0:
                return False
        x += 1
    return True


@part
def _bits_of(value: int) -> int:
    """Ceiling of log2 of ``value``."""
    count = 0
    while (1 << count) < value:
        count += 1
    return count


@kernel(BYTES, INT, INTS, PLANES, INTS)
def decode_scan(data: Bytes, start: int, numbers: Ints, planes: Plane, values: Ints) -> int:
    """Decode one scan from byte ``start`` into ``planes[numbers]``; the position behind it, or
    `DAMAGED`. ``values``: MAXVAL, NEAR, T1, T2, T3, RESET, ILV."""
    p = np.zeros(10, np.int64)
    p[:7] = values
    p[RANGE] = (p[MAXVAL] + 2 * p[NEAR]) // (2 * p[NEAR] + 1) + 1
    p[QBPP] = _bits_of(p[RANGE])
    bpp = max(2, _bits_of(p[MAXVAL] + 1))
    p[LIMIT] = 2 * (bpp + max(8, bpp))
    contexts = np.zeros((5, REGULAR + 2), np.int64)
    contexts[A] = max(2, (p[RANGE] + 32) >> 6)
    contexts[N] = 1
    count, (_, rows, columns) = len(numbers), planes.shape
    bits, run_index = np.zeros(5, np.int64), np.zeros(count, np.int64)
    bits[AT] = start
    aboves = np.zeros((count, columns + 2), np.int64)
    lines = np.zeros((count, columns + 2), np.int64)
    for row in range(rows):
        lines[:, 0] = aboves[:, 1]
        aboves[:, columns + 1] = aboves[:, columns]
        if p[INTERLEAVE] == 2:
            good = _line_by_sample(data, bits, contexts, p, lines, aboves, run_index)
        else:
            good = True
            for c in range(count):
                good = good and _line(data, bits, contexts, p, lines[c], aboves[c], run_index, c)
        if not good or bits[OVER] > bits[COUNT]:
            return DAMAGED
        for c in range(count):
            planes[numbers[c], row] = lines[c, 1:columns + 1].astype(np.uint16)
        lines, aboves = aboves, lines
    return int(bits[AT]) if at_end(data, bits) else DAMAGED
