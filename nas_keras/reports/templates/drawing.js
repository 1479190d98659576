"use strict";
// Draws a cell from its text, such as add(conv_3x3[conv_3x3],identity), as a graph from the input at the top to the output at the bottom.

/** Reads the text of a cell: {combiner, trees}, each tree {name, readers}. */
function readCell(text) {
  let at = 0;
  const list = (end) => {
    const trees = [];
    while (at < text.length && text[at] !== end) {
      const start = at;
      while (at < text.length && !"[](),".includes(text[at])) at += 1;
      const tree = { name: text.slice(start, at), readers: [] };
      if (text[at] === "[") {
        at += 1;
        tree.readers = list("]");
        at += 1;
      }
      trees.push(tree);
      if (text[at] === ",") at += 1;
      else if (at === start) at += 1; // not a cell's text: never stand still
    }
    return trees;
  };
  const combined = /^(concat|add)\(/.exec(text);
  if (!combined) return { combiner: null, trees: list("") };
  at = combined[0].length;
  return { combiner: combined[1], trees: list(")") };
}

/** Places the nodes of a cell in columns (x) and layers (y): {nodes: [{name, x, y}], edges: [[from, to]], columns, layers}. */
function placeCell(cell) {
  const nodes = [{ name: "input", x: 0, y: 0 }];
  const edges = [];
  const ends = [];
  let columns = 0;
  const place = (tree, from, y) => {
    const index = nodes.push({ name: tree.name, x: 0, y }) - 1;
    edges.push([from, index]);
    const places = tree.readers.map((reader) => place(reader, index, y + 1));
    if (!places.length) {
      ends.push(index);
      places.push(columns);
      columns += 1;
    }
    nodes[index].x = (places[0] + places[places.length - 1]) / 2;
    return nodes[index].x;
  };
  const places = cell.trees.map((tree) => place(tree, 0, 1));
  nodes[0].x = (places[0] + places[places.length - 1]) / 2;
  let y = Math.max(...nodes.map((node) => node.y)) + 1;
  let last = ends[0];
  if (cell.combiner) {
    last = nodes.push({ name: cell.combiner, x: (columns - 1) / 2, y }) - 1;
    ends.forEach((end) => edges.push([end, last]));
    y += 1;
  }
  edges.push([last, nodes.push({ name: "output", x: nodes[last].x, y }) - 1]);
  return { nodes, edges, columns, layers: y + 1 };
}

/** Returns the drawing of a cell as an SVG element. */
function drawCell(text) {
  const make = (name, attributes, parent) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (parent) parent.append(element);
    return element;
  };
  const { nodes, edges, columns, layers } = placeCell(readCell(text));
  const [width, high] = [Math.max(...nodes.map((node) => node.name.length)) * 7.3 + 18, 26];
  const [step, down] = [width + 16, 50];
  const size = [(columns - 1) * step + width + 4, (layers - 1) * down + high + 4];
  const svg = make("svg", { viewBox: `0 0 ${size[0]} ${size[1]}`, role: "img", "aria-label": `The cell ${text}` });
  svg.style.maxWidth = `${size[0]}px`;
  const center = (node) => [node.x * step + width / 2 + 2, node.y * down + high / 2 + 2];
  edges.forEach(([from, to]) => {
    const [x1, y1] = center(nodes[from]);
    const [x2, y2] = center(nodes[to]);
    const [a, b] = [y1 + high / 2, y2 - high / 2];
    const bend = (down - high) * 0.6; // an edge across layers bends only at its ends
    make("path", { class: "edge", d: `M${x1} ${a}C${x1} ${a + bend} ${x2} ${b - bend} ${x2} ${b}` }, svg);
  });
  nodes.forEach((node) => {
    const [x, y] = center(node);
    const isEnd = node.name === "input" || node.name === "output";
    const kind = isEnd ? "end" : /^(max|avg)/.test(node.name) ? "pool" : /^(identity|concat|add)$/.test(node.name) ? node.name : "weights";
    const group = make("g", { class: kind }, svg);
    make("rect", { x: x - width / 2, y: y - high / 2, width, height: high, rx: 6 }, group);
    make("text", { x, y }, group).textContent = node.name;
  });
  return svg;
}

/** Returns the choices of an architecture without a cell, [[decision, choice]], as a table. */
function drawChoices(choices) {
  const table = document.createElement("table");
  choices.forEach(([name, choice]) => {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    row.insertCell().textContent = choice;
  });
  return table;
}
