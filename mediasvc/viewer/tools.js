/* Mouse, touch and keys; measuring. */
(function (MV) {
  "use strict";

  MV.tool = "window";

  /* --- measuring --- */

  /* Length between two pixels of a frame: [number, unit, remark]. */
  MV.length = function (frame, p, q) {
    var record = frame.record, f = frame.factor, dx = (q.x - p.x) * f, dy = (q.y - p.y) * f;
    var step = MV.spacing(frame, p, q);
    if (step) { return [Math.hypot(dx * step.x, dy * step.y), "mm", step.remark]; }
    return [Math.hypot(dx, dy * (record.as || 1)), "pixels", "no spacing in the header"];
  };

  var REMARKS = {
    pixel: "", calibrated: "calibrated", imager: "at the detector, not in the patient",
    scanned: "on the scanned film"
  };

  /* mm a column and a row at both points, or null. */
  MV.spacing = function (frame, p, q) {
    var record = frame.record, f = frame.factor;
    var region = (record.rg || []).filter(function (one) {
      return [p, q].every(function (at) {
        return at.x * f >= one[0] && at.y * f >= one[1] && at.x * f <= one[2] + 1 &&
          at.y * f <= one[3] + 1;
      });
    })[0];
    if (region) { return { x: region[4], y: region[5], remark: "" }; }
    if (record.rg || !record.sp) { return null; }
    return { x: record.sp[1], y: record.sp[0], remark: REMARKS[record.st] };
  };

  function lengthText(found) {
    return found[0].toFixed(1) + " " + found[1] + (found[2] ? "\n" + found[2] : "");
  }

  function degrees(frame, a, b, c) {
    var step = MV.spacing(frame, a, b) || { x: 1, y: frame.record.as || 1 };
    var one = Math.atan2((a.y - b.y) * step.y, (a.x - b.x) * step.x);
    var two = Math.atan2((c.y - b.y) * step.y, (c.x - b.x) * step.x);
    var turn = Math.abs(one - two) * 180 / Math.PI;
    return turn > 180 ? 360 - turn : turn;
  }

  /* Mean and so on of the cells inside an ellipse. */
  MV.region = function (frame, p, q) {
    var left = Math.max(0, Math.floor(Math.min(p.x, q.x)));
    var right = Math.min(frame.columns - 1, Math.ceil(Math.max(p.x, q.x)));
    var top = Math.max(0, Math.floor(Math.min(p.y, q.y)));
    var bottom = Math.min(frame.rows - 1, Math.ceil(Math.max(p.y, q.y)));
    var cx = (p.x + q.x) / 2, cy = (p.y + q.y) / 2;
    var rx = Math.abs(p.x - q.x) / 2, ry = Math.abs(p.y - q.y) / 2;
    var sum = 0, squares = 0, count = 0, low = Infinity, high = -Infinity;
    for (var y = top; y <= bottom; y++) {
      for (var x = left; x <= right; x++) {
        var dx = (x + 0.5 - cx) / rx, dy = (y + 0.5 - cy) / ry;
        if (dx * dx + dy * dy > 1) { continue; }
        var value = MV.value(frame, frame.cells[y * frame.columns + x]);
        sum += value;
        squares += value * value;
        low = Math.min(low, value);
        high = Math.max(high, value);
        count++;
      }
    }
    var mean = sum / count, step = MV.spacing(frame, p, q);
    return {
      count: count, mean: mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)),
      low: low, high: high,
      area: step ? Math.PI * rx * ry * step.x * step.y * frame.factor * frame.factor : null
    };
  };

  function regionText(frame, one) {
    var found = MV.region(frame, one.points[0], one.points[1]);
    var unit = frame.record.u ? " " + frame.record.u : "", lines = [];
    if (!found.count) { return ""; }
    if (!frame.colour) {
      lines.push("Mean " + found.mean.toFixed(1) + unit + "  SD " + found.deviation.toFixed(1));
      lines.push("Min " + MV.number(found.low, 1) + "  Max " + MV.number(found.high, 1));
    }
    lines.push(found.area === null ? found.count + " pixels" : found.area.toFixed(1) + " mm²");
    return lines.join("\n");
  }

  MV.words = function (frame, one) {
    var points = one.points;
    if (points.length < 2) { return ""; }
    if (one.kind === "region") { return regionText(frame, one); }
    if (one.kind === "angle") {
      return points.length < 3 ? "" :
        degrees(frame, points[0], points[1], points[2]).toFixed(1) + "°";
    }
    return lengthText(MV.length(frame, points[0], points[1]));
  };

  /* --- painting of what was measured --- */

  function onScreen(m, p) { return { x: m.a * p.x + m.c * p.y + m.e, y: m.b * p.x + m.d * p.y + m.f }; }

  function font(ratio) {
    return 13 * ratio + "px 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
  }

  function outlined(context, ratio, text, x, y) {
    context.font = font(ratio);
    context.lineJoin = "round";
    text.split("\n").forEach(function (line, at) {
      context.strokeStyle = "rgba(0,0,0,.85)";
      context.lineWidth = 4 * ratio;
      context.strokeText(line, x, y + 17 * ratio * at);
      context.fillText(line, x, y + 17 * ratio * at);
    });
  }

  MV.paintDrawing = function (view, context, one) {
    var m = view.matrix(), ratio = view.ratio;
    var points = one.points.map(function (p) { return onScreen(m, p); }), last = points.length - 1;
    function path() {
      context.beginPath();
      if (one.kind === "region" && last === 1) {
        var corner = one.points[0], other = one.points[1], n;
        for (n = 0; n <= 64; n++) {
          var at = onScreen(m, {
            x: (corner.x + other.x) / 2 + Math.cos(n / 32 * Math.PI) * (other.x - corner.x) / 2,
            y: (corner.y + other.y) / 2 + Math.sin(n / 32 * Math.PI) * (other.y - corner.y) / 2
          });
          context.lineTo(at.x, at.y);
        }
      } else {
        points.forEach(function (p) { context.lineTo(p.x, p.y); });
      }
      context.stroke();
    }
    context.strokeStyle = "rgba(0,0,0,.7)";
    context.lineWidth = 4 * ratio;
    path();
    context.strokeStyle = context.fillStyle = "#ffd54a";
    context.lineWidth = 1.5 * ratio;
    path();
    if (one.kind !== "region") {
      points.forEach(function (p) {
        context.fillRect(p.x - 2.5 * ratio, p.y - 2.5 * ratio, 5 * ratio, 5 * ratio);
      });
    }
    beside(view, context, MV.words(view.frame, one), points[last]);
  };

  /* Words beside a point, moved as far as needed to be read. */
  function beside(view, context, text, at) {
    var ratio = view.ratio, lines = text.split("\n");
    context.font = font(ratio);
    var wide = Math.max.apply(null, lines.map(function (line) {
      return context.measureText(line).width;
    }));
    var x = Math.min(at.x + 9 * ratio, view.marks.width - wide - 8 * ratio);
    var y = Math.min(at.y + 4 * ratio, view.marks.height - 17 * ratio * lines.length);
    outlined(context, ratio, text, Math.max(x, 8 * ratio), Math.max(y, 16 * ratio));
  }

  /* A bar of a round number of millimetres on the right side. */
  MV.paintScale = function (view, context) {
    var frame = view.frame, middle = { x: frame.columns / 2, y: frame.rows / 2 };
    var step = MV.spacing(frame, middle, middle), m = view.matrix(), ratio = view.ratio;
    if (!step) { return; }
    var a = onScreen(m, middle), b = onScreen(m, { x: middle.x, y: middle.y + 1 });
    var pixels = Math.hypot(b.x - a.x, b.y - a.y) / (step.y * frame.factor);
    var most = view.marks.height * 0.3 / pixels, length = 0;
    [0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].forEach(function (one) {
      if (one <= most) { length = one; }
    });
    if (!length) { return; }
    var x = view.marks.width - 18 * ratio, half = length * pixels / 2;
    var y = view.marks.height / 2;
    context.strokeStyle = context.fillStyle = "#9fb4c4";
    context.lineWidth = 1.5 * ratio;
    context.beginPath();
    [-1, -0.5, 0, 0.5, 1].forEach(function (part) {
      var tick = (Math.abs(part) === 1 ? 9 : 5) * ratio;
      context.moveTo(x, y + part * half);
      context.lineTo(x - tick, y + part * half);
    });
    context.moveTo(x, y - half);
    context.lineTo(x, y + half);
    context.stroke();
    context.textAlign = "right";
    outlined(context, ratio, length >= 10 ? length / 10 + " cm" : length + " mm", x + 8 * ratio,
      y + half + 18 * ratio);
    context.textAlign = "left";
  };

  /* --- what the pointer does --- */

  function drawing(view) {
    if (!view.drawings[view.index]) { view.drawings[view.index] = []; }
    return view.drawings[view.index];
  }

  function windowBy(view, dx, dy) {
    var frame = view.frame, win = view.window();
    if (win.table) {
      var low = MV.value(frame, frame.low), high = MV.value(frame, frame.high);
      win = MV.between(Math.min(low, high), Math.max(low, high));
    }
    var ends = Math.abs(MV.value(frame, frame.high) - MV.value(frame, frame.low));
    var step = Math.max(frame.colour ? 0.5 : ends / 2000, Math.min(win.w, 4000) / 400, 1e-6);
    view.win = { c: win.c + dy * step, w: Math.max(win.w + dx * step, step), f: win.f };
    view.paint();
  }

  MV.zoomAt = function (view, by, event) {
    if (!view.frame) { return; }
    var at = event && view.pixel(event), scale = view.scale();
    view.zoom = Math.min(Math.max(scale * by, 0.02), 64);
    if (at) {
      var now = view.pixel(event), m = view.matrix();
      view.pan.x += m.a * (now.x - at.x) + m.c * (now.y - at.y);
      view.pan.y += m.b * (now.x - at.x) + m.d * (now.y - at.y);
    }
    view.paint();
  };

  function probe(view, event) {
    var frame = view.frame;
    if (!frame) { return; }
    var at = view.pixel(event), x = Math.floor(at.x), y = Math.floor(at.y), text = "";
    if (x >= 0 && y >= 0 && x < frame.columns && y < frame.rows) {
      var cell = y * frame.columns + x, f = frame.factor;
      text = "x " + x * f + "  y " + y * f + "\n";
      if (frame.colour) {
        text += "RGB " + Array.prototype.slice.call(frame.cells, 4 * cell, 4 * cell + 3).join(" ");
      } else {
        text += "Value " + MV.number(MV.value(frame, frame.cells[cell]), 2) +
          (frame.record.u ? " " + frame.record.u : "");
      }
    }
    view.corners.br.textContent = text;
  }

  function toolOf(event) {
    if (event.button === 1 || (event.button === 0 && event.shiftKey)) { return "pan"; }
    if (event.button === 2) { return "zoom"; }
    return MV.tool;
  }

  MV.listen = function (view) {
    var held = null, touches = new Map(), pinch = 0;

    function down(event) {
      MV.activate(view);
      touches.set(event.pointerId, event);
      if (!view.frame || touches.size > 1) { held = null; return; }
      event.preventDefault();
      view.stage.setPointerCapture(event.pointerId);
      held = { tool: toolOf(event), x: event.clientX, y: event.clientY, moved: 0 };
      if (["length", "angle", "region"].indexOf(held.tool) >= 0) { press(event); }
    }

    function press(event) {
      var list = drawing(view), last = list[list.length - 1], at = view.pixel(event);
      if (last && last.open) {     // the third point of an angle
        held.one = last;
        last.points.push(at);
        last.open = false;
      } else {
        held.one = { kind: held.tool, points: [at, at] };
        list.push(held.one);
      }
    }

    function move(event) {
      probe(view, event);
      if (touches.has(event.pointerId)) { touches.set(event.pointerId, event); }
      if (touches.size === 2) { pinched(); return; }
      if (!held || !view.frame) { return; }
      var dx = event.clientX - held.x, dy = event.clientY - held.y;
      held.x = event.clientX;
      held.y = event.clientY;
      if (held.one) {
        held.one.points[held.one.points.length - 1] = view.pixel(event);
        view.paintMarks();
      } else if (held.tool === "window") {
        windowBy(view, dx, dy);
      } else if (held.tool === "pan") {
        view.zoom = view.scale();
        view.pan.x += dx * view.ratio;
        view.pan.y += dy * view.ratio;
        view.paint();
      } else if (held.tool === "zoom") {
        MV.zoomAt(view, Math.pow(1.006, -dy), null);
      } else if (held.tool === "scroll") {
        held.moved += dy;
        var steps = Math.trunc(held.moved / 8);
        held.moved -= steps * 8;
        if (steps) { scroll(view, steps); }
      }
    }

    function pinched() {
      var both = Array.from(touches.values());
      var apart = Math.hypot(both[0].clientX - both[1].clientX, both[0].clientY - both[1].clientY);
      if (pinch) { MV.zoomAt(view, apart / pinch, both[0]); }
      pinch = apart;
    }

    function up(event) {
      touches.delete(event.pointerId);
      pinch = 0;
      if (held && held.one && view.frame) { finish(held.one); }
      held = null;
    }

    function finish(one) {
      var list = drawing(view), a = one.points[0], b = one.points[1];
      if (Math.hypot(a.x - b.x, a.y - b.y) * view.scale() < 4) {
        list.splice(list.indexOf(one), 1);
      } else if (one.kind === "angle" && one.points.length === 2) {
        one.open = true;
      }
      view.paintMarks();
    }

    view.stage.addEventListener("pointerdown", down);
    view.stage.addEventListener("pointermove", move);
    view.stage.addEventListener("pointerup", up);
    view.stage.addEventListener("pointercancel", up);
    view.stage.addEventListener("contextmenu", function (event) { event.preventDefault(); });
    view.stage.addEventListener("dblclick", function () { MV.activate(view); MV.solo(view); });
    view.stage.addEventListener("wheel", function (event) {
      event.preventDefault();
      MV.activate(view);
      if (event.ctrlKey) {
        MV.zoomAt(view, event.deltaY < 0 ? 1.15 : 1 / 1.15, event);
      } else if (event.deltaY) {
        scroll(view, event.deltaY > 0 ? 1 : -1);
      }
    }, { passive: false });
  };

  function scroll(view, by) {
    view.stop();
    view.step = by > 0 ? 1 : -1;
    MV.views.forEach(function (other) {
      if (MV.linked && other !== view) { other.go(other.index + by); }
    });
    return view.go(view.index + by);
  }

  MV.scroll = scroll;

  /* --- keys --- */

  var TOOLS = { w: "window", z: "zoom", p: "pan", s: "scroll", l: "length", a: "angle", e: "region" };

  MV.keys = function (event) {
    var view = MV.active, key = event.key;
    var writes = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    // after a click the slider has the keys, and has no use for letters
    if (writes && event.target.type !== "range" && key !== "Escape") { return; }
    if (event.ctrlKey || event.altKey || event.metaKey || !view) { return; }
    var small = key.length === 1 ? key.toLowerCase() : key, done = true;
    if (TOOLS[small]) {
      MV.choose(TOOLS[small]);
    } else if (small === "ArrowDown" || small === "ArrowRight") {
      scroll(view, 1);
    } else if (small === "ArrowUp" || small === "ArrowLeft") {
      scroll(view, -1);
    } else if (small === "PageDown" || small === "PageUp") {
      scroll(view, small === "PageDown" ? 10 : -10);
    } else if (small === "Home") {
      scroll(view, -view.index);
    } else if (small === "End") {
      scroll(view, view.series ? view.series.frames : 0);
    } else if (small === "+" || small === "=") {
      MV.zoomAt(view, 1.25, null);
    } else if (small === "-") {
      MV.zoomAt(view, 0.8, null);
    } else if (small === "Delete" || small === "Backspace") {
      drawing(view).pop();
      view.paintMarks();
    } else if (/^[0-9]$/.test(small)) {
      MV.preset(view, Number(small));
    } else {
      done = MV.command(small, view);
    }
    if (done) { event.preventDefault(); }
  };
})(window.MV = window.MV || {});
