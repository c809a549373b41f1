// Sharpness against calibration, with the estimators' names beside their points.

function sharpness(workload, results, width) {
  const points = results
    .filter((result) => result.width_80 !== null && result.worst_coverage_error.value !== null)
    .map((result) => ({
      look: result.look,
      x: result.worst_coverage_error.value * 100,
      low: result.worst_coverage_error.low === null ? null : result.worst_coverage_error.low * 100,
      high:
        result.worst_coverage_error.high === null ? null : result.worst_coverage_error.high * 100,
      y: result.width_80,
      name: result.name,
      tip: `${result.name}\n80 % interval ${seconds(result.width_80)} wide\nworst coverage error ${percentagePoints(result.worst_coverage_error.value)} pp`,
    }));
  if (points.length === 0) return null;
  const inner = plotWidth(width);
  const height = 250;
  const right = Math.max(0.5, ...points.map((point) => Math.max(point.x, point.high ?? 0)));
  const xs = { ...linear(0, right * 1.08), domain: [-right * 0.03, right * 1.08] };
  const widths = points.map(({ y }) => y);
  const wide = Math.max(...widths);
  const narrow = Math.min(...widths);
  const ys =
    narrow > 0 && wide / narrow > 20
      ? padded(logarithmic(narrow, wide, 6))
      : linear(0, wide > 0 ? wide * 1.12 : 1);
  const sets = [];
  const marks = [];
  for (const point of points) {
    const set = data([
      { x: point.x, y: point.y, low: point.low, high: point.high, tip: point.tip },
    ]);
    sets.push(set);
    if (point.low !== null && point.high !== null) {
      marks.push({
        type: 'rule',
        from: { data: set.name },
        interactive: false,
        encode: {
          enter: {
            x: { scale: 'x', field: 'low' },
            x2: { scale: 'x', field: 'high' },
            y: at('y'),
            stroke: { value: point.look.colour },
            strokeWidth: { value: 1.5 },
          },
        },
      });
    }
    marks.push(dots(set, point.look, 90));
  }
  for (const place of labelled(points, xs, ys, inner, height)) marks.push(text(...place));
  return whole(width, TOP + 18 + height + BOTTOM, [
    panel({
      y: TOP + 18,
      width: inner,
      height,
      xs,
      ys,
      xTitle: 'worst coverage error, pp',
      yTitle: 'mean width of the 80 % interval, s',
      data: sets,
      marks,
    }),
  ]);
}

// Places each name at the first position around its point where it covers no point, no whisker and no other
// name.
function labelled(points, xs, ys, width, height) {
  const share = (scale, value) => {
    const [from, to] = scale.domain;
    return scale.type === 'log'
      ? Math.log(value / from) / Math.log(to / from)
      : (value - from) / (to - from);
  };
  const limit = width * 0.45;
  const spots = points.map(({ x, y, name }) => ({
    name,
    x: share(xs, x) * width,
    y: (1 - share(ys, y)) * height,
    size: Math.min(limit, name.length * 6.4),
  }));
  const taken = spots.map(({ x, y }) => ({
    left: x - 6,
    right: x + 6,
    top: y - 6,
    bottom: y + 6,
  }));
  for (const { y, low, high } of points) {
    if (low === null || high === null) continue;
    const middle = (1 - share(ys, y)) * height;
    const [left, right] = [low, high].map((end) => share(xs, end) * width);
    taken.push({ left, right, top: middle - 2, bottom: middle + 2 });
  }
  const around = [];
  for (const dy of [0, -14, 14, -27, 27, -40, 40]) {
    for (const align of ['left', 'right']) around.push({ dy, align });
  }
  return spots.map(({ name, x, y, size }) => {
    const boxes = around.map(({ dy, align }) => {
      const left = align === 'left' ? x + 9 : x - 9 - size;
      return {
        left,
        right: left + size,
        top: y + dy - 6,
        bottom: y + dy + 6,
        align,
        middle: y + dy,
      };
    });
    const inside = boxes.filter(
      (box) => box.left >= -4 && box.right <= width + RIGHT && box.top >= 0 && box.bottom <= height,
    );
    const free = inside.find(
      (box) =>
        !taken.some(
          (other) =>
            box.left < other.right &&
            other.left < box.right &&
            box.top < other.bottom &&
            other.top < box.bottom,
        ),
    );
    const box = free ?? inside[0] ?? boxes[0];
    taken.push(box);
    return [
      name,
      {
        x: { value: box.align === 'left' ? box.left : box.right },
        y: { value: box.middle },
        align: { value: box.align },
        baseline: { value: 'middle' },
        limit: { value: limit },
        fill: { value: 'var(--ink)' },
      },
    ];
  });
}
