"use strict";
// The receptive field of a pixel, as danet_jax/figures/field.py computes it.

const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = { learned: [255, 138, 20], plain: [0, 170, 255] };
const OPACITY = 0.75; // of a dot of full weight, in a field of up to 729
const byId = (id) => document.getElementById(id);
const state = { x: 0, y: 0, held: false, show: "learned", under: "restored", depth: data.layers.length };
const pictures = {};

/** Offsets and masks of a layer from what compact.py packed. */
async function unpack(layer) {
  const packed = Uint8Array.from(atob(layer.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  const size = layer.rows * layer.columns;
  layer.offsets = new Int8Array(bytes, 0, 18 * size);
  layer.mask = Float32Array.from(
    new Uint8Array(bytes, 18 * size), (level) => Math.exp(16 * (level / 255 - 1)));
}

/** Four cells around a place of a layer, and their bilinear weights. */
function cellsAt(layer, y, x) {
  const place = (at, count) => {
    const grid = (at - (layer.stride - 1) / 2) / layer.stride;
    const inside = Math.min(Math.max(grid, 0), count - 1);
    const first = Math.min(Math.floor(inside), Math.max(count - 2, 0));
    return [first, Math.min(first + 1, count - 1), inside - first];
  };
  const [top, bottom, low] = place(y, layer.rows);
  const [left, right, far] = place(x, layer.columns);
  const cell = (row, column) => row * layer.columns + column;
  return [
    [cell(top, left), (1 - low) * (1 - far)],
    [cell(top, right), (1 - low) * far],
    [cell(bottom, left), low * (1 - far)],
    [cell(bottom, right), low * far],
  ];
}

/** Walks back from a pixel: rows of [y, x, weight] in pixels of the image. */
function walk(y, x, learned) {
  let paths = [[y, x, 1]];
  for (const layer of data.layers.slice(-state.depth).reverse()) {
    const pixel = 2 ** layer.scale;
    const size = layer.rows * layer.columns;
    const next = [];
    for (const [pathY, pathX, weight] of paths) {
      const atY = (pathY + 0.5) / pixel - 0.5;
      const atX = (pathX + 0.5) / pixel - 0.5;
      if (Math.min(atY, atX) < -0.5 || atY > layer.height - 0.5 || atX > layer.width - 0.5) continue;
      const cells = learned ? cellsAt(layer, atY, atX) : [];
      const read = (values, plane) =>
        cells.reduce((sum, [cell, share]) => sum + share * values[plane * size + cell], 0);
      for (let tap = 0; tap < 9; tap++) {
        const dy = Math.floor(tap / 3) - 1 + layer.unit * read(layer.offsets, 2 * tap);
        const dx = (tap % 3) - 1 + layer.unit * read(layer.offsets, 2 * tap + 1);
        const mask = learned ? read(layer.mask, tap) : 1;
        next.push([
          pixel * (atY + dy + 0.5) - 0.5,
          pixel * (atX + dx + 0.5) - 0.5,
          weight * mask,
        ]);
      }
    }
    paths = next;
  }
  return paths;
}

/** Count, weighted mean and spread of the locations in the image. */
function extent(field) {
  const inside = field.filter(([y, x]) =>
    y >= -0.5 && x >= -0.5 && y <= data.height - 0.5 && x <= data.width - 0.5);
  const total = inside.reduce((sum, [, , weight]) => sum + weight, 0);
  const mean = (value) => inside.reduce((sum, at) => sum + at[2] * value(at), 0) / total;
  const y = mean((at) => at[0]);
  const x = mean((at) => at[1]);
  const spread = Math.sqrt(mean((at) => (at[0] - y) ** 2 + (at[1] - x) ** 2));
  return { count: inside.length, y, x, spread };
}

/** Draws a part of the image with its dots: view is {top, left, span} in its pixels. */
function draw(canvas, view, fields) {
  const width = canvas.clientWidth * devicePixelRatio;
  canvas.width = Math.round(width);
  canvas.height = Math.round((width * view.rows) / view.columns);
  const zoom = canvas.width / view.columns;
  const pen = canvas.getContext("2d");
  const toX = (x) => (x - view.left + 0.5) * zoom;
  const toY = (y) => (y - view.top + 0.5) * zoom;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(pictures[state.under], -view.left * zoom, -view.top * zoom,
    data.width * zoom, data.height * zoom);
  pen.fillStyle = "rgb(0 0 0 / 0.35)";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const radius = Math.max(1.8 * devicePixelRatio, Math.min(0.5 * zoom, 3.4 * devicePixelRatio));
  for (const [name, field] of fields) drawDots(pen, field, toY, toX, radius, COLOURS[name]);
  drawCross(pen, toX(state.x), toY(state.y), 3 * radius);
}

function drawDots(pen, field, toY, toX, radius, [red, green, blue]) {
  const most = field.reduce((high, at) => Math.max(high, at[2]), 1e-30);
  const full = OPACITY / 3 ** Math.max(state.depth - 3, 0);
  for (const [grow, colour, strength] of [
    [1.2 * devicePixelRatio, "0 0 0", 0.5],
    [0, `${red} ${green} ${blue}`, 1],
  ]) {
    for (const [y, x, weight] of field) {
      const opacity = full * (weight / most) ** (1 / state.depth);
      pen.fillStyle = `rgb(${colour} / ${strength * opacity})`;
      pen.beginPath();
      pen.arc(toX(x), toY(y), radius + grow, 0, 2 * Math.PI);
      pen.fill();
    }
  }
}

function drawCross(pen, x, y, size) {
  for (const [colour, thick] of [["#000", 4], ["#fff", 1.8]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = thick * devicePixelRatio;
    pen.lineCap = "round";
    pen.beginPath();
    for (const way of [-1, 1]) {
      pen.moveTo(x + way * size * 0.5, y);
      pen.lineTo(x + way * size * 1.2, y);
      pen.moveTo(x, y + way * size * 0.5);
      pen.lineTo(x, y + way * size * 1.2);
    }
    pen.stroke();
  }
}

/** The square around the point that the lens shows, inside the image. */
function lensView(fields) {
  const far = fields.flatMap(([, field]) =>
    field.map(([y, x]) => Math.max(Math.abs(y - state.y), Math.abs(x - state.x))));
  far.sort((a, b) => a - b);
  const wanted = 2 * Math.ceil(far[Math.floor(0.98 * (far.length - 1))] ?? 1) + 5;
  const span = Math.min(Math.max(wanted, 25), data.width, data.height);
  const start = (at, size) => Math.min(Math.max(at - Math.floor(span / 2), 0), size - span);
  return { top: start(state.y, data.height), left: start(state.x, data.width), rows: span, columns: span };
}

function tell(name, field, of) {
  const { count, y, x, spread } = extent(field);
  const along = (value, back, ahead) =>
    `${Math.abs(value).toFixed(1)} ${value < 0 ? back : ahead}`;
  byId(name).textContent = Number.isFinite(spread)
    ? `${count} of ${of} places in the image, spread ${spread.toFixed(1)} px, ` +
      `moved ${along(x - state.x, "left", "right")}, ${along(y - state.y, "up", "down")}`
    : "no place in the image counts";
  return { count, y, x, spread };
}

function show() {
  const { x, y } = state;
  const all = { plain: walk(y, x, false), learned: walk(y, x, true) };
  const fields = Object.entries(all).filter(([name]) => state.show === "both" || state.show === name);
  draw(byId("image"), { top: 0, left: 0, rows: data.height, columns: data.width }, fields);
  draw(byId("lens"), lensView(fields), fields);
  byId("place").textContent = `Pixel ${x}, ${y}${state.held ? " (held)" : ""}`;
  const of = 9 ** state.depth;
  tell("plain", all.plain, of);
  const learned = tell("learned", all.learned, of);
  const names = data.layers.slice(-state.depth).map((layer) => layer.name);
  byId("depth-text").textContent = `${state.depth}: ${names.join("; ")}`;
  // For tests, which read the page's text: what was drawn.
  Object.assign(document.documentElement.dataset, {
    x, y, drawn: all.learned.length, inside: learned.count,
    meanX: learned.x.toFixed(4), meanY: learned.y.toFixed(4), spread: learned.spread.toFixed(4),
  });
}

let waiting = false;
function showSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    show();
  });
}

