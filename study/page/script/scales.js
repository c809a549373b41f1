// Scales of the pictures, computed in full: domain and ticks.

// Ticks at round numbers, and a domain that contains low and high.
function linear(low, high, count = 5) {
  if (high <= low) [low, high] = [low - 1, high + 1];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) {
    values.push(Number((i * step).toPrecision(12)));
  }
  return { type: 'linear', domain: [low, high], values };
}

// Ticks at 1, 2 and 5, or at powers of ten where those are more than `most`.
function logarithmic(low, high, most = 8) {
  let values = [];
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    values = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
      for (const factor of factors) {
        const value = Number((factor * 10 ** power).toPrecision(12));
        if (value >= low * 0.999 && value <= high * 1.001) values.push(value);
      }
    }
    if (values.length <= most) break;
  }
  return { type: 'log', domain: [low, high], values };
}

// For queue lengths: 0 is common, and so are hundreds.
function queue(points) {
  const high = Math.max(1, ...points.map((point) => point.x));
  if (high <= 12) return linear(0, high);
  return {
    ...logarithmic(1, high, 7),
    type: 'symlog',
    domain: [0, high],
    values: [0, ...logarithmic(1, high, 6).values],
  };
}

const padded = (scale, share = 0.06) => {
  const [low, high] = scale.domain;
  if (scale.type === 'log') {
    const factor = (high / low) ** share;
    return { ...scale, domain: [low / factor, high * factor] };
  }
  const more = (high - low) * share;
  return { ...scale, domain: [low - more, high + more] };
};
