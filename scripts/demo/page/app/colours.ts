/** Colours are read anew this often: a change of theme, by a button or the machine, needs no word. */
const FRESH_MS = 1_000;

/** Reads colours of the style sheet for a canvas, which knows neither custom properties nor light-dark(). Made for an element that is on the page. */
export function createColours(element: HTMLElement): (name: string) => string {
  const probe = document.createElement('span');
  probe.hidden = true;
  element.append(probe);
  const known = new Map<string, string>();
  let readMs = Number.NEGATIVE_INFINITY;
  return (name) => {
    if (performance.now() - readMs > FRESH_MS) {
      known.clear();
      readMs = performance.now();
    }
    let colour = known.get(name);
    if (colour === undefined) {
      probe.style.color = `var(${name})`;
      colour = getComputedStyle(probe).color;
      known.set(name, colour);
    }
    return colour;
  };
}
