"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.value;
    return number === undefined ? cell.textContent.trim() : Number(number);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button?.textContent.trim()) return;
      button.addEventListener("click", () => {
        const rows = [...table.tBodies[0].rows];
        const numeric = rows.every((row) => typeof value(row, column) === "number");
        const was = head.getAttribute("aria-sort");
        const down = was ? was === "ascending" : numeric;
        const sign = down ? -1 : 1;
        rows.sort((one, other) => {
          const [a, b] = [value(one, column), value(other, column)];
          return sign * (numeric ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
        });
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
