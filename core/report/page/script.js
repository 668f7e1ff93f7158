// A cross-hair over the charts: the values at the pointer's place, with the place marked in every chart of the same axis.
// In the maps, the class under the pointer or the focus is lifted out of all of them; a click on its name keeps it so.
(function () {
  "use strict";
  var svgNS = "http://www.w3.org/2000/svg", tip = document.getElementById("tip");
  var charts = Array.from(document.querySelectorAll("svg[data-chart]")).map(function (svg) {
    var data = JSON.parse(svg.dataset.chart), cursor = document.createElementNS(svgNS, "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", data.f[2]);
    cursor.setAttribute("y2", data.f[3]);
    cursor.style.display = "none";
    svg.appendChild(cursor);
    return { svg: svg, data: data, cursor: cursor, left: data.f[0], right: data.f[1], width: data.f[4] };
  });

  function nearest(xs, x) {
    var lo = 0, hi = xs.length - 1;
    while (hi - lo > 1) {
      var mid = (lo + hi) >> 1;
      if (xs[mid] < x) lo = mid; else hi = mid;
    }
    return Math.abs(xs[lo] - x) < Math.abs(xs[hi] - x) ? lo : hi;
  }

  function mark(axis, x) {
    charts.forEach(function (c) {
      var inside = axis === c.data.x && x >= c.data.lo && x <= c.data.hi;
      c.cursor.style.display = inside ? "" : "none";
      if (!inside) return;
      var at = c.left + (x - c.data.lo) / (c.data.hi - c.data.lo) * (c.right - c.left);
      c.cursor.setAttribute("x1", at);
      c.cursor.setAttribute("x2", at);
    });
  }

  function row(name, value, run) {
    var div = document.createElement("div"), swatch = document.createElement("i"), figure = document.createElement("span");
    swatch.className = "swatch run" + run;
    figure.textContent = value;
    div.append(swatch, name, figure);
    return div;
  }

  charts.forEach(function (c) {
    c.svg.addEventListener("pointermove", function (e) {
      var box = c.svg.getBoundingClientRect(), at = (e.clientX - box.left) / box.width * c.width;
      if (at < c.left || at > c.right) return hide();
      var x = c.data.lo + (at - c.left) / (c.right - c.left) * (c.data.hi - c.data.lo), snapped = null, rows = [];
      c.data.s.forEach(function (s) {
        var i = nearest(s.x, x);
        if (snapped === null) snapped = s.x[i];
        if (s.y[i]) rows.push(row(s.n, s.y[i][1], s.r));
      });
      var head = document.createElement("b");
      head.textContent = c.data.x + " " + Math.round(snapped).toLocaleString("en");
      tip.replaceChildren(head);
      rows.forEach(function (r) { tip.append(r); });
      tip.hidden = false;
      tip.style.left = Math.min(e.clientX + 16, innerWidth - tip.offsetWidth - 8) + "px";
      tip.style.top = Math.min(e.clientY + 16, innerHeight - tip.offsetHeight - 8) + "px";
      mark(c.data.x, snapped);
    });
    c.svg.addEventListener("pointerleave", hide);
  });

  function hide() {
    tip.hidden = true;
    mark(null, 0);
  }

  document.querySelectorAll(".planes").forEach(function (planes) {
    var kept = null, all = planes.querySelectorAll("[data-class]");
    function lift(name) {
      planes.classList.toggle("lifted", name !== null);
      all.forEach(function (e) { e.classList.toggle("lift", e.dataset.class === name); });
    }
    function back() { tip.hidden = true; lift(kept); }
    all.forEach(function (e) {
      var name = e.dataset.class, title = e.querySelector("title");
      if (title) title.remove(); // the tip says it at once
      e.addEventListener("pointerenter", function () { lift(name); });
      e.addEventListener("pointerleave", back);
      e.addEventListener("focus", function () { lift(name); });
      e.addEventListener("blur", back);
      if (e.matches("g")) e.addEventListener("pointermove", function (at) {
        tip.textContent = e.getAttribute("aria-label");
        tip.hidden = false;
        tip.style.left = Math.min(at.clientX + 16, innerWidth - tip.offsetWidth - 8) + "px";
        tip.style.top = Math.min(at.clientY + 16, innerHeight - tip.offsetHeight - 8) + "px";
      });
      if (!e.matches(".key")) return;
      e.tabIndex = 0;
      e.setAttribute("role", "button");
      e.setAttribute("aria-pressed", "false");
      function keep() {
        kept = kept === name ? null : name;
        planes.querySelectorAll(".key").forEach(function (k) { k.setAttribute("aria-pressed", String(k.dataset.class === kept)); });
        lift(kept);
      }
      e.addEventListener("click", keep);
      e.addEventListener("keydown", function (k) { if (k.key === "Enter" || k.key === " ") { k.preventDefault(); keep(); } });
    });
  });
})();
