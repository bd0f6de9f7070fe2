"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("plane"), shown = document.getElementById("shown");
  const description = document.getElementById("description"), by = document.getElementById("by");
  const context = canvas.getContext("2d"), picture = new Image();
  const MARGIN = 12, REACH = 14; // pixels
  const MAX_NAMES = 50; // in the legend
  let places = [], current = -1;
  // The style sheet has the picture already: twice would double the page.
  const thumb = document.querySelector(".thumb");
  picture.src = getComputedStyle(thumb).backgroundImage.slice(5, -2);

  const colour = (group) => {
    if (group < 0) return getComputedStyle(canvas).getPropertyValue("--faint");
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    // Golden-angle hues lie far apart, however many; every other one is darker.
    const hue = (group * 137.5) % 360, light = (dark ? 70 : 38) + (group % 2) * (dark ? -12 : 12);
    return `hsl(${hue} 65% ${light}%)`;
  };

  const list = () => {
    const names = data.names[by.value], legend = document.getElementById("legend");
    const item = (group, name) => {
      const made = document.createElement("li");
      made.textContent = name;
      made.style.setProperty("--dot", colour(group));
      return made;
    };
    const more = names.length - MAX_NAMES;
    legend.replaceChildren(...names.slice(0, MAX_NAMES).map(([group, name]) => item(group, name)));
    if (more > 0) legend.append(item(-1, `and ${more} more`));
  };

  const draw = () => {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const group = data.groups[by.value], n = Math.max(...group) + 1;
    places = data.x.map((x, i) => [
      MARGIN + x * (width - 2 * MARGIN), height - MARGIN - data.y[i] * (height - 2 * MARGIN),
    ]);
    const colours = Array.from({ length: n + 1 }, (_, i) => colour(i - 1));
    places.forEach(([x, y], i) => {
      context.fillStyle = colours[group[i] + 1];
      context.globalAlpha = 0.75;
      context.beginPath();
      context.arc(x, y, 2.4, 0, 7);
      context.fill();
    });
    context.globalAlpha = 1;
    if (current >= 0) {
      context.strokeStyle = getComputedStyle(canvas).color;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...places[current], 7, 0, 7);
      context.stroke();
    }
  };

  const show = (i) => {
    if (i === current) return;
    current = i;
    draw();
    if (i < 0) return;
    const { width, height, columns } = data.sprite, pen = shown.getContext("2d");
    const scale = Math.min(shown.width / width, shown.height / height);
    pen.imageSmoothingEnabled = scale < 1;
    pen.clearRect(0, 0, shown.width, shown.height);
    pen.drawImage(
      picture, (i % columns) * width, Math.floor(i / columns) * height, width, height,
      (shown.width - width * scale) / 2, (shown.height - height * scale) / 2,
      width * scale, height * scale,
    );
    description.textContent = data.descriptions[i];
    shown.setAttribute("aria-label", data.descriptions[i]);
  };

  const nearest = (x, y, allowed = () => true) => {
    let best = -1, least = Infinity;
    places.forEach(([px, py], i) => {
      const distance = Math.hypot(px - x, py - y);
      if (distance < least && allowed(px - x, py - y, i)) [best, least] = [i, distance];
    });
    return [best, least];
  };

  canvas.addEventListener("pointermove", (event) => {
    const [i, distance] = nearest(event.offsetX, event.offsetY);
    if (distance < REACH) show(i);
  });
  const towards = {
    ArrowLeft: (dx, dy) => dx < 0 && Math.abs(dy) <= -dx,
    ArrowRight: (dx, dy) => dx > 0 && Math.abs(dy) <= dx,
    ArrowUp: (dx, dy) => dy < 0 && Math.abs(dx) <= -dy,
    ArrowDown: (dx, dy) => dy > 0 && Math.abs(dx) <= dy,
  };
  canvas.addEventListener("keydown", (event) => {
    const allowed = towards[event.key];
    if (!allowed) return;
    event.preventDefault();
    if (current < 0) return show(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2)[0]);
    const [i] = nearest(...places[current], allowed);
    if (i >= 0) show(i);
  });
  by.addEventListener("change", () => { draw(); list(); });
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(); list(); });
  draw();
  list();
})();
