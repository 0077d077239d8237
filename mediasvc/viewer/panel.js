/* The list of series, the bar of tools, the table of attributes, the help. */
(function (MV) {
  "use strict";

  var make = function () { return MV.make.apply(null, arguments); };
  var buttons = {}, parts = {};

  /* Windows for CT in HU that radiologists know by name. */
  MV.CT = [["Soft tissue", 40, 400], ["Lung", -600, 1500], ["Bone", 500, 2000], ["Brain", 40, 80],
    ["Liver", 80, 150], ["Angiography", 250, 700]];

  var TOOLS = [["window", "Window", "W"], ["scroll", "Scroll", "S"], ["zoom", "Zoom", "Z"],
    ["pan", "Pan", "P"], ["length", "Length", "L"], ["angle", "Angle", "A"],
    ["region", "Region", "E"]];
  var COMMANDS = [["play", "Play", " ", "Space"], ["invert", "Invert", "i", "I"],
    ["turn", "Turn", "r", "R"], ["mirror", "Mirror", "m", "M"], ["fit", "Fit", "f", "F"],
    ["reset", "Reset", "Escape", "Esc"], ["header", "Header", "h", "H"],
    ["help", "Help", "?", "?"]];

  function button(parent, name, text, title, action) {
    var one = make("button", "", parent);
    one.type = "button";
    one.textContent = text;
    one.title = title;
    one.addEventListener("click", function () { action(); one.blur(); });
    buttons[name] = one;
    return one;
  }

  function select(parent, title, action) {
    var one = make("select", "", parent);
    one.title = title;
    one.setAttribute("aria-label", title);
    one.addEventListener("change", function () { action(one.value); one.blur(); });
    return one;
  }

  function option(parent, value, text) {
    var one = make("option", "", parent);
    one.value = value;
    one.textContent = text;
  }

  /* --- what buttons and keys do --- */

  MV.choose = function (tool) {
    MV.tool = tool;
    TOOLS.forEach(function (row) { buttons[row[0]].classList.toggle("on", row[0] === tool); });
    parts.views.dataset.tool = tool;
  };

  MV.command = function (key, view) {
    var row = COMMANDS.filter(function (one) { return one[2] === key; })[0];
    if (key === "[" || key === "]") { nextSeries(view, key === "]" ? 1 : -1); return true; }
    if (key === "k") { link_(); return true; }
    if (key === "t") { parts.app.classList.toggle("bare"); return true; }
    if (key === "n") { MV.smooth = !MV.smooth; MV.views.forEach(paint); return true; }
    if (!row) { return false; }
    run(row[0], view);
    return true;
  };

  function link_() {
    MV.linked = !MV.linked;
    parts.link.classList.toggle("on", MV.linked);
  }

  function nextSeries(view, by) {
    var place = MV.places[MV.places.indexOf(view.place) + by];
    if (place) { MV.put(place, view); }
  }

  function paint(view) { view.paint(); }

  function run(name, view) {
    if (name === "help") { parts.help.classList.toggle("open"); return; }
    if (!view) { return; }
    if (name === "play") { if (view.playing) { view.stop(); } else { view.play(); } return; }
    if (name === "header") { toggleHeader(view); return; }
    if (name === "invert") { view.inverted = !view.inverted; }
    if (name === "turn") { view.turns = (view.turns + 1) % 4; }
    if (name === "mirror") { view.mirrored = !view.mirrored; }
    if (name === "fit") { view.zoom = 0; view.pan = { x: 0, y: 0 }; }
    if (name === "reset") {
      parts.help.classList.remove("open");
      parts.header.classList.remove("open");
      view.reset();
      view.drawings = {};
    }
    view.paint();
  }

  /* 1 … 9: windows of the header, then those for CT; 0: as the header says. */
  function presets(view) {
    var frame = view.frame, rows = [];
    if (!frame || frame.colour) { return rows; }
    (frame.record.w || []).forEach(function (row, at) {
      rows.push([row[3] || "Header " + (at + 1), MV.headerWindow(row)]);
    });
    if (frame.record.vt !== undefined) { rows.push(["Table of the header", { table: true }]); }
    if (frame.record.a) {
      rows.push(["Automatic", MV.between(frame.record.a[0], frame.record.a[1])]);
    }
    var ends = [MV.value(frame, frame.low), MV.value(frame, frame.high)];
    rows.push(["All values", MV.between(Math.min(ends[0], ends[1]), Math.max(ends[0], ends[1]))]);
    if (view.series.kind === "CT") {
      MV.CT.forEach(function (row) { rows.push([row[0], { c: row[1], w: row[2], f: "LINEAR" }]); });
    }
    return rows;
  }

  MV.preset = function (view, number) {
    var rows = presets(view);
    if (number === 0) { view.win = null; } else if (rows[number - 1]) {
      view.win = rows[number - 1][1];
    }
    view.paint();
  };

  function showPresets(view) {
    var rows = presets(view), key = JSON.stringify(rows.map(function (row) { return row[0]; }));
    if (parts.presetKey !== key) {
      parts.presetKey = key;
      parts.presets.textContent = "";
      option(parts.presets, "0", "Header window");
      rows.forEach(function (row, at) {
        option(parts.presets, String(at + 1), (at < 9 ? at + 1 + "  " : "") + row[0]);
      });
      option(parts.presets, "-1", "Own window");
    }
    var chosen = view.win === null ? 0 : 1 + rows.findIndex(function (row) {
      return JSON.stringify(row[1]) === JSON.stringify(view.win);
    });
    parts.presets.value = String(chosen || (view.win ? -1 : 0));
  }

  MV.changed = function (view) {
    if (view !== MV.active || !parts.slider) { return; }
    buttons.play.textContent = view.playing ? "Stop" : "Play";
    buttons.play.disabled = !view.series || view.series.frames < 2;
    if (view.series) {
      parts.slider.max = String(Math.max(0, view.series.frames - 1));
      parts.slider.value = String(view.index);
      parts.slider.disabled = view.series.frames < 2;
    }
    if (view.frame) {
      showPresets(view);
      parts.rate.value = String(Math.round(view.rate()));
      buttons.invert.classList.toggle("on", view.inverted);
      buttons.mirror.classList.toggle("on", view.mirrored);
    }
    if (parts.header.classList.contains("open")) { showHeader(view); }
  };

  /* --- the bar --- */

  MV.bar = function (parent) {
    var bar = make("div", "bar", parent);
    var tools = make("span", "group", bar);
    TOOLS.forEach(function (row) {
      button(tools, row[0], row[1], row[1] + " (" + row[2] + ")", function () { MV.choose(row[0]); });
    });
    parts.presets = select(bar, "Window", function (value) { MV.preset(MV.active, Number(value)); });
    var commands = make("span", "group", bar);
    COMMANDS.slice(1, 6).forEach(function (row) { commandButton(commands, row); });
    cine(make("span", "group cine", bar));
    parts.layout = select(bar, "Views", function (value) { MV.layout(Number(value)); });
    [[1, "1 view"], [2, "2 views"], [4, "4 views"]].forEach(function (row) {
      option(parts.layout, String(row[0]), row[1]);
    });
    parts.link = button(bar, "link", "Link", "Scroll all views together (K)", link_);
    var last = make("span", "group last", bar);
    COMMANDS.slice(6).forEach(function (row) { commandButton(last, row); });
  };

  function commandButton(parent, row) {
    button(parent, row[0], row[1], row[1] + " (" + row[3] + ")", function () {
      run(row[0], MV.active);
    });
  }

  function cine(parent) {
    commandButton(parent, COMMANDS[0]);
    parts.slider = make("input", "", parent);
    parts.slider.type = "range";
    parts.slider.min = "0";
    parts.slider.setAttribute("aria-label", "Image");
    parts.slider.addEventListener("input", function () {
      // what is wanted is read first: whoever stops a view has its old place written here
      MV.scroll(MV.active, Number(parts.slider.value) - MV.active.index);
    });
    parts.rate = make("input", "rate", parent);
    parts.rate.type = "number";
    parts.rate.min = "1";
    parts.rate.max = "60";
    parts.rate.title = "Images a second";
    parts.rate.setAttribute("aria-label", "Images a second");
    parts.rate.addEventListener("change", function () {
      MV.active.fps = Math.min(Math.max(Number(parts.rate.value) || 1, 1), 60);
    });
  }

  /* --- the list of series --- */

  MV.places = [];

  MV.list = function (parent) {
    var list = make("nav", "list", parent), listing = MV.listing;
    make("div", "house", list).textContent = listing.institution;
    listing.patients.forEach(function (patient) {
      var who = make("div", "patient", list);
      make("b", "", who).textContent = patient.name;
      make("span", "", who).textContent = [patient.born && "born " + patient.born, patient.sex,
        patient.id && "ID " + patient.id].filter(Boolean).join(" · ");
      patient.studies.forEach(function (study) { listStudy(list, patient, study); });
    });
    (listing.remarks || []).forEach(function (text) {
      make("p", "remark", list).textContent = text;
    });
    var foot = make("p", "foot", list);
    foot.textContent = "Made " + listing.created + (listing.part ? " · disc " + listing.part : "") +
      ". Not for diagnosis. ";
    link(foot, "../INDEX.HTM", "Start page");
    return list;
  };

  function link(parent, path, text) {
    var one = make("a", "", parent);
    one.href = MV.path(path);
    one.textContent = text;
    return one;
  }

  function listStudy(list, patient, study) {
    var head = make("div", "study", list);
    make("b", "", head).textContent = study.text || "Study";
    make("span", "", head).textContent = [study.date, study.time, study.order].filter(Boolean)
      .join(" · ");
    study.series.forEach(function (series) { listSeries(list, patient, study, series); });
  }

  function listSeries(list, patient, study, series) {
    var card = make(series.frames ? "button" : "div", "series", list);
    var shot = make("span", "shot", card), words = make("span", "words", card);
    if (series.thumb) {
      var image = make("img", "", shot);
      image.src = MV.path("../IHE_PDI/" + series.thumb);
      image.alt = "";
    } else {
      shot.textContent = series.kind || "–";
    }
    make("b", "", words).textContent = (series.number ? series.number + ". " : "") +
      (series.text || series.kind || "Series");
    make("span", "", words).textContent = [series.kind, amount(series)].filter(Boolean).join(" · ");
    (series.documents || []).forEach(function (one) {
      var to = link(words, "../" + one.path, { report: "Report", document: "PDF", video: "Video" }[
        one.kind] + (one.text ? ": " + one.text : ""));
      to.target = "_blank";
      to.rel = "noopener";
    });
    if (!series.frames) { return; }
    var place = { patient: patient, study: study, series: series, card: card };
    MV.places.push(place);
    card.type = "button";
    card.draggable = true;
    card.addEventListener("click", function () { MV.put(place, MV.active); card.blur(); });
    card.addEventListener("dragstart", function (event) {
      event.dataTransfer.setData("text/plain", String(MV.places.indexOf(place)));
    });
  }

  function amount(series) {
    if (!series.frames) {
      return series.documents ? "" : "needs a DICOM viewer";
    }
    var text = series.images + (series.images === 1 ? " image" : " images");
    return series.frames === series.images ? text : text + ", " + series.frames + " frames";
  }

  /* --- attributes --- */

  MV.side = function (parent) {
    parts.app = parent;
    parts.header = make("aside", "header", parent);
    var head = make("div", "head", parts.header);
    make("b", "", head).textContent = "Attributes of this image";
    parts.find = make("input", "", head);
    parts.find.type = "search";
    parts.find.placeholder = "Find";
    parts.find.addEventListener("input", filter);
    parts.rows = make("table", "", make("div", "rows", parts.header));
    help(parent);
  };

  function toggleHeader(view) {
    parts.header.classList.toggle("open");
    MV.views.forEach(function (one) { one.resize(); });
    showHeader(view);
  }

  function showHeader(view) {
    var key = view.series && view.series.n + "/" + view.index;
    if (!key || parts.headerKey === key || view.playing) { return; }
    parts.headerKey = key;
    MV.header(view.series, view.index).then(function (rows) {
      if (parts.headerKey !== key) { return; }
      parts.rows.textContent = "";
      rows.forEach(function (row) {
        var line = make("tr", "", parts.rows);
        [row[1], row[3], row[0] + " " + row[2]].forEach(function (text) {
          make("td", "", line).textContent = text;
        });
      });
      filter();
    }, function () { parts.rows.textContent = ""; });
  }

  function filter() {
    var wanted = parts.find.value.toLowerCase();
    Array.prototype.forEach.call(parts.rows.rows || [], function (row) {
      row.style.display = row.textContent.toLowerCase().indexOf(wanted) < 0 ? "none" : "";
    });
  }

  var HELP = [
    ["Wheel, arrow keys", "through the images; Page keys by ten, Home and End"],
    ["Left button", "the tool that is chosen: W window, S scroll, Z zoom, P pan, L length, A angle, " +
      "E region (ellipse)"],
    ["Right button", "zoom; Ctrl and wheel: zoom at the pointer"],
    ["Middle button, Shift + left", "move the image"],
    ["[ and ]", "the series before and the next one"],
    ["K", "scroll all views together"],
    ["Double click", "this view alone, and back"],
    ["1 to 9, 0", "windows of the list; as the header says"],
    ["Space", "play and stop"],
    ["I R M", "invert, turn, mirror"],
    ["F, Esc", "fit; everything as it was at first"],
    ["Delete", "the last measurement of this image"],
    ["H", "all attributes of this image"],
    ["T", "hide and show the text on the images"],
    ["N", "pixels as they are, or smooth"]];

  function help(parent) {
    parts.help = make("div", "help", parent);
    make("h2", "", parts.help).textContent = "How to use it";
    var table = make("table", "", parts.help);
    HELP.forEach(function (row) {
      var line = make("tr", "", table);
      make("th", "", line).textContent = row[0];
      make("td", "", line).textContent = row[1];
    });
    make("p", "", parts.help).textContent = "Lengths in mm are as good as the spacing in the " +
      "header; where this is the spacing of the detector, or where there is none, it is said " +
      "beside the number. These pictures are not for diagnosis: use the DICOM files.";
    parts.help.addEventListener("click", function () { parts.help.classList.remove("open"); });
  }

  MV.parts = parts;
})(window.MV = window.MV || {});
