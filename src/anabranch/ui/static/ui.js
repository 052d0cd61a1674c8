"use strict";
// What changes while a run goes on is asked for again, once a second, as long as somebody looks.
(() => {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const address = part.dataset.live;
  const open = () => [...part.querySelectorAll("details")].map((one) => one.open);
  let asking = false;
  const again = async () => {
    if (asking || document.hidden || part.contains(document.activeElement)) return;
    if (!address) {
      if (!document.querySelector("input:checked")) location.reload();
      return;
    }
    asking = true;
    const text = await fetch(address, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.text() : ""))
      .finally(() => { asking = false; });
    if (!text) return;
    const were = open();
    part.innerHTML = text;
    part.querySelectorAll("details").forEach((one, number) => { if (number < were.length) one.open = were[number]; });
    if (!part.querySelector(".state.running")) location.reload();
  };
  setInterval(() => again().catch(() => {}), address ? 1000 : 5000);
})();