function moveTo(x, y, held) {
  state.x = Math.min(Math.max(Math.round(x), 0), data.width - 1);
  state.y = Math.min(Math.max(Math.round(y), 0), data.height - 1);
  state.held = held;
  showSoon();
}

function moveToEvent(event, held) {
  const box = byId("image").getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * data.width - 0.5;
  const y = ((event.clientY - box.top) / box.height) * data.height - 0.5;
  moveTo(x, y, held);
}

function listen() {
  const canvas = byId("image");
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || !state.held) moveToEvent(event, state.held);
  });
  canvas.addEventListener("click", (event) => {
    moveToEvent(event, event.pointerType === "mouse" ? !state.held : true);
  });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Escape") moveTo(state.x, state.y, false);
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [dx, dy] = steps[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
    moveTo(state.x + dx, state.y + dy, true);
  });
  for (const input of document.querySelectorAll("input[type=radio]")) {
    input.addEventListener("change", () => {
      state[input.name] = input.value;
      showSoon();
    });
  }
  byId("depth").addEventListener("input", (event) => {
    state.depth = Number(event.target.value);
    showSoon();
  });
  addEventListener("resize", showSoon);
  addEventListener("hashchange", moveToFragment);
}

/** #x=12,y=30 chooses a pixel. */
function moveToFragment() {
  const match = /^#x=(\d+),y=(\d+)$/.exec(location.hash);
  if (match) moveTo(Number(match[1]), Number(match[2]), true);
}

function addPoints() {
  for (const { label, x, y } of data.points) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => moveTo(x, y, true));
    byId("points").append(button);
  }
}

async function start() {
  for (const name of ["input", "restored"]) {
    pictures[name] = new Image();
    pictures[name].src = data[name];
    await pictures[name].decode();
  }
  await Promise.all(data.layers.map(unpack));
  byId("depth").max = byId("depth").value = data.layers.length;
  addPoints();
  listen();
  [{ x: state.x, y: state.y }] = data.points;
  moveToFragment();
  show();
  document.documentElement.dataset.state = "ready";
}

start().catch((error) => {
  byId("help").textContent = `This browser cannot show the page: ${error.message}`;
});
