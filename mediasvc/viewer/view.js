/* One view: a series, the frame that is shown, and how. */
(function (MV) {
  "use strict";

  var FALLBACK_FPS = 15;

  function make(tag, name, parent) {
    var element = document.createElement(tag);
    if (name) { element.className = name; }
    if (parent) { parent.appendChild(element); }
    return element;
  }

  MV.make = make;

  function View(parent) {
    this.box = make("div", "view", parent);
    this.band = make("div", "band", this.box);
    this.person = make("span", "person", this.band);
    this.badges = make("span", "badges", this.band);
    this.stage = make("div", "stage", this.box);
    this.newCanvas(false);
    this.marks = make("canvas", "marks", this.stage);
    this.corners = {};
    ["tl", "tr", "bl", "br", "n", "s", "w", "e"].forEach(function (place) {
      this.corners[place] = make("div", "corner " + place, this.stage);
    }, this);
    this.message = make("div", "message", this.stage);
    this.drawings = {};            // frame → list of measurements
    this.wanted = 0;
    this.reset();
    this.observer = typeof ResizeObserver === "function" ?
      new ResizeObserver(this.resize.bind(this)) : null;
    if (this.observer) { this.observer.observe(this.stage); }
  }

  MV.View = View;

  View.prototype.newCanvas = function (plain) {
    if (this.canvas) { this.canvas.remove(); }
    this.canvas = make("canvas", "image");
    this.stage.insertBefore(this.canvas, this.stage.firstChild);
    try {
      this.painter = MV.painter(this.canvas, plain);
    } catch (error) {
      if (!plain) { this.newCanvas(true); } else { throw error; }
      return;
    }
    this.canvas.addEventListener("webglcontextlost", function (event) {
      event.preventDefault();
      this.newCanvas(true);
      this.resize();
    }.bind(this));
  };

  View.prototype.remove = function () {
    this.stop();
    if (this.observer) { this.observer.disconnect(); }
    this.box.remove();
  };

  View.prototype.reset = function () {
    this.win = null;               // null: as the header of each frame says
    this.inverted = false;
    this.turns = 0;
    this.mirrored = false;
    this.zoom = 0;                 // 0: fit
    this.pan = { x: 0, y: 0 };
  };

  View.prototype.show = function (place, index) {
    this.stop();
    this.place = place;
    this.series = place.series;
    this.index = -1;
    this.drawings = {};
    this.reset();
    this.blank();
    this.title();
    this.go(index === undefined ? 0 : index);
  };

  /* No picture stands under the name of another one. */
  View.prototype.blank = function () {
    this.frame = null;
    this.shown = -1;
    this.say("");
    this.painter.clear();
    this.paintMarks();
  };

  View.prototype.title = function () {
    var who = this.place.patient, study = this.place.study;
    this.person.textContent = [who.name, who.born && "born " + who.born, who.sex,
      who.id && "ID " + who.id].filter(Boolean).join(" · ");
    this.corners.tr.textContent = [[study.date, study.time].filter(Boolean).join(" "), study.text,
      study.place].filter(Boolean).join("\n");
  };

  View.prototype.go = function (index) {
    if (!this.series || !this.series.frames) { return Promise.resolve(); }
    index = Math.min(Math.max(index, 0), this.series.frames - 1);
    if (index === this.index && this.frame) { return Promise.resolve(); }
    this.index = index;
    var token = ++this.wanted, ready = MV.ready(this.series, index);
    this.labels();
    if (ready) {
      this.take(ready);
      return Promise.resolve();
    }
    var view = this, slow = setTimeout(function () {
      if (token !== view.wanted) { return; }
      view.blank();
      view.say("Loading …");
      view.labels();
    }, 250);
    return MV.frame(this.series, index).then(function (frame) {
      clearTimeout(slow);
      if (token === view.wanted) { view.take(frame); }
    }, function (error) {
      clearTimeout(slow);
      if (token !== view.wanted) { return; }
      view.blank();
      view.say(error.message);
      view.labels();
    });
  };

  View.prototype.take = function (frame) {
    var other = !this.frame || this.frame.rows !== frame.rows ||
      this.frame.columns !== frame.columns;
    this.frame = frame;
    this.shown = this.index;
    if (other && !this.painter.takes(frame) && this.painter.kind === "webgl2") {
      this.newCanvas(true);
    }
    this.say("");
    this.resize();
    this.ahead();
  };

  /* What will probably be looked at next. */
  View.prototype.ahead = function () {
    var series = this.series, place = MV.place(series, this.index), step = this.step || 1;
    [step, 2 * step, 3 * step, -step].forEach(function (by) {
      var next = this.index + by;
      if (next >= 0 && next < series.frames) {
        MV.frame(series, next).catch(function () { /* said when it is its turn */ });
      }
    }, this);
    [place[0] + 1, place[0] + 2, place[0] - 1].forEach(function (number) {
      if (number >= 1 && number <= series.starts.length) {
        MV.load(series.n, number).catch(function () { /* the same */ });
      }
    });
  };

  View.prototype.say = function (text) {
    this.message.textContent = text;
    this.message.style.display = text ? "" : "none";
  };

  View.prototype.resize = function () {
    var ratio = window.devicePixelRatio || 1, box = this.stage.getBoundingClientRect();
    // whole pixels of the screen from a whole one on, so that none is blurred over two
    var left = Math.ceil(box.left * ratio - 0.01), top = Math.ceil(box.top * ratio - 0.01);
    var width = Math.max(1, Math.floor(box.right * ratio + 0.01) - left);
    var height = Math.max(1, Math.floor(box.bottom * ratio + 0.01) - top);
    [this.canvas, this.marks].forEach(function (canvas) {
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      }
      canvas.style.left = left / ratio - box.left + "px";
      canvas.style.top = top / ratio - box.top + "px";
      canvas.style.width = width / ratio + "px";
      canvas.style.height = height / ratio + "px";
    });
    this.ratio = ratio;
    this.paint();
  };

  View.prototype.aspect = function () { return this.frame.record.as || 1; };

  /* Device pixels of a screen for a pixel of the image. */
  View.prototype.scale = function () {
    if (this.zoom) { return this.zoom; }
    var frame = this.frame, tall = frame.rows * this.aspect(), wide = frame.columns;
    if (this.turns % 2) { var held = tall; tall = wide; wide = held; }
    return Math.min(this.canvas.width / wide, this.canvas.height / tall);
  };

  /* From pixels of the image to those of the canvas. */
  View.prototype.matrix = function () {
    var frame = this.frame, s = this.scale(), t = s * this.aspect();
    var cos = [1, 0, -1, 0][this.turns], sin = [0, 1, 0, -1][this.turns];
    var flip = this.mirrored ? -1 : 1;
    var m = { a: flip * cos * s, b: flip * sin * s, c: -sin * t, d: cos * t };
    var x = this.canvas.width / 2 + this.pan.x, y = this.canvas.height / 2 + this.pan.y;
    var half = { x: frame.columns / 2, y: frame.rows / 2 };
    m.e = Math.round(x - m.a * half.x - m.c * half.y);
    m.f = Math.round(y - m.b * half.x - m.d * half.y);
    return m;
  };

  /* Pixel of the image below a point of the page. */
  View.prototype.pixel = function (event) {
    var box = this.canvas.getBoundingClientRect(), m = MV.inverse(this.matrix());
    var x = (event.clientX - box.left) * this.ratio, y = (event.clientY - box.top) * this.ratio;
    return { x: m.a * x + m.c * y + m.e, y: m.b * x + m.d * y + m.f };
  };

  View.prototype.window = function () { return this.win || MV.firstWindow(this.frame); };

  View.prototype.paint = function () {
    if (!this.frame) {
      this.painter.clear();
      this.paintMarks();
      return;
    }
    var greys = MV.greys(this.frame, this.window(), this.inverted);
    this.painter.draw(this.frame, greys, this.matrix(), MV.smooth);
    this.paintMarks();
    this.labels();
  };

  View.prototype.paintMarks = function () {
    var context = this.marks.getContext("2d");
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    if (!this.frame) { return; }
    MV.paintScale(this, context);
    (this.drawings[this.index] || []).forEach(function (one) {
      MV.paintDrawing(this, context, one);
    }, this);
  };

  function number(value, digits) { return String(Number(value.toFixed(digits))); }

  MV.number = number;

  View.prototype.labels = function () {
    var series = this.series, frame = this.frame, corners = this.corners;
    if (!series) { return; }
    // what is said of an image waits for that image
    var record = frame && this.shown === this.index && frame.record;
    var lines = [(series.number ? series.number + ". " : "") + (series.text || series.kind),
      "Image " + (this.index + 1) + " of " + series.frames];
    if (record) { lines = lines.concat(aboutFrame(record)); }
    corners.tl.textContent = lines.join("\n");
    corners.bl.textContent = record ? this.aboutWindow() + "\nZoom " +
      Math.round(100 * this.scale() / this.ratio / frame.factor) + " %" : "";
    if (!record) { corners.br.textContent = ""; }
    this.sides(record);
    this.badge(record);
    if (MV.changed) { MV.changed(this); }
  };

  function aboutFrame(record) {
    var lines = [];
    if (record.n) { lines.push("No. " + record.n + (record.lat ? " · " + record.lat : "")); }
    if (record.at) { lines.push("Frame " + record.at[0] + " of " + record.at[1]); }
    var place = record.loc ? record.loc[0] : record.pos && record.ori ? slice(record) : null;
    if (place !== null) { lines.push("Slice at " + number(place, 1) + " mm"); }
    if (record.th) { lines.push("Thickness " + number(record.th[0], 2) + " mm"); }
    if (record.t) { lines.push("Taken " + record.t); }
    return lines;
  }

  function slice(record) {
    var o = record.ori, p = record.pos;
    return p[0] * (o[1] * o[5] - o[2] * o[4]) + p[1] * (o[2] * o[3] - o[0] * o[5]) +
      p[2] * (o[0] * o[4] - o[1] * o[3]);
  }

  View.prototype.aboutWindow = function () {
    var win = this.window();
    if (this.frame.colour) { return this.win ? "Brightness changed" : "Colour"; }
    if (win.table) { return "Table of the header"; }
    var digits = win.w < 10 ? 3 : 0;
    return "C " + number(win.c, digits) + "  W " + number(win.w, digits) +
      (this.frame.record.u ? " " + this.frame.record.u : "") + (this.inverted ? "  inverted" : "");
  };

  View.prototype.badge = function (record) {
    var words = [["Not for diagnosis", "", "Use the DICOM files with a diagnostic workstation"]];
    if (record && record.loss !== undefined) {
      words.push(["Lossy " + record.loss, "loud", "The image was compressed with loss"]);
    }
    if (record && record.f > 1) {
      words.push(["Reduced 1/" + record.f, "loud", "Fewer pixels than the DICOM file"]);
    }
    var key = JSON.stringify(words);
    if (this.badged === key) { return; }
    this.badged = key;
    this.badges.textContent = "";
    words.forEach(function (one) {
      var badge = make("span", "badge " + one[1], this.badges);
      badge.textContent = one[0].trim();
      badge.title = one[2];
    }, this);
  };

  /* Letters of the directions that the sides of the view show. */
  View.prototype.sides = function (record) {
    var ends = ["", "", "", ""];   // e, s, w, n
    if (record && record.ori) {
      var across = letters(record.ori.slice(0, 3)), down = letters(record.ori.slice(3));
      ends = [across, down, opposite(across), opposite(down)];
    } else if (record && record.po && record.po.length === 2) {
      ends = [record.po[0], record.po[1], opposite(record.po[0]), opposite(record.po[1])];
    }
    if (this.mirrored) { ends = [ends[2], ends[1], ends[0], ends[3]]; }
    ["e", "s", "w", "n"].forEach(function (side, at) {
      this.corners[side].textContent = ends[(at - this.turns + 4) % 4];
    }, this);
  };

  function letters(v) {
    var names = [["L", "R"], ["P", "A"], ["H", "F"]];
    return [0, 1, 2].filter(function (axis) { return Math.abs(v[axis]) > 0.1; })
      .sort(function (one, other) { return Math.abs(v[other]) - Math.abs(v[one]); }).slice(0, 2)
      .map(function (axis) { return names[axis][v[axis] > 0 ? 0 : 1]; }).join("");
  }

  function opposite(text) {
    var other = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };
    return text.split("").map(function (one) { return other[one] || ""; }).join("");
  }

  /* --- cine --- */

  View.prototype.rate = function () {
    if (this.fps) { return this.fps; }
    var ms = this.frame && this.frame.record.ms;
    return ms ? Math.min(Math.max(1000 / ms, 1), 60) : FALLBACK_FPS;
  };

  View.prototype.play = function () {
    if (!this.series || this.series.frames < 2 || this.playing) { return; }
    this.playing = true;
    this.step = 1;
    var view = this, next = performance.now();
    (function turn() {
      if (!view.playing) { return; }
      var now = performance.now();
      next = Math.max(next + 1000 / view.rate(), now - 200);
      view.go((view.index + 1) % view.series.frames).then(function () {
        if (view.playing) {
          view.timer = setTimeout(turn, Math.max(0, next - performance.now()));
        }
      });
    })();
    if (MV.changed) { MV.changed(this); }
  };

  View.prototype.stop = function () {
    this.playing = false;
    clearTimeout(this.timer);
    if (MV.changed) { MV.changed(this); }
  };

  MV.smooth = true;
})(window.MV = window.MV || {});
