"use strict";
(() => {
  const table = document.getElementById("runs"), body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) => Number(text.replaceAll(",", ""));
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const rows = [...body.rows], texts = rows.map((row) => value(row, column)).filter(Boolean);
    const numeric = texts.every((text) => !Number.isNaN(number(text)));
    rows.sort((a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (!x || !y) return !x - !y; // what is empty stays at the end
      const order = numeric ? number(x) - number(y) : x.localeCompare(y, undefined, { numeric: true });
      return down ? -order : order;
    });
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows);
  }));
})();
