"use strict";
(() => {
  const stage = document.getElementById("stage");
  const svg = stage.querySelector("svg");
  const facts = document.getElementById("facts");
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const boxes = new Map(JSON.parse(document.getElementById("data").textContent).boxes.map((box) => [box.name, box]));
  const nodes = new Map([...svg.querySelectorAll(".ab-node")].map((node) => [node.dataset.name, node]));
  const arrows = [...svg.querySelectorAll(".ab-arrow")];
  const whole = svg.viewBox.baseVal;
  const size = { width: whole.width, height: whole.height };
  let view = { x: 0, y: 0, width: size.width, height: size.height };
  let chosen = null;

  svg.removeAttribute("width");
  svg.removeAttribute("height");
  svg.setAttribute("preserveAspectRatio", "xMidYMin meet");

  function show() {
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  function scale() {
    const frame = stage.getBoundingClientRect();
    return Math.min(frame.width / view.width, frame.height / view.height) || 1;
  }

  function fit() {
    const frame = stage.getBoundingClientRect();
    const wide = Math.max(size.width, Math.min(frame.width, size.width * 4));
    view = { x: (size.width - wide) / 2, y: 0, width: wide, height: size.height };
    if (frame.width && size.width / size.height < frame.width / frame.height / 2.5) {
      const width = Math.max(size.width, frame.width / 1.15); // a tall picture begins at its top, large enough to read
      view = { x: (size.width - width) / 2, y: 0, width, height: (width * frame.height) / frame.width };
    }
    show();
  }

  function zoom(factor, x = view.x + view.width / 2, y = view.y + view.height / 2) {
    const limited = Math.min(Math.max(view.width / factor, 60), size.width * 8 + 2000);
    const ratio = limited / view.width;
    view = { x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio, width: limited, height: view.height * ratio };
    show();
  }

  function move(x, y) {
    view.x += x / scale();
    view.y += y / scale();
    show();
  }

  function point(event) {
    const matrix = svg.getScreenCTM().inverse();
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
  }

  function reveal(node) {
    const box = node.getBBox();
    const group = node.parentNode.transform.baseVal;
    const shift = group.numberOfItems ? group.getItem(0).matrix : { e: 0, f: 0 };
    const x = box.x + shift.e + box.width / 2;
    const y = box.y + shift.f + box.height / 2;
    const inside = x > view.x && x < view.x + view.width && y > view.y && y < view.y + view.height;
    if (!inside || scale() < 0.45) {
      const frame = stage.getBoundingClientRect();
      if (scale() < 0.45) {
        view.width = frame.width;
        view.height = frame.height;
      }
      view.x = x - view.width / 2;
      view.y = y - view.height / 2;
      show();
    }
  }

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function describe(box) {
    facts.replaceChildren(element("h2", box.name));
    const type = element("p");
    type.append(element("code", box.type));
    facts.append(type, element("p", box.roles.join(", ")));
    if (box.doc) facts.append(element("p", box.doc, "doc"));
    const list = element("dl");
    const add = (term, text) => {
      if (text) list.append(element("dt", term), element("dd", text));
    };
    add("for each", box.axes.join(" × "));
    add("reads", box.reads.join(", "));
    for (const line of box.lines) add("run", line);
    for (const [name, value] of Object.entries(box.tags)) add(`tag ${name}`, value);
    add("written in", box.origin);
    facts.append(list);
    facts.hidden = false;
  }

  function choose(name) {
    if (chosen) nodes.get(chosen).classList.remove("chosen");
    chosen = chosen === name ? null : name;
    if (chosen) {
      nodes.get(chosen).classList.add("chosen");
      describe(boxes.get(chosen));
    } else {
      facts.hidden = true;
    }
    light(chosen ? new Set([chosen]) : null);
  }

  function light(names) {
    const near = names && new Set(names);
    for (const arrow of arrows) {
      const touches = !names || names.has(arrow.dataset.from) || names.has(arrow.dataset.to);
      arrow.classList.toggle("faded", !touches);
      if (near && touches) near.add(arrow.dataset.from).add(arrow.dataset.to);
    }
    for (const [name, node] of nodes) node.classList.toggle("faded", Boolean(near) && !near.has(name));
  }

  function search() {
    const wanted = find.value.trim().toLowerCase();
    if (!wanted) {
      found.textContent = "";
      light(chosen ? new Set([chosen]) : null);
      return;
    }
    const hits = [...boxes.values()].filter((box) =>
      [box.name, box.type, box.doc, ...Object.keys(box.tags), ...Object.values(box.tags)].some((text) => text.toLowerCase().includes(wanted)),
    );
    const names = new Set(hits.map((box) => box.name));
    found.textContent = `${hits.length} found`;
    for (const arrow of arrows) arrow.classList.add("faded");
    for (const [name, node] of nodes) node.classList.toggle("faded", !names.has(name));
    if (hits.length) reveal(nodes.get(hits[0].name));
  }

  for (const [name, node] of nodes) {
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", `${name}, ${boxes.get(name).type}, ${boxes.get(name).roles.join(", ")}`);
    node.addEventListener("focus", () => node.matches(":focus-visible") && reveal(node));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        event.stopPropagation();
        choose(name);
      }
    });
  }

  let start = null;
  stage.addEventListener("pointerdown", (event) => {
    start = { x: event.clientX, y: event.clientY, moved: false, node: event.target.closest(".ab-node") };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!start) return;
    const [x, y] = [start.x - event.clientX, start.y - event.clientY];
    if (!start.moved && Math.hypot(x, y) < 4) return;
    start.moved = true;
    stage.classList.add("moving");
    move(x, y);
    start.x = event.clientX;
    start.y = event.clientY;
  });
  stage.addEventListener("pointerup", () => {
    if (start && !start.moved) {
      if (start.node) choose(start.node.dataset.name);
      else if (chosen) choose(chosen);
    }
    start = null;
    stage.classList.remove("moving");
  });
  stage.addEventListener("pointercancel", () => { start = null; });
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const at = point(event);
    if (event.shiftKey) move(event.deltaY + event.deltaX, 0);
    else zoom(Math.exp(-event.deltaY / 400), at.x, at.y);
  }, { passive: false });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === find) {
      if (event.key === "Escape") { find.value = ""; search(); stage.focus(); }
      return;
    }
    const step = 80;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "/") find.focus();
    else if (event.key === "Escape" && chosen) choose(chosen);
    else return;
    event.preventDefault();
  });
  find.addEventListener("input", search);
  document.getElementById("larger").addEventListener("click", () => zoom(1.25));
  document.getElementById("smaller").addEventListener("click", () => zoom(0.8));
  document.getElementById("whole").addEventListener("click", () => {
    view = { x: 0, y: 0, width: size.width, height: size.height };
    show();
  });
  window.addEventListener("resize", show);
  fit();
})();
