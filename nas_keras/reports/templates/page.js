"use strict";
// Puts the page together: the table, the drawings, the charts, and their colours.

{
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("data");
  const byKey = Object.fromEntries(data.columns.map((column) => [column.key, column]));
  let source = null; // the points of the charts, one for each row
  let current = null; // the row that is shown

  const draw = (place, text, choices) => place.replaceChildren(choices ? drawChoices(choices) : drawCell(text));

  const choicesOf = (row) => data.actions
    && data.decisions.map(([name, choices], i) => [name, choices[data.actions[row][i]]]);

  const show = (row) => {
    current = row;
    document.getElementById("selected-name").textContent = byKey.name.values[row];
    draw(document.getElementById("selected-drawing"), (data.cells || byKey.name.values)[row], choicesOf(row));
    if (source && source.selected.indices[0] !== row) source.selected.indices = [row];
  };

  const winner = read("winner-data");
  if (winner) draw(document.getElementById("winner-drawing"), winner.cell, winner.cell ? null : winner.choices);
  if (byKey.name) {
    const table = makeTable(data, show);
    if (table.first() !== undefined) show(table.first());
    window.addEventListener("load", () => setTimeout(() => start(table)));
  }

  /** Draws the charts once the table can be used. */
  function start(table) {
    const charts = read("charts");
    if (!charts.names || typeof Bokeh === "undefined") return;
    Bokeh.set_log_level("error");
    Bokeh.embed.embed_items(charts.documents, [charts.item]).then(() => {
      const document_ = Bokeh.documents[0];
      const figures = charts.names.map((name, i) => [name, document_.roots()[i]]);
      source = document_.get_model_by_name("rows");
      if (source) {
        source.data.name = byKey.name.values;
        source.data.quality = byKey.quality.values;
        source.selected.change.connect(() => {
          const [row] = source.selected.indices;
          if (row !== undefined && row !== current) table.pick(row, true);
        });
      }
      figures.forEach(([name, figure]) => addAxes(name, figure));
      const paint = () => figures.forEach(([, figure]) => colour(figure));
      /** On paper all is light, and narrower. The browser waits for no drawing, so it gets copies of the charts. */
      const print = async (begins) => {
        document.documentElement.toggleAttribute("data-print", begins);
        paint();
        figures.forEach(([, figure]) => figure.setv(begins ? { sizing_mode: "fixed", width: 640 } : { sizing_mode: "stretch_width" }));
        for (let i = 0; i < 50; i += 1) await null; // until Bokeh has taken over what has changed
        figures.forEach(([name, figure]) => {
          const view = Bokeh.index.get_one(figure);
          view.invalidate_layout();
          const place = document.getElementById(`chart-${name}`);
          place.querySelectorAll(":scope > canvas").forEach((copy) => copy.remove());
          if (begins) place.append(view.export("png").canvas);
        });
      };
      paint();
      window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
      window.addEventListener("beforeprint", () => print(true));
      window.addEventListener("afterprint", () => print(false));
      document.documentElement.dataset.charts = "ready";
    });
  }

  /** Buttons for the quantities that the horizontal axis of a chart can show. */
  function addAxes(name, figure) {
    const place = document.querySelector(`[data-chart="${name}"]`);
    const axes = name === "progress" ? [["number", "evaluations"], ["hours", "hours of training"]]
      : name === "costs" ? data.columns.filter((column) => column.key in data.fronts).map((column) => [column.key, column.label])
      : [];
    const known = axes.filter(([key]) => key === "number" || (source && key in source.data));
    if (known.length < 2) return;
    known.forEach(([key, label], i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-pressed", String(i === 0));
      button.addEventListener("click", () => {
        [...place.children].forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
        figure.renderers.forEach((renderer) => {
          const only = renderer.glyph.tags.find((tag) => String(tag).startsWith("only-"));
          if (only) renderer.visible = only === `only-${key}`;
          else renderer.glyph.x = { field: key };
        });
        figure.below[0].axis_label = label;
      });
      place.append(button);
    });
  }

  /** Gives a figure the colours of the style sheet. */
  function colour(figure) {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(`--${name}`).trim();
    const set = (model, names, value) => names.forEach((name) => { if (name in model.attributes) model[name] = value; });
    [...figure.below, ...figure.left, ...figure.center, ...figure.right, ...figure.above].forEach((part) => {
      set(part, ["major_label_text_color", "axis_label_text_color", "label_text_color"], get("muted"));
      set(part, ["axis_line_color", "major_tick_line_color", "minor_tick_line_color", "grid_line_color"], get("line"));
      set(part, ["background_fill_color", "border_line_color"], null);
    });
    figure.renderers.forEach((renderer) => {
      const mapper = renderer.glyph.color_mapper;
      if (mapper) {
        const accent = get("accent");
        mapper.palette = Array.from({ length: 16 }, (_, i) => `${accent}${(i * 17).toString(16).padStart(2, "0")}`);
      }
      const tag = renderer.glyph.tags.find((name) => /^(series-\d|muted|ink)/.test(name));
      if (!tag) return;
      const value = get(tag.replace(/series-(\d+)/, (_, number) => `series-${number % 6}`));
      [renderer.glyph, renderer.nonselection_glyph, renderer.muted_glyph].forEach((glyph) => {
        if (glyph && glyph.attributes) set(glyph, ["line_color", "fill_color"], value);
      });
      if (renderer.glyph.tags.includes("points") && renderer.selection_glyph) {
        set(renderer.selection_glyph, ["fill_color"], value);
        set(renderer.selection_glyph, ["line_color"], get("ink"));
      }
    });
  }
}
