// Keeps the page of an export job up to date; loads it anew when the job is over, for its file or its mistake.
(function () {
  "use strict";
  const PERIOD = 700; // milliseconds

  async function look() {
    const place = document.querySelector('[data-export-over="false"]');
    if (!place) return;
    let wait = PERIOD;
    try {
      const answer = await fetch(place.dataset.exportUrl, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(answer.status);
      const job = await answer.json();
      if (job.over) return window.location.reload();
      document.getElementById("export-status").textContent = job.status;
      document.getElementById("export-records").textContent = (job.records || 0).toLocaleString("en");
    } catch (error) {
      wait = 5 * PERIOD; // the server may be starting again
    }
    window.setTimeout(look, wait);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", look); else look();
})();
