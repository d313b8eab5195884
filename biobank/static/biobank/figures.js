// Brings the figures of the first page up to date when they were counted a while ago.
(function () {
  "use strict";
  async function renew() {
    const place = document.querySelector("[data-figures-url]");
    if (!place) return;
    try {
      const answer = await fetch(place.dataset.figuresUrl, { credentials: "same-origin" });
      if (answer.ok) place.outerHTML = await answer.text();
    } catch (error) { /* what is shown stays; it says when it was counted */ }
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", renew); else renew();
})();
