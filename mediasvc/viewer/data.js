/* What is on the disc: the list of series, and chunks of frames. A page that was opened from a file
   may not look into its neighbours, so a chunk is a page of its own that sends what it holds. It
   goes with its frame, where browsers keep the text of a script for long. */
(function (MV) {
  "use strict";

  var FIRST = 0x3400;            // the code unit that means fifteen zero bits
  var KEPT_TEXT = 8e6;           // characters of chunks that stay in memory, two bytes each
  var SENDING = 500;             // ms from the end of a page until what it sent is here
  var chunks = new Map();        // "series/number" -> {promise, size}, oldest first

  MV.disc = function (listing) { MV.listing = listing; };

  function digits(number) { return ("000000" + number).slice(-6); }

  MV.folder = function (series) { return "SE" + digits(series); };

  /* Fifteen bits of every code unit, as bytes. */
  MV.bytes = function (text, length) {
    var out = new Uint8Array(length), held = 0, bits = 0, at = 0;
    for (var i = 0; i < text.length; i++) {
      held = (held << 15) | (text.charCodeAt(i) - FIRST);
      bits += 15;
      while (bits >= 8 && at < length) {
        bits -= 8;
        out[at++] = held >>> bits;
      }
      held &= (1 << bits) - 1;
    }
    return out;
  };

  /* A path as it stands on this medium: some systems show the names of a disc in small letters,
     and then want them so. */
  MV.path = function (path) {
    return /viewer\.htm$/.test(location.pathname) ? path.toLowerCase() : path;
  };

  function script(path) {
    return new Promise(function (resolve, reject) {
      var element = document.createElement("script");
      element.onload = function () { element.remove(); resolve(); };
      element.onerror = function () {
        element.remove();
        reject(new Error("The file " + path + " cannot be read from the disc."));
      };
      element.src = MV.path(path);
      document.head.appendChild(element);
    });
  }

  /* A promise of the text that a page holds and sends (see media/viewer_chunk.py). */
  function sent(path) {
    return new Promise(function (resolve, reject) {
      var frame = document.createElement("iframe"), late = null;
      function end() {
        clearTimeout(late);
        window.removeEventListener("message", take);
        frame.remove();
      }
      function take(event) {
        if (event.source !== frame.contentWindow) { return; }
        end();
        resolve(String(event.data));
      }
      window.addEventListener("message", take);
      frame.onload = function () {
        late = setTimeout(function () {
          end();
          reject(new Error("The file " + path + " cannot be read from the disc."));
        }, SENDING);
      };
      frame.style.display = "none";
      frame.src = MV.path(path);
      document.body.appendChild(frame);
    });
  }

  /* A promise of the list of series. */
  MV.listed = function () { return script("STUDY.JS").catch(function () { /* said by start */ }); };

  /* Whether a chunk could not be made when the disc was. */
  function isLost(series, number) {
    return MV.places.some(function (place) {
      return place.series.n === series && (place.series.lost || []).indexOf(number) >= 0;
    });
  }

  function read(series, number) {
    if (isLost(series, number)) {
      return Promise.reject(new Error(
        "These images could not be prepared for the viewer. They are in the DICOM files."));
    }
    var path = MV.folder(series) + "/D" + digits(number) + ".HTM";
    return sent(path).then(function (text) {
      var blobs = parsed(text);
      if (!blobs) { throw new Error("The file " + path + " is damaged."); }
      return MV.inflate(MV.bytes(blobs[0][1], blobs[0][0])).then(function (bytes) {
        var facts = JSON.parse(new TextDecoder().decode(bytes));
        facts.blobs = blobs.slice(1);
        return facts;
      });
    });
  }

  function parsed(text) {
    try { return JSON.parse(text); } catch (error) { return null; }
  }

  function forget() {
    var total = 0;
    chunks.forEach(function (one) { total += one.size; });
    chunks.forEach(function (one, key) {
      if (total > KEPT_TEXT && one.size) {
        total -= one.size;
        chunks.delete(key);
      }
    });
  }

  /* A promise of {frames, tables, files, names, blobs}. */
  MV.load = function (series, number) {
    var key = series + "/" + number, known = chunks.get(key);
    if (known) {
      chunks.delete(key);
      chunks.set(key, known);
      return known.promise;
    }
    var entry = { size: 0, promise: null };
    entry.promise = read(series, number).then(function (facts) {
      facts.blobs.forEach(function (blob) { entry.size += blob[1].length; });
      forget();
      return facts;
    }, function (error) {
      chunks.delete(key);
      throw error;
    });
    chunks.set(key, entry);
    return entry.promise;
  };

  /* [number of the chunk, place in it] of a frame of a series. */
  MV.place = function (series, index) {
    var low = 0, high = series.starts.length - 1;
    while (low < high) {
      var middle = (low + high + 1) >> 1;
      if (series.starts[middle] <= index) { low = middle; } else { high = middle - 1; }
    }
    return [low + 1, index - series.starts[low]];
  };

  /* All attributes of the file of a frame: [[tag, name, VR, text]]. */
  MV.header = function (series, index) {
    var place = MV.place(series, index);
    return MV.load(series.n, place[0]).then(function (facts) {
      var values = {}, last = facts.frames[place[1]].i;
      facts.files.slice(0, last + 1).forEach(function (file) {
        Object.keys(file.h).forEach(function (tag) {
          if (file.h[tag] === null) { delete values[tag]; } else { values[tag] = file.h[tag]; }
        });
      });
      return Object.keys(values).sort().map(function (tag) {
        var name = facts.names[tag] || ["", ""];
        return ["(" + tag.slice(0, 4) + "," + tag.slice(4) + ")", name[0], name[1], values[tag]];
      });
    });
  };
})(window.MV = window.MV || {});
