// Fills the sections; one that fails does not take the others along. What was drawn is said to tests.
const errors = [];
for (const [id, draw] of Object.entries(fill)) {
  try {
    draw();
    waiting.splice(0).forEach((begin) => begin());
  } catch (error) {
    errors.push(`${id}: ${error.message}`);
    body(id)?.append(el("p", { class: "notice" }, "This part could not be drawn."));
  }
}
root.dataset.errors = errors.join("; ");
root.dataset.charts = document.querySelectorAll("#training svg[height='220']").length;
root.dataset.pictures = document.querySelectorAll("canvas").length;
root.dataset.sliders = document.querySelectorAll("input[type=range]").length;
root.dataset.overflow = String(document.documentElement.scrollWidth > document.documentElement.clientWidth);
root.dataset.ready = "true";
