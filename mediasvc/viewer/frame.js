/* A frame: its samples, and the table from samples to grey values. */
(function (MV) {
  "use strict";

  var KEPT = 96e6;               // bytes of decoded frames that stay in memory
  var TABLED = 8;                // frames that keep their table of greys: more than there are views
  var frames = new Map(), kept = 0, tabled = [];

  /* Undo the differences of one plane; see media/viewer_samples.py for their form. */
  function unfold(stream, from, rows, columns, bits, out, step, place) {
    var count = rows * columns, mask = bits === 8 ? 255 : 65535, at = 0;
    for (var y = 0; y < rows; y++) {
      var value = 0;
      for (var x = 0; x < columns; x++, at++) {
        var folded = stream[from + at];
        if (bits === 16) { folded |= stream[from + count + at] << 8; }
        value = (value + ((folded >> 1) ^ -(folded & 1))) & mask;
        out[at * step + place] = value;
      }
    }
  }

  function planes(record, stream) {
    var count = record.r * record.c;
    var colour = stream.length === 3 * count && record.b === 8;
    if (!colour && stream.length !== count * record.b / 8) {
      throw new Error("The data of this image are damaged.");
    }
    if (!colour) {
      var cells = record.b === 8 ? new Uint8Array(count) : new Uint16Array(count);
      unfold(stream, 0, record.r, record.c, record.b, cells, 1, 0);
      return { cells: cells, colour: false };
    }
    var mixed = new Uint8Array(4 * count).fill(255);
    for (var p = 0; p < 3; p++) { unfold(stream, p * count, record.r, record.c, 8, mixed, 4, p); }
    return { cells: mixed, colour: true };
  }

  /* As it is stored: neither turned nor coloured by what else stands in the file. */
  function picture(bytes) {
    var blob = new Blob([bytes], { type: "image/jpeg" });
    if (typeof createImageBitmap !== "function") { return element(blob); }
    return createImageBitmap(blob, { colorSpaceConversion: "none", imageOrientation: "none" })
      .catch(function () { return element(blob); });
  }

  function element(blob) {
    return new Promise(function (resolve, reject) {
      var image = new Image(), url = URL.createObjectURL(blob);
      image.onload = function () { URL.revokeObjectURL(url); resolve(image); };
      image.onerror = function () { reject(new Error("no picture")); };
      image.style.imageOrientation = "none";
      image.src = url;
    });
  }

  function jpeg(record, bytes) {
    return picture(bytes).then(function (image) {
      var canvas = document.createElement("canvas");
      canvas.width = record.c;
      canvas.height = record.r;
      var context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      var data = context.getImageData(0, 0, record.c, record.r).data;
      if (record.sl === undefined) { return { cells: new Uint8Array(data.buffer), colour: true }; }
      var grey = new Uint8Array(record.r * record.c);
      for (var i = 0; i < grey.length; i++) { grey[i] = data[4 * i]; }
      return { cells: grey, colour: false };
    }, function () { throw new Error("This image cannot be shown here."); });
  }

  function finish(record, facts, found) {
    var cells = found.cells, low = cells[0], high = cells[0];
    if (!found.colour) {
      for (var i = 1; i < cells.length; i++) {
        if (cells[i] < low) { low = cells[i]; } else if (cells[i] > high) { high = cells[i]; }
      }
    }
    return {
      record: record, file: facts.files[record.i], tables: facts.tables, cells: cells,
      colour: found.colour, rows: record.r, columns: record.c, low: low, high: high,
      factor: record.f || 1, offset: record.o || 0, luts: {}
    };
  }

  function decode(series, index) {
    var place = MV.place(series, index);
    return MV.load(series.n, place[0]).then(function (facts) {
      var record = facts.frames[place[1]], blob = facts.blobs[place[1]];
      if (!record || record.e !== undefined) {
        throw new Error("This image cannot be shown here" +
          (record && record.e ? ": " + record.e : "") + ". It is in the DICOM files.");
      }
      var bytes = MV.bytes(blob[1], blob[0]);
      var made = record.j ? jpeg(record, bytes) :
        MV.inflate(bytes).then(function (stream) { return planes(record, stream); });
      return made.then(function (found) { return finish(record, facts, found); });
    });
  }

  /* A promise of the frame; the frames that were asked for last stay decoded. */
  MV.frame = function (series, index) {
    var key = series.n + "/" + index, known = frames.get(key);
    if (known) {
      frames.delete(key);
      frames.set(key, known);
      return known.promise;
    }
    var entry = { size: 0, promise: null, frame: null };
    entry.promise = decode(series, index).then(function (frame) {
      entry.frame = frame;
      entry.size = frame.cells.byteLength;
      kept += entry.size;
      frames.forEach(function (one, other) {
        if (kept > KEPT && one.size && one !== entry) {
          kept -= one.size;
          frames.delete(other);
        }
      });
      return frame;
    }, function (error) {
      frames.delete(key);
      throw error;
    });
    frames.set(key, entry);
    return entry.promise;
  };

  /* The frame when it is decoded already, otherwise null. */
  MV.ready = function (series, index) {
    var known = frames.get(series.n + "/" + index);
    return known ? known.frame : null;
  };

  function entry(table, stored) {
    var at = Math.min(Math.max(stored - table.f, 0), table.v.length - 1);
    return table.v[at];
  }

  /* What a cell means: stored value through Modality LUT or rescale. */
  MV.value = function (frame, cell) {
    var record = frame.record, stored = cell - frame.offset;
    if (record.ml !== undefined) { return entry(frame.tables[record.ml], stored); }
    return record.sl === undefined ? stored : stored * record.sl + record.ic;
  };

  /* The window that a frame is shown with first: {c, w, f} or {table: true}. */
  MV.firstWindow = function (frame) {
    var record = frame.record;
    if (frame.colour) { return { c: 127.5, w: 255, f: "LINEAR_EXACT" }; }
    if (record.d === "v") { return { table: true }; }
    if (record.d === "w") { return MV.headerWindow(record.w[0]); }
    return MV.between(record.a[0], record.a[1]);
  };

  MV.headerWindow = function (row) { return { c: row[0], w: row[1], f: row[2] }; };

  MV.between = function (low, high) {
    return { c: (low + high) / 2, w: Math.max(high - low, 0), f: "LINEAR_EXACT" };
  };

  /* Grey of a value, 0 to 255 (PS3.3 C.11.2.1). */
  function curve(win) {
    var c = win.c, w = win.w;
    if (win.f === "SIGMOID") {
      return function (v) { return 255 / (1 + Math.exp(-4 * (v - c) / w)); };
    }
    if (win.f !== "LINEAR_EXACT") { c -= 0.5; w -= 1; }
    if (w <= 0) { return function (v) { return v > c ? 255 : 0; }; }
    var low = c - w / 2, scale = 255 / w;
    return function (v) { return (v - low) * scale; };
  }

  /* Grey value of each cell, as bytes; only cells that the frame has are filled in. */
  MV.greys = function (frame, win, inverted) {
    var record = frame.record, key = JSON.stringify([win, !!inverted]);
    if (frame.luts.key === key) { return frame.luts.greys; }
    var greys = new Uint8Array(record.b === 8 ? 256 : 65536);
    var turned = !!inverted !== !!record.inv, shown = win.table ? null : curve(win);
    var low = frame.colour ? 0 : frame.low, high = frame.colour ? 255 : frame.high;
    for (var cell = low; cell <= high; cell++) {
      var grey;
      if (win.table && record.vt !== undefined) {
        grey = entry(frame.tables[record.vt], cell - frame.offset);
      } else if (win.table) {
        grey = cell;
      } else {
        grey = Math.floor(Math.min(Math.max(shown(MV.value(frame, cell)), 0), 255) + 0.5);
      }
      greys[cell] = turned ? 255 - grey : grey;
    }
    frame.luts = { key: key, greys: greys };
    tabled = tabled.filter(function (other) { return other !== frame; }).concat(frame);
    if (tabled.length > TABLED) { tabled.shift().luts = {}; }
    return greys;
  };
})(window.MV = window.MV || {});
