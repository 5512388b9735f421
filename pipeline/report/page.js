"use strict";
(() => {
  const all = (where, what) => [...where.querySelectorAll(what)];
  const one = (where, what) => where.querySelector(what);

  // The table: sorting, choosing, and the commands for what is chosen.
  const table = document.getElementById("table");
  const body = one(table, "tbody");
  const scoreOf = (row, key) => {
    const text = row.dataset[key];
    return text === undefined || text === "" ? null : Number(text);
  };
  const sort = (head, key) => {
    const descending = head.getAttribute("aria-sort") === "ascending";
    all(table, "th[aria-sort]").forEach((th) => th.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = all(body, "tr");
    rows.sort((a, b) => {
      const x = key === "name" ? a.dataset.name : scoreOf(a, key);
      const y = key === "name" ? b.dataset.name : scoreOf(b, key);
      if (x === null || y === null) return (x === null) - (y === null);
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return descending ? -order : order;
    });
    rows.forEach((row) => body.append(row));
  };
  all(table, "th button").forEach((button) =>
    button.addEventListener("click", () => sort(button.closest("th"), button.dataset.key)));

  const boxes = all(body, "input[type=checkbox]");
  const chosen = () =>
    boxes.filter((box) => box.checked).map((box) => Number(box.value)).sort((a, b) => a - b);
  const commands = JSON.parse(document.getElementById("commands").textContent);
  const update = () => {
    const list = chosen().join(", ");
    boxes.forEach((box) => box.closest("tr").classList.toggle("on", box.checked));
    all(document, ".twin").forEach((twin) => {
      twin.checked = boxes.some((box) => box.checked && box.value === twin.value);
    });
    const count = chosen().length;
    document.getElementById("count").textContent =
      `${count} of ${boxes.length} episodes chosen${count ? ": " + list : ""}`;
    document.getElementById("edit").hidden = count === 0;
    const cannot = count === boxes.length;
    for (const [name, command] of Object.entries(commands)) {
      const none = name === "remove" && cannot;
      document.getElementById(name).value = none
        ? "# all are chosen: LeRobot refuses to remove every episode"
        : command.replace("INDICES", list);
    }
  };
  boxes.forEach((box) => box.addEventListener("change", update));
  all(document, ".twin").forEach((twin) =>
    twin.addEventListener("change", () => {
      boxes.filter((box) => box.value === twin.value).forEach((box) => {
        box.checked = twin.checked;
      });
      update();
    }));
  document.getElementById("apply").addEventListener("click", () => {
    const key = document.getElementById("score").value;
    const below = document.getElementById("side").value === "below";
    const bound = Number(document.getElementById("bound").value);
    boxes.forEach((box) => {
      const value = scoreOf(box.closest("tr"), key);
      box.checked = value !== null && (below ? value < bound : value >= bound);
    });
    update();
  });
  document.getElementById("none").addEventListener("click", () => {
    boxes.forEach((box) => { box.checked = false; });
    update();
  });
  document.getElementById("invert").addEventListener("click", () => {
    boxes.forEach((box) => { box.checked = !box.checked; });
    update();
  });
  all(document, "button[data-copy]").forEach((button) =>
    button.addEventListener("click", async () => {
      const area = document.getElementById(button.dataset.copy);
      area.select();
      // From a file's own address the clipboard may be refused: the text stays selected then.
      try {
        await navigator.clipboard.writeText(area.value);
        button.textContent = "copied";
      } catch {
        button.textContent = document.execCommand("copy") ? "copied" : "press Ctrl-C";
      }
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    }));
  update();

  // A way in space: seen from anywhere, dragged or turned with the arrow keys.
  const spatial = (canvas) => {
    const data = JSON.parse(canvas.dataset.way);
    const axes = [0, 1, 2];
    const thing = data.o || [];
    const points = data.p.concat(thing.filter((p) => p));
    const low = axes.map((k) => Math.min(...points.map((p) => p[k])));
    const high = axes.map((k) => Math.max(...points.map((p) => p[k])));
    const middle = axes.map((k) => (low[k] + high[k]) / 2);
    const size = Math.max(50, Math.hypot(...axes.map((k) => high[k] - low[k])));
    const names = data.a || ["x", "y", "z"], held = data.h || [];
    let yaw = -0.7, pitch = 0.5, now = 0;
    const seen = (p, width, height) => {
      const [x, y, z] = axes.map((k) => p[k] - middle[k]);
      const a = x * Math.cos(yaw) - y * Math.sin(yaw);
      const b = x * Math.sin(yaw) + y * Math.cos(yaw);
      const scale = 0.8 * Math.min(width, height) / size;
      return [width / 2 + scale * a,
        height / 2 - scale * (z * Math.cos(pitch) + b * Math.sin(pitch))];
    };
    const draw = () => {
      const ratio = window.devicePixelRatio || 1;
      const width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      const stroke = (from, to, color, thick) => {
        pen.strokeStyle = color;
        pen.lineWidth = thick;
        pen.beginPath();
        pen.moveTo(...seen(from, width, height));
        pen.lineTo(...seen(to, width, height));
        pen.stroke();
      };
      const step = 10 ** Math.floor(Math.log10(size / 2));
      const floor = (p) => [p[0], p[1], low[2]];
      for (let k = Math.floor(low[0] / step); k <= Math.ceil(high[0] / step); k++)
        stroke(floor([k * step, low[1]]), floor([k * step, high[1]]), "#e2e8f0", 1);
      for (let k = Math.floor(low[1] / step); k <= Math.ceil(high[1] / step); k++)
        stroke(floor([low[0], k * step]), floor([high[0], k * step]), "#e2e8f0", 1);
      const corner = low.slice();
      ["#dc2626", "#15803d", "#1d4ed8"].forEach((color, k) => {
        const end = corner.slice();
        end[k] += size / 5;
        stroke(corner, end, color, 2);
        pen.fillStyle = color;
        pen.font = "12px system-ui, sans-serif";
        const [x, y] = seen(end, width, height);
        pen.fillText(names[k], x + 4, y + 4);
      });
      pen.fillStyle = "#52607a";
      pen.font = "11px system-ui, sans-serif";
      pen.fillText(`lines ${step >= 10 ? step / 10 + " cm" : step + " mm"} apart`, 8, height - 8);
      const along = (points, color, thick) => {
        for (let i = 1; i < points.length; i++)
          if (points[i - 1] && points[i]) stroke(points[i - 1], points[i], color(i), thick(i));
      };
      along(data.p.map(floor), () => "#cbd5e1", () => 1.5);
      along(thing.map((p) => p && floor(p)), () => "#fed7aa", () => 1.5);
      along(data.p, (i) => (data.v[i] ? "#2563eb" : "#fca5a5"),
        (i) => (held[i] ? 4 : data.v[i] ? 2 : 1.5));
      along(thing, () => "#ea580c", (i) => (held[i] ? 4 : 2));
      const found = data.t.findIndex((t) => t >= now);
      const at = found < 0 ? data.p.length - 1 : found;
      const dot = (p, color) => {
        const [x, y] = seen(p, width, height);
        pen.fillStyle = color;
        pen.beginPath();
        pen.arc(x, y, 5, 0, 7);
        pen.fill();
      };
      pen.setLineDash([3, 3]);
      stroke(data.p[at], floor(data.p[at]), "#94a3b8", 1);
      if (thing[at]) stroke(data.p[at], thing[at], "#ea580c", 1);
      pen.setLineDash([]);
      if (thing[at]) dot(thing[at], "#ea580c");
      dot(data.p[at], "#0f172a");
    };
    let from = null;
    canvas.addEventListener("pointerdown", (e) => {
      from = [e.clientX, e.clientY];
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener("pointerup", () => { from = null; });
    canvas.addEventListener("pointermove", (e) => {
      if (!from) return;
      yaw += (e.clientX - from[0]) / 120;
      pitch = Math.max(-1.5, Math.min(1.5, pitch + (e.clientY - from[1]) / 120));
      from = [e.clientX, e.clientY];
      draw();
    });
    canvas.addEventListener("keydown", (e) => {
      const turn = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[e.key];
      if (!turn) return;
      e.preventDefault();
      yaw += turn[0];
      pitch = Math.max(-1.5, Math.min(1.5, pitch + turn[1]));
      draw();
    });
    const views = {
      "in space": [-0.7, 0.5],
      "from above": [0, Math.PI / 2],
      "from the front": [0, 0],
      "from the side": [-Math.PI / 2, 0],
    };
    all(canvas.parentElement, "button[data-view]").forEach((button) =>
      button.addEventListener("click", () => {
        [yaw, pitch] = views[button.dataset.view];
        draw();
      }));
    new ResizeObserver(draw).observe(canvas);
    return (time) => { now = time; draw(); };
  };

  // An episode: pictures, curves and the way share one time.
  const valueAt = (lines, x) => {
    for (const points of lines) {
      if (x < points[0][0] - 1e-6 || x > points[points.length - 1][0] + 1e-6) continue;
      return points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a))[1];
    }
    return null;
  };
  all(document, ".episode").forEach((episode) => {
    const slider = one(episode, ".time"), film = one(episode, ".film");
    const play = one(episode, ".play"), clock = one(episode, ".player output");
    const canvas = one(episode, "canvas");
    const turn = canvas ? spatial(canvas) : () => {};
    const charts = all(episode, "figure[data-x0]").map((figure) => {
      const plot = one(figure, ".plot"), mark = document.createElement("div");
      mark.className = "now";
      plot.append(mark);
      const lines = {};
      all(figure, "polyline").forEach((line) => {
        const points = line.getAttribute("points").split(" ").map((p) => p.split(",").map(Number));
        (lines[line.dataset.i] ??= []).push(points);
      });
      return { figure, plot, mark, lines, outputs: all(figure, "output") };
    });
    const show = (time) => {
      slider.value = time;
      clock.textContent = `${Number(time).toFixed(2)} s`;
      if (film) {
        const { count, columns, rows, step } = film.dataset;
        const at = Math.min(count - 1, Math.round(time / step));
        const x = at % columns, y = Math.floor(at / columns);
        film.style.backgroundPosition =
          `${columns > 1 ? (100 * x) / (columns - 1) : 0}% ${rows > 1 ? (100 * y) / (rows - 1) : 0}%`;
      }
      charts.forEach(({ figure, mark, lines, outputs }) => {
        const { x0, x1, y0, y1 } = figure.dataset;
        const share = (time - x0) / (x1 - x0);
        mark.style.display = "block";
        mark.style.left = `${100 * share}%`;
        outputs.forEach((output) => {
          const y = valueAt(lines[output.dataset.i] ?? [], 1000 * share);
          output.textContent =
            y === null ? "-" : Number((+y0 + (1 - y / 100) * (y1 - y0)).toPrecision(3));
        });
      });
      turn(time);
    };
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    charts.forEach(({ plot }) => {
      const move = (e) => {
        const box = plot.getBoundingClientRect();
        const share = Math.max(0, Math.min(1, (e.clientX - box.left) / box.width));
        stop();
        show(share * slider.max);
      };
      plot.addEventListener("pointerdown", move);
      plot.addEventListener("pointermove", (e) => {
        if (e.pointerType === "mouse" || e.buttons) move(e);
      });
    });
    let timer = 0;
    const stop = () => {
      cancelAnimationFrame(timer);
      timer = 0;
      play.textContent = "play";
    };
    play.addEventListener("click", () => {
      if (timer) return stop();
      play.textContent = "pause";
      let last = performance.now();
      const go = (now) => {
        const next = Number(slider.value) + (now - last) / 1000;
        last = now;
        show(next > slider.max ? 0 : next);
        timer = requestAnimationFrame(go);
      };
      timer = requestAnimationFrame(go);
    });
    show(0);
    all(episode, "details").forEach((d) => d.addEventListener("toggle", () => show(Number(slider.value))));
  });
})();
