/** Charts are drawn by a script of their own, fetched only where a page has one. */
export async function drawCharts(part) {
  const figures = [...part.querySelectorAll("[data-chart]")];
  if (part.matches?.("[data-chart]")) figures.push(part);
  if (!figures.length) return;
  const { draw } = await import(document.body.dataset.chartsScript);
  figures.forEach(draw);
}
