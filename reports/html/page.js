// SPDX-License-Identifier: Apache-2.0
"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const { config, charts } = read("charts");
const views = {};

// Draws one variant of a chart; `data-drawn` tells when it stands.
async function draw(name, variant) {
  const place = document.getElementById(`chart-${name}`);
  views[name]?.finalize();
  views[name] = await vegaEmbed(place, charts[name][variant], {
    config, actions: false, renderer: "svg", defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
  place.dataset.drawn = variant || "only";
}

function press(group, chosen) {
  for (const button of group.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
}

for (const group of document.querySelectorAll(".tabs")) {
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    press(group, button);
    draw(group.dataset.chart, button.dataset.variant);
  });
}

document.getElementById("legend")?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const shown = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!shown));
  const hidden = [...event.currentTarget.querySelectorAll('[aria-pressed="false"]')];
  views.latency.view.signal("hidden", hidden.map((each) => each.dataset.design)).runAsync();
});

function sortBy(table, column, heading) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const value = (row) => {
    const text = row.cells[column].dataset.value;
    return text === "" ? Infinity : Number(text);
  };
  const rows = [...table.tBodies[0].rows].sort((a, b) => value(a) - value(b));
  table.tBodies[0].append(...(descending ? rows.reverse() : rows));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => sortBy(table, column, heading));
  });
}

const download = document.getElementById("download");
const result = document.getElementById("result");
const type = result.dataset.type ?? "application/json";
// A text of another type stands in the page as one JSON string.
const text = type === "application/json" ? result.textContent : JSON.parse(result.textContent);
download.href = URL.createObjectURL(new Blob([text], { type }));

// On paper nothing can be unfolded.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const part of unfolded) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of unfolded) part.open = false;
});

for (const [name, variants] of Object.entries(charts)) draw(name, Object.keys(variants)[0]);
