/* Puts everything together. */
(function (MV) {
  "use strict";

  MV.views = [];
  MV.active = null;
  var grid, count = 1, before = 0;

  MV.activate = function (view) {
    MV.active = view;
    MV.views.forEach(function (one) { one.box.classList.toggle("active", one === view); });
    mark();
    MV.changed(view);
  };

  function mark() {
    MV.places.forEach(function (place) {
      var shown = MV.views.some(function (view) { return view.place === place; });
      place.card.classList.toggle("shown", shown);
      var active = MV.active && MV.active.place === place;
      place.card.classList.toggle("active", active);
      if (active && place.card.scrollIntoView) { place.card.scrollIntoView({ block: "nearest" }); }
    });
  }

  MV.put = function (place, view) {
    view.show(place);
    MV.activate(view);
  };

  MV.layout = function (wanted) {
    count = wanted;
    MV.parts.layout.value = String(wanted);
    grid.dataset.count = String(wanted);
    MV.parts.link.style.display = wanted > 1 ? "" : "none";
    while (MV.views.length > wanted) { MV.views.pop().remove(); }
    while (MV.views.length < wanted) { addView(); }
    MV.views.forEach(function (view) { view.resize(); });
    if (MV.views.indexOf(MV.active) < 0) { MV.activate(MV.views[0]); }
    mark();
  };

  function addView() {
    var view = new MV.View(grid), at = MV.views.length;
    MV.views.push(view);
    MV.listen(view);
    view.box.addEventListener("dragover", function (event) { event.preventDefault(); });
    view.box.addEventListener("drop", function (event) {
      event.preventDefault();
      var place = MV.places[Number(event.dataTransfer.getData("text/plain"))];
      if (place) { MV.put(place, view); }
    });
    if (MV.places[at]) { view.show(MV.places[at]); }
  }

  /* One view alone, and the layout from before again. */
  MV.solo = function (view) {
    if (count === 1) {
      if (before > 1) { MV.layout(before); }
      return;
    }
    before = count;
    MV.views.splice(MV.views.indexOf(view), 1);
    MV.views.unshift(view);
    MV.layout(1);
  };

  /* A page of the disc may ask for a series by its number: VIEWER.HTM#3. */
  function asked() {
    var number = Number(location.hash.slice(1));
    var place = MV.places.filter(function (one) { return one.series.n === number; })[0];
    if (place) { MV.put(place, MV.active); }
  }

  function start() {
    var app = document.getElementById("app");
    if (!MV.listing) {
      MV.make("p", "fatal", app).textContent =
        "The list of images cannot be read. Is the disc complete?";
      return;
    }
    var first = MV.listing.patients[0];
    document.title = first ? first.name + " – Images" : "Images";
    MV.bar(app);
    var body = MV.make("div", "body", app);
    MV.list(body);
    grid = MV.make("main", "views", body);
    MV.parts.views = grid;
    MV.side(body);
    MV.parts.app = app;
    MV.choose("window");
    MV.layout(1);
    MV.activate(MV.views[0]);
    asked();
    window.addEventListener("hashchange", asked);
    if (!MV.places.length) { MV.views[0].say("The disc holds no images."); }
    document.addEventListener("keydown", MV.keys);
    window.addEventListener("resize", function () {
      MV.views.forEach(function (view) { view.resize(); });
    });
  }

  MV.listed().then(start);
})(window.MV = window.MV || {});
