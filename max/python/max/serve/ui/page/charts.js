// Bars and cells on a canvas, in the theme's colours and the screen's pixels.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function prepared(canvas, height) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return { pen, width, height };
}

// Bars {value, kind} from right to left, the newest at the right; `kinds` are colours.
export function drawBars(canvas, bars, most, kinds, gap = 1) {
  const { pen, width, height } = prepared(canvas, Number(canvas.getAttribute("height")) || canvas.clientHeight);
  pen.fillStyle = colour("--rule");
  pen.fillRect(0, height - 1, width, 1);
  const step = Math.max(3, width / canvas.dataset.bars);
  for (let index = 0; index < bars.length; index += 1) {
    const { value, kind } = bars[bars.length - 1 - index];
    const tall = most ? Math.max(value > 0 ? 1.5 : 0, (height - 2) * Math.min(1, value / most)) : 0;
    pen.fillStyle = colour(kinds[kind]);
    pen.fillRect(width - (index + 1) * step, height - 1 - tall, step - gap, tall);
  }
}

// How many columns fit, and how large a cell is, so that all cells are seen in about `most` pixels.
function layout(count, width, most) {
  for (let size = 14; size > 3; size -= 1) {
    const columns = Math.max(1, Math.floor(width / size));
    if (Math.ceil(count / columns) * size <= most || size === 4) return { size, columns };
  }
  return { size: 4, columns: Math.max(1, Math.floor(width / 4)) };
}

// Cells as the server tells them: 0 blank, 1 cached, 2 held, more are shared; `chosen` get a frame.
export function drawCells(canvas, cells, chosen) {
  const { size, columns } = layout(cells.length, canvas.clientWidth, 260);
  const { pen } = prepared(canvas, Math.max(size, Math.ceil(cells.length / columns) * size));
  const [blank, cached, held, shared, frame, dot] = ["--line", "--cached", "--accent", "--amber", "--ink", "--paper"].map(colour);
  cells.forEach((state, index) => {
    const x = (index % columns) * size;
    const y = Math.floor(index / columns) * size;
    const side = size - 1;
    if (state === 0) {
      pen.strokeStyle = blank;
      pen.globalAlpha = 0.45;
      pen.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
      pen.globalAlpha = 1;
    } else {
      pen.fillStyle = state === 1 ? cached : state === 2 ? held : shared;
      pen.fillRect(x, y, side, side);
      if (state > 2 && size > 5) {
        pen.fillStyle = dot;
        pen.fillRect(x + side / 2 - 1, y + side / 2 - 1, 2, 2);
      }
    }
    if (chosen.has(index)) {
      pen.strokeStyle = frame;
      pen.lineWidth = 2;
      pen.strokeRect(x + 1, y + 1, side - 2, side - 2);
      pen.lineWidth = 1;
    }
  });
  return (x, y) => (x < columns * size ? Math.floor(y / size) * columns + Math.floor(x / size) : -1);
}
