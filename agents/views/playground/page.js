// Moves through time in a view: the slider and the play button change the pictures' addresses.
(() => {
  let step = 0, playing = null, shown = null;

  const view = () => document.getElementById("ntm");
  const number = (name) => Number(view().dataset[name]);
  const all = (selector) => [...view().querySelectorAll(selector)];

  function address(extra) {
    const query = new URLSearchParams(view().dataset.query);
    for (const [name, value] of Object.entries(extra)) if (value !== 0) query.set(name, value);
    return query.toString();
  }

  function put(picture, source) {
    if (picture.getAttribute("src") !== source) picture.src = source;
  }

  function go(to) {
    step = Math.max(0, Math.min(to, number("steps") - 1));
    const columns = number("columns"), first = Math.floor(step / columns) * columns;
    for (const picture of all(".ntm-time"))
      put(picture, `over.png?${address({ step: first, part: picture.dataset.part })}`);
    for (const picture of all(".ntm-memory"))
      put(picture, `memory.png?${address({ step, part: picture.dataset.part })}`);
    const cell = number("cell");
    for (const cursor of all(".ntm-cursor")) {
      cursor.style.left = `${number("left") + (step - first) * cell - 1}px`;
      cursor.style.width = `${Math.max(cell, 2) + 1}px`;
    }
    document.getElementById("ntm-step").value = step;
    document.getElementById("ntm-now").textContent = `step ${step} of ${number("steps")}`;
    document.getElementById("ntm-png").href = `figure.png?${address({ step })}`;
    document.getElementById("ntm-json").href = `data.json?${address({ step })}`;
    const here = address({ step });
    history.replaceState(null, "", here ? `?${here}` : location.pathname);
  }

  function play(on) {
    clearInterval(playing);
    playing = on ? setInterval(next, 120) : null;
    if (view()) document.getElementById("ntm-play").textContent = on ? "Pause" : "Play";
  }

  function next() {
    if (!view()) return play(false);
    // A slow server is waited for.
    if (!all("img").every((picture) => picture.complete)) return;
    if (step + 1 >= number("steps")) return play(false);
    go(step + 1);
  }

  function flip(event) {
    const x = event.offsetX - number("left"), y = event.offsetY - number("top");
    const row = Math.floor(y / number("bit")), column = Math.floor(x / number("cell"));
    if (x < 0 || row < 0 || row >= number("rows")) return;
    const first = Math.floor(step / number("columns")) * number("columns");
    const bit = `${first + column}.${row}`;
    const box = document.querySelector("#ntm-flips textarea, #ntm-flips input");
    const bits = new Set(box.value.split(" ").filter(Boolean));
    if (!bits.delete(bit)) bits.add(bit);
    box.value = [...bits].join(" ");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "ntm-step") {
      play(false);
      go(Number(event.target.value));
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.id === "ntm-play") {
      if (playing === null && step + 1 >= number("steps")) go(0);
      play(playing === null);
    } else if (event.target.matches?.('.ntm-time[data-part="tape"]')) flip(event);
  });
  // A new view is shown at the step that it was asked for. Gradio may change the old view's elements
  // into the new ones', which takes the pictures' addresses away.
  new MutationObserver(() => {
    if (!view()) return;
    const changed = JSON.stringify(view().dataset) !== shown;
    if (changed) {
      shown = JSON.stringify(view().dataset);
      go(number("step"));
    } else if (!all("img").every((picture) => picture.hasAttribute("src"))) go(step);
    if (changed && playing !== null) play(true);
  }).observe(document.documentElement, {
    attributes: true, attributeFilter: ["data-query", "data-step", "src"],
    childList: true, subtree: true,
  });

  window.ntmStep = () => step;
})();
