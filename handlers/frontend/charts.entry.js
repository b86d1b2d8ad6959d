/** Charts by ECharts, in the page's own colours; what is drawn stands as JSON beside it. */
import { BarChart, CustomChart, FunnelChart, HeatmapChart, LineChart, SankeyChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { heightFor, optionFor } from "./console/chart_options.js";

use([
  AriaComponent, BarChart, CustomChart, FunnelChart, GridComponent, HeatmapChart, LegendComponent, LineChart,
  MarkLineComponent, SankeyChart, ScatterChart, SVGRenderer, TooltipComponent, VisualMapComponent,
]);

const drawn = new Map();

/** Draw one figure; once more after its colours or its width changed. */
export function draw(figure) {
  const place = figure.querySelector(".chart-drawn");
  if (drawn.has(place)) return;
  const told = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const kind = figure.dataset.chart;
  const page = () => ({ unit: figure.dataset.unit, title: figure.querySelector("h3").textContent, colours: colours(figure), font: getComputedStyle(figure).fontFamily, width: place.clientWidth });
  const size = () => {
    const height = heightFor(kind, told, page());
    place.style.height = height === null ? "" : `${height}px`;
  };
  size();
  const chart = init(place, null, { renderer: "svg" });
  const paint = () => {
    size();
    chart.resize();
    chart.setOption(optionFor(kind, told, page()), true);
  };
  chart.on("click", ({ data, dataIndex }) => {
    const url = data?.url ?? told.urls?.[dataIndex];
    if (typeof url === "string") location.assign(url);
  });
  drawn.set(place, paint);
  paint();
  sizes.observe(place);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.isConnected) drawn.get(target)?.();
  }
});

new MutationObserver(() => drawn.forEach((paint, place) => place.isConnected && paint()))
  .observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });

function colours(figure) {
  const style = getComputedStyle(figure);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    text: read("--tblr-body-color"),
    quiet: read("--tblr-secondary"),
    line: read("--tblr-border-color"),
    ground: read("--tblr-bg-surface"),
    warm: read("--chart-warm"),
    series: read("--chart-series").split(" ").filter(Boolean),
    heat: read("--chart-heat").split(" ").filter(Boolean),
  };
}
