// The text that a mark shows while the pointer is over it.

const tip = document.createElement('div');
tip.className = 'tip';
tip.hidden = true;
document.body.append(tip);

function showTip(handler, event, item, value) {
  tip.hidden = value === null || value === undefined || value === '';
  if (tip.hidden) return;
  tip.textContent = String(value);
  const { clientWidth, scrollLeft, scrollTop } = document.documentElement;
  const left = Math.min(event.clientX + 14, clientWidth - tip.offsetWidth - 6);
  tip.style.left = `${Math.max(6, left) + scrollLeft}px`;
  tip.style.top = `${event.clientY + 16 + scrollTop}px`;
}
