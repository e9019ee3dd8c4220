"use strict";

// Charts: each is drawn from the JSON that stands beside it. Beside a legend of names, little of a
// narrow page would be left, so there it stands above.
const NARROW = 700;
const charts = [...document.querySelectorAll(".chart")].map((figure) => ({
  place: figure.querySelector(".plot"),
  ...JSON.parse(figure.querySelector("script").textContent),
}));

function shape(chart) {
  const names = chart.data.filter((line) => line.showlegend !== false).length;
  const narrow = chart.place.clientWidth < NARROW;
  const above = { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" };
  const beside = { orientation: "v", x: 1.02, xanchor: "left", y: 1, yanchor: "top" };
  return {
    showlegend: names > 1,
    legend: narrow ? above : beside,
    // A finger that moves over a chart moves the page.
    dragmode: narrow ? false : "zoom",
    height: narrow ? 340 + 24 * names : Math.max(420, 60 + 22 * names),
  };
}

function draw(chart) {
  const layout = { ...chart.layout, ...shape(chart) };
  Plotly.react(chart.place, chart.data, layout, { responsive: true, displayModeBar: false });
}

charts.forEach(draw);

let lastWidth = innerWidth;
addEventListener("resize", () => {
  if ((lastWidth < NARROW) !== (innerWidth < NARROW)) {
    charts.forEach(draw);
  }
  lastWidth = innerWidth;
});

// Tables: a click on a column's name sorts by it, another one the other way round.
function sortBy(header) {
  const table = header.closest("table");
  const column = [...header.parentNode.children].indexOf(header);
  const descending = header.getAttribute("aria-sort") === "ascending";
  const value = (row) => {
    const cell = row.children[column];
    const order = cell.dataset.order;
    return order === undefined ? cell.textContent : { inf: Infinity }[order] ?? Number(order);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? (a > b) - (a < b) || Number.isNaN(a) - Number.isNaN(b)
      : String(a).localeCompare(String(b), "en", { numeric: true });
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => compare(value(a), value(b)) * (descending ? -1 : 1));
  table.tBodies[0].append(...rows);
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
}

document
  .querySelectorAll("th button")
  .forEach((button) => button.addEventListener("click", () => sortBy(button.parentNode)));
