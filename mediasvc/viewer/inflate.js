/* zlib streams to bytes: by the browser where it can, otherwise by the plain loop below. */
(function (MV) {
  "use strict";

  MV.inflate = function (data) {
    if (typeof DecompressionStream === "undefined" || MV.plainInflate) {
      return Promise.resolve(inflate(data));
    }
    var stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer().then(function (buffer) {
      return new Uint8Array(buffer);
    });
  };

  var LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83,
    99, 115, 131, 163, 195, 227, 258];
  var LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5,
    5, 5, 0];
  var STEPS = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
    1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
  var STEP_BITS = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11,
    12, 12, 13, 13];
  var ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

  /* Huffman code as a table over 15 reversed bits: symbol << 4 | length. */
  function table(lengths) {
    var counts = new Uint16Array(16), next = new Uint16Array(16), code = 0, found = new
    Uint16Array(1 << 15), i;
    lengths.forEach(function (length) { counts[length]++; });
    counts[0] = 0;
    for (i = 1; i < 16; i++) {
      code = (code + counts[i - 1]) << 1;
      next[i] = code;
    }
    lengths.forEach(function (length, symbol) {
      if (!length) { return; }
      var bits = next[length]++, turned = 0;
      for (var b = 0; b < length; b++) { turned |= ((bits >> b) & 1) << (length - 1 - b); }
      for (var at = turned; at < 1 << 15; at += 1 << length) { found[at] = symbol << 4 | length; }
    });
    return found;
  }

  function fixed() {
    var lengths = [], i;
    for (i = 0; i < 288; i++) { lengths.push(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8); }
    return [table(lengths), table(new Array(30).fill(5))];
  }

  function inflate(data) {
    var at = 2, held = 0, bits = 0, out = new Uint8Array(data.length * 4 + 1024), end = 0, last;

    function take(count) {
      while (bits < count) {
        held |= data[at++] << bits;
        bits += 8;
      }
      var value = held & ((1 << count) - 1);
      held >>>= count;
      bits -= count;
      return value;
    }

    function symbol(codes) {
      while (bits < 15 && at < data.length) {
        held |= data[at++] << bits;
        bits += 8;
      }
      var entry = codes[held & 0x7fff], length = entry & 15;
      if (!length || length > bits) { throw new Error("The data of an image are damaged."); }
      held >>>= length;
      bits -= length;
      return entry >> 4;
    }

    function room(count) {
      if (end + count > out.length) {
        var larger = new Uint8Array(Math.max(out.length * 2, end + count));
        larger.set(out);
        out = larger;
      }
    }

    function dynamic() {
      var literals = take(5) + 257, steps = take(5) + 1, codes = take(4) + 4, i;
      var lengths = new Array(19).fill(0), all = [];
      for (i = 0; i < codes; i++) { lengths[ORDER[i]] = take(3); }
      var meta = table(lengths);
      while (all.length < literals + steps) {
        var one = symbol(meta), again = 0, value = 0;
        if (one < 16) { all.push(one); continue; }
        if (one === 16) { value = all[all.length - 1]; again = take(2) + 3; }
        if (one === 17) { again = take(3) + 3; }
        if (one === 18) { again = take(7) + 11; }
        while (again--) { all.push(value); }
      }
      return [table(all.slice(0, literals)), table(all.slice(literals, literals + steps))];
    }

    function block(codes) {
      for (;;) {
        var one = symbol(codes[0]);
        if (one === 256) { return; }
        if (one < 256) {
          room(1);
          out[end++] = one;
          continue;
        }
        var length = LENGTHS[one - 257] + take(LENGTH_BITS[one - 257]);
        var step = symbol(codes[1]), back = STEPS[step] + take(STEP_BITS[step]);
        if (back > end) { throw new Error("The data of an image are damaged."); }
        room(length);
        for (var i = 0; i < length; i++, end++) { out[end] = out[end - back]; }
      }
    }

    do {
      last = take(1);
      var kind = take(2);
      if (kind === 0) {
        at -= bits >> 3;
        held = bits = 0;
        var count = data[at] | data[at + 1] << 8;
        room(count);
        out.set(data.subarray(at + 4, at + 4 + count), end);
        end += count;
        at += 4 + count;
      } else if (kind === 1) {
        block(fixed());
      } else {
        block(dynamic());
      }
    } while (!last);
    return out.subarray(0, end);
  }
})(window.MV = window.MV || {});
