// A file dropped anywhere in the box of the form goes to its file input.
(function () {
  "use strict";

  function prepare(box) {
    const input = box.querySelector("input[type=file]");
    ["dragenter", "dragover"].forEach((name) => box.addEventListener(name, (event) => {
      event.preventDefault();
      box.classList.add("dragged");
    }));
    box.addEventListener("dragleave", (event) => { if (event.target === box) box.classList.remove("dragged"); });
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("dragged");
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-import-drop]").forEach(prepare);
  });
})();
