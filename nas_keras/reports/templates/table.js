"use strict";
// The table of all rows. They are sorted and searched as arrays; only one page of them becomes elements.

const PAGE = 25;

/** Makes the table: onPick is called with the number of the row that a user picks. Returns pick(row). */
function makeTable(data, onPick) {
  const find = (id) => document.getElementById(id);
  const columns = data.columns;
  const byKey = Object.fromEntries(columns.map((column) => [column.key, column]));
  const count = byKey.name.values.length;
  const texts = Array.from({ length: count }, (_, i) =>
    columns.filter((column) => column.digits === null).map((column) => column.values[i]).join("\n").toLowerCase());
  const filters = { "": null };
  const addFilter = (label, rows) => {
    if (!rows.length) return;
    filters[label] = new Set(rows);
    find("filter").add(new Option(`${label} (${rows.length.toLocaleString("en")})`, label));
  };
  if (byKey.status) {
    addFilter("failed", [...Array(count).keys()].filter((i) => byKey.status.values[i] !== "ok"));
  }
  Object.entries(data.fronts).forEach(([cost, rows]) => addFilter(`Pareto front: ${byKey[cost].label}`, rows));
  const state = { sort: byKey[data.quality] ? data.quality : "number", down: Boolean(byKey[data.quality]), page: 0, row: null };
  let shown = [];

  function compute() {
    const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = filters[find("filter").value];
    shown = [];
    for (let i = 0; i < count; i += 1) {
      if ((!kept || kept.has(i)) && words.every((word) => texts[i].includes(word))) shown.push(i);
    }
    const { values, digits } = byKey[state.sort];
    const sign = state.down ? -1 : 1;
    const missing = (i) => values[i] === null; // last, whatever the direction
    const compare = digits === null
      ? (a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0)
      : (a, b) => values[a] - values[b];
    shown.sort((a, b) => missing(a) - missing(b) || (missing(a) ? a - b : sign * compare(a, b) || a - b));
  }

  function show() {
    const body = document.createElement("tbody");
    shown.slice(state.page * PAGE, (state.page + 1) * PAGE).forEach((i) => {
      const row = body.insertRow();
      row.className = i === state.row ? "selected" : "";
      columns.forEach((column) => {
        const cell = row.insertCell();
        const value = column.values[i];
        if (column.digits !== null) {
          cell.className = "number";
          cell.textContent = value === null ? "–"
            : value.toLocaleString("en", { minimumFractionDigits: column.digits === 2 ? 2 : 0, maximumFractionDigits: column.digits });
        } else if (column.key === "name") {
          const button = document.createElement("button");
          button.type = "button";
          button.textContent = value;
          button.setAttribute("aria-pressed", String(i === state.row));
          button.addEventListener("click", () => pick(i));
          cell.append(button);
        } else cell.textContent = value;
      });
    });
    find("trials").tBodies[0].replaceWith(body);
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    find("count").textContent = `${shown.length.toLocaleString("en")} of ${count.toLocaleString("en")}`;
    find("place").textContent = `Page ${state.page + 1} of ${pages.toLocaleString("en")}`;
    find("previous").disabled = state.page === 0;
    find("next").disabled = state.page >= pages - 1;
    [...find("trials").tHead.rows[0].cells].forEach((cell, number) => {
      if (columns[number].key === state.sort) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
  }

  function renew() {
    compute();
    state.page = 0;
    show();
  }

  function pick(row, move) {
    state.row = row;
    const place = shown.indexOf(row);
    if (move && place >= 0) state.page = Math.floor(place / PAGE);
    show();
    const pressed = find("trials").querySelector("button[aria-pressed=true]");
    if (!move && pressed) pressed.focus(); // the table was made anew
    onPick(row);
  }

  const head = find("trials").tHead.insertRow();
  columns.forEach((column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = column.digits === null ? "" : "number";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.label;
    button.addEventListener("click", () => {
      const first = column.digits !== null && column.key !== "number"; // of numbers, the largest first
      state.down = state.sort === column.key ? !state.down : first;
      state.sort = column.key;
      renew();
    });
    cell.append(button);
    head.append(cell);
  });
  find("search").addEventListener("input", renew);
  find("filter").addEventListener("change", renew);
  find("previous").addEventListener("click", () => { state.page -= 1; show(); });
  find("next").addEventListener("click", () => { state.page += 1; show(); });
  renew();
  return { pick, first: () => shown[0] };
}
