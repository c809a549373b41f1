// Intervals as text.

// The part in brackets in small print.
function smallInterval(text) {
  const [all, before, interval] = /^([^[]*)(\[[^\]]*\])?/.exec(text);
  return interval ? [before, element('small', {}, interval), text.slice(all.length)] : text;
}
const intervalCell = (interval, write) => smallInterval(withInterval(interval, write));
