"use strict";
// What changes while a run goes on is asked for again, once a second, as long as somebody looks.
(() => {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const address = part.dataset.live;
  const open = () => [...part.querySelectorAll("details")].map((one) => one.open);
  const again = async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    if (!address) {
      if (!document.querySelector("input:checked")) location.reload();
      return;
    }
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) return;
    const were = open();
    part.innerHTML = await answer.text();
    part.querySelectorAll("details").forEach((one, number) => { if (number < were.length) one.open = were[number]; });
    if (!part.querySelector(".state.running")) location.reload();
  };
  setInterval(() => again().catch(() => {}), address ? 1000 : 5000);
})();
