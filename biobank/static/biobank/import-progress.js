// Keeps the import jobs on a page up to date for as long as one of them runs.
(function () {
  "use strict";
  const PERIOD = 700; // milliseconds

  function running() {
    return Array.from(document.querySelectorAll('[data-import-job][data-import-over="false"]'));
  }

  function write(place, name, text) {
    const target = place.querySelector("[data-import-" + name + "]");
    if (target) target.textContent = text;
  }

  function duration(seconds) {
    if (seconds === null) return "";
    if (seconds < 90) return seconds + " s left";
    return Math.round(seconds / 60) + " min left";
  }

  function show(place, job) {
    const bar = place.querySelector("progress");
    // A job that is all or nothing tells nothing before its end.
    if (job.over || job.done > 0) bar.value = job.percent; else bar.removeAttribute("value");
    write(place, "status", job.status);
    write(place, "count", job.done.toLocaleString("en") + " / " + job.rows.toLocaleString("en"));
    write(place, "failed", job.failed.toLocaleString("en"));
    write(place, "rate", job.rate === null ? "" : job.rate.toLocaleString("en") + " rows/s");
    write(place, "left", duration(job.left));
    write(place, "error", job.error);
    if (!job.over) return;
    bar.value = job.percent;
    place.dataset.importOver = "true";
    place.querySelectorAll("[data-import-while-running]").forEach((item) => { item.hidden = true; });
    place.querySelectorAll("[data-import-when-over]").forEach((item) => { item.hidden = false; });
    // What went wrong is shown by the page itself.
    if (place.id === "import-job" && job.failed) window.location.reload();
  }

  async function look() {
    const places = running();
    if (!places.length) return;
    const query = places.map((place) => "id=" + place.dataset.importJob).join("&");
    let wait = PERIOD;
    try {
      const answer = await fetch(places[0].dataset.importUrl + "?" + query, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(answer.status);
      const found = new Map((await answer.json()).jobs.map((job) => [String(job.id), job]));
      places.forEach((place) => {
        const job = found.get(place.dataset.importJob);
        if (job) show(place, job);
      });
    } catch (error) {
      wait = 5 * PERIOD; // the server may be starting again
    }
    window.setTimeout(look, wait);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", look); else look();
})();
