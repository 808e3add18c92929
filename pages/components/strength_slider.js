// Streamlit calls the default function again on every rerun that changes `data` and on every
// change of theme, but runs the cleanup it returned only when the component leaves the page.
// So one Slider lives per mount, and each call only updates it.
const sliders = new WeakMap();
const PATIENCE = 10_000; // milliseconds until an unanswered commit counts as lost

export default function ({ data, parentElement, setTriggerValue }) {
  let slider = sliders.get(parentElement);
  if (!slider || slider.input !== parentElement.querySelector("input")) {
    slider?.destroy();
    slider = new Slider(parentElement);
    sliders.set(parentElement, slider);
  }
  const turn = slider.update(data, setTriggerValue);
  return () => {
    // A call that was overtaken is cleaned up after its successor has started.
    if (slider.turn !== turn) return;
    slider.destroy();
    sliders.delete(parentElement);
  };
}

class Slider {
  constructor(root) {
    this.input = root.querySelector("input");
    this.label = root.querySelector("label");
    [this.name, this.readout] = root.querySelectorAll(".readout > *");
    [this.first, this.last] = root.querySelectorAll(".ends > *");
    this.turn = 0;
    // Counted from the clock, so that a remounted slider never reuses a number.
    this.number = Date.now();
    this.awaited = 0;
    this.busy = false;
    this.keyHeld = false;
    this.ring = new Ring(this.input);

    this.abort = new AbortController();
    const on = (name, handler, target = this.input) =>
      target.addEventListener(name, handler, { signal: this.abort.signal });
    on("input", () => this.show(this.input.valueAsNumber));
    on("change", () => this.keyHeld || this.commit());
    on("pointerdown", () => (this.busy = true));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => this.letGo(), window);
    // A held arrow key fires `change` at every step; its release is what commits.
    on("keydown", () => (this.keyHeld = true));
    on("keyup", () => this.releaseKey());
    on("blur", () => this.releaseKey());
  }

  update(data, setTriggerValue) {
    this.stops = data.stops;
    this.setTriggerValue = setTriggerValue;
    this.label.textContent = data.label;
    this.first.textContent = data.stops[0].label;
    this.last.textContent = data.stops.at(-1).label;
    this.input.max = data.stops.length - 1;
    this.input.disabled = data.stops.length < 2;
    this.ring.follow(data.chartKey);
    this.given = data.index;
    if (data.seen >= this.awaited) this.awaited = 0;
    this.settle();
    return ++this.turn;
  }

  // Show what Python says, unless a hand is on the slider or Python has yet to hear of a commit.
  settle() {
    if (this.busy || this.keyHeld || this.awaited) {
      this.show(Math.min(this.input.valueAsNumber, this.stops.length - 1));
      return;
    }
    this.committed = this.given;
    this.show(this.given);
  }

  letGo() {
    if (!this.busy) return;
    this.busy = false;
    setTimeout(() => this.settle()); // after the `change` that follows in the same task
  }

  show(index) {
    const stop = this.stops[index];
    this.input.value = index;
    this.input.setAttribute("aria-valuetext", `${stop.label}, ${stop.readout}`);
    const share = index / Math.max(1, this.stops.length - 1);
    // 18px is the width of the thumb: its middle travels that much less than the track.
    this.input.style.setProperty("--filled", `calc(9px + ${share} * (100% - 18px))`);
    this.name.textContent = stop.label;
    this.readout.textContent = stop.readout;
    this.ring.move(stop.x, stop.y);
  }

  commit() {
    const index = this.input.valueAsNumber;
    if (index === this.committed) return;
    this.committed = index;
    this.awaited = ++this.number;
    this.setTriggerValue("commit", { index, number: this.number });
    // A commit that a lost connection swallowed must not leave the slider showing a lie.
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.awaited = 0;
      this.settle();
    }, PATIENCE);
  }

  releaseKey() {
    if (!this.keyHeld) return;
    this.keyHeld = false;
    this.commit();
  }

  destroy() {
    this.abort.abort();
    clearTimeout(this.timer);
    this.ring.destroy();
  }
}

const EVENTS = ["plotly_afterplot", "plotly_relayout", "plotly_relayouting"];

// The ring that marks the current stop, laid over a Plotly chart elsewhere on the page.
class Ring {
  constructor(host) {
    this.host = host;
    this.place = () => this.draw();
    this.node = document.createElement("div");
    this.node.className = "strength-ring";
    this.node.setAttribute("aria-hidden", "true");
    this.resized = new ResizeObserver(this.place);
    // Streamlit mounts the chart after the slider, and anew whenever its figure changes.
    this.mounted = new MutationObserver(() => {
      if (!this.selector || this.pending || (this.chart?.isConnected && this.node.isConnected)) return;
      this.pending = requestAnimationFrame(() => {
        this.pending = 0;
        this.bind();
      });
    });
    this.mounted.observe(document.body, { childList: true, subtree: true });
  }

  follow(chartKey) {
    // Streamlit's own rule from a key to a class.
    const name = chartKey?.trim().replaceAll(/[^a-zA-Z0-9_-]/g, "-");
    this.selector = name ? `.st-key-${name} .js-plotly-plot` : null;
    // The theme's variables reach the slider but not the chart, so they are copied.
    const style = getComputedStyle(this.host);
    const accent = style.getPropertyValue("--st-primary-color");
    const paper = style.getPropertyValue("--st-background-color");
    this.node.style.cssText = `position:absolute;left:0;top:0;width:20px;height:20px;
      margin:-10px 0 0 -10px;box-sizing:border-box;border:3px solid ${accent};
      border-radius:50%;box-shadow:0 0 0 2px ${paper},inset 0 0 0 1.5px ${paper};
      pointer-events:none;visibility:hidden;z-index:1`;
    this.bind();
  }

  bind() {
    const chart = this.selector && document.querySelector(this.selector);
    const ready = chart?.on && chart.querySelector(".svg-container");
    if (ready && chart === this.chart && this.node.parentNode === ready) return this.draw();
    this.release();
    if (!ready) return undefined;
    this.chart = chart;
    for (const name of EVENTS) chart.on(name, this.place);
    this.resized.observe(chart);
    ready.append(this.node);
    return this.draw();
  }

  move(x, y) {
    [this.x, this.y] = [x, y];
    this.draw();
  }

  draw() {
    const { xaxis, yaxis } = this.chart?._fullLayout ?? {};
    if (!xaxis?.d2p || this.x === undefined) return;
    // d2p is l2p that also knows logarithmic axes.
    const [x, y] = [xaxis.d2p(this.x), yaxis.d2p(this.y)];
    const inside = x >= -1 && x <= xaxis._length + 1 && y >= -1 && y <= yaxis._length + 1;
    this.node.style.visibility = inside ? "visible" : "hidden";
    this.node.style.transform = `translate(${xaxis._offset + x}px, ${yaxis._offset + y}px)`;
  }

  release() {
    if (this.chart) {
      for (const name of EVENTS) this.chart.removeListener?.(name, this.place);
      this.resized.unobserve(this.chart);
    }
    this.chart = null;
    this.node.remove();
  }

  destroy() {
    cancelAnimationFrame(this.pending);
    this.mounted.disconnect();
    this.resized.disconnect();
    this.release();
  }
}
