/** From what a page tells (handlers/console/chart.py) to what ECharts draws. */
const NARROW_PX = 520;
const LABEL_PX = 12;
const LABEL_GAP_PX = 8;
const AXIS_PX = 56;
const MOST_LABEL_LINES = 2;
const MOST_BESIDE = 0.4;
const DAY = /^\d{4}\/\d{2}\/\d{2}$/;
const MOMENT = /^\d{4}\/\d{2}/;
const CJK = /[\u3040-\u9fff]/;
const MOST_NAMES = 24;

/** Names of an axis stay within the chart, whatever their length. */
const BOUNDS = { outerBoundsMode: "same", outerBoundsContain: "axisLabel" };

const FORMATS = {
  money: (value) => `NT$${whole(value)}`,
  percent: (value) => `${(value * 100).toFixed(1)}%`,
  times: (value) => (Math.abs(value) < 0.1 ? small(value) : value.toFixed(2)),
};
const whole = (value) => (Number.isInteger(value) ? value : Number(value.toFixed(1))).toLocaleString("en");
const small = (value) => String(Number(value.toPrecision(2)));
const short = (value) => {
  if (value !== 0 && Math.abs(value) < 1) return small(value);
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toFixed(1))}M`;
  return Math.abs(value) >= 1e4 ? `${Number((value / 1e3).toFixed(1))}k` : whole(value);
};

/** Write numbers below zero with a true minus, before the currency. */
const minus = (format) => (value) => (value < 0 ? `−${format(-value)}` : format(value));

/** Return ECharts' option for one chart; it measures words, so `page.font` is a font's real name. */
export function optionFor(kind, told, page) {
  const format = minus(FORMATS[page.unit] ?? whole);
  const axis = minus(page.unit === "percent" ? (value) => `${Number((value * 100).toFixed(1))}%` : short);
  const common = {
    animationDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 300,
    aria: { enabled: true, label: { description: page.title } },
    color: page.colours.series,
    textStyle: { color: page.colours.text, fontFamily: page.font, fontSize: LABEL_PX },
    // Words of the tooltip are drawn, not HTML: the page's policy allows no styles in markup.
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: page.colours.ground,
      borderColor: page.colours.line,
      textStyle: { color: page.colours.text },
      valueFormatter: (value) => (value === null || value === undefined ? "–" : format(value)),
    },
  };
  return { ...common, ...KINDS[kind](told, { ...page, format, axis, isNarrow: page.width < NARROW_PX, common }) };
}

const KINDS = { bars, trend, heat, sankey, funnel, pareto, intervals };

function bars(told, page) {
  const isLying = lies(told, page);
  const names = categories(told.names, page, isLying);
  const values = { type: "value", max: roomFor(told.lines), axisLabel: { color: page.colours.quiet, formatter: page.axis, hideOverlap: true }, splitLine: split(page) };
  const isNumbered = told.series.length === 1 && told.names.length <= (isLying ? 16 : 8);
  return {
    ...grid(told.series.length > 1, page, isLying && isNumbered ? room(told.series[0].values, page) : 16),
    tooltip: { ...page.common.tooltip, trigger: "axis", axisPointer: { type: "shadow" } },
    xAxis: isLying ? values : names,
    yAxis: isLying ? { ...names, inverse: true } : values,
    series: told.series.map(({ name, values: numbers }, at) => ({
      name,
      type: "bar",
      data: numbers,
      stack: told.stacked ? "all" : undefined,
      barMaxWidth: 36,
      itemStyle: { borderRadius: told.stacked ? 0 : 3 },
      cursor: pointer(told.urls),
      label: { show: isNumbered, position: isLying ? "right" : "top", color: page.colours.text, formatter: ({ value }) => page.format(value) },
      markLine: at === 0 ? marks(told.lines, page, isLying ? "x" : "y") : undefined,
    })),
  };
}

function trend(told, page) {
  return {
    ...grid(told.series.length > 1 || told.bands.length > 0, page),
    tooltip: { ...page.common.tooltip, trigger: "axis" },
    xAxis: { ...categories(told.names, page), boundaryGap: false },
    yAxis: { type: "value", max: told.stacked && page.unit === "percent" ? 1 : roomFor(told.lines, told.most), axisLabel: { color: page.colours.quiet, formatter: page.axis }, splitLine: split(page) },
    series: [
      ...told.bands.flatMap((band) => area(band, page.colours.series[0])),
      ...told.series.map(({ name, values }, at) => ({
        name,
        type: "line",
        color: page.colours.series[at % page.colours.series.length],
        data: values,
        stack: told.stacked ? "all" : undefined,
        areaStyle: told.stacked ? { opacity: 0.6 } : undefined,
        showSymbol: values.length <= 31 && !told.stacked,
        symbolSize: 6,
        markLine: at === 0 ? marks(told.lines, page, "y") : undefined,
      })),
    ],
  };
}

/** An interval as a pale area: its low end unseen, the rest stacked upon it. */
function area({ name, low, high }, color) {
  const shared = { type: "line", color, stack: `band ${name}`, symbol: "none", lineStyle: { opacity: 0 }, tooltip: { show: false }, silent: true };
  return [
    { ...shared, data: low },
    { ...shared, name, data: high.map((value, at) => (value === null || low[at] === null ? null : value - low[at])), areaStyle: { opacity: 0.18 }, itemStyle: { opacity: 0.3 } },
  ];
}

function heat(told, page) {
  const cells = told.cells.flatMap((row, y) => row.map((value, x) => ({ value: [x, y, value ?? "-"], url: told.urls[y]?.[x] })));
  const numbers = told.cells.flat().filter((value) => value !== null);
  const most = Math.max(...numbers, 1e-9);
  return {
    grid: { left: 16, right: 8, top: 8, bottom: 48, ...BOUNDS },
    tooltip: { ...page.common.tooltip, formatter: ({ value: [x, y, number] }) => `${told.rows[y]} × ${told.names[x]}\n${number === "-" ? "–" : page.format(number)}` },
    xAxis: { ...categories(told.names, page, false, { rotate: 40 }), splitArea: { show: false } },
    yAxis: { ...categories(told.rows, page, true), inverse: true },
    visualMap: { min: 0, max: most, calculable: false, orient: "horizontal", left: "center", bottom: 0, itemHeight: 120, itemWidth: 10, inRange: { color: page.colours.heat }, text: [page.format(most), page.format(0)], textStyle: { color: page.colours.quiet }, formatter: page.format },
    series: [{
      type: "heatmap",
      data: cells,
      label: { show: !page.isNarrow || told.names.length <= 5, formatter: ({ value }) => (value[2] === "-" ? "" : page.format(value[2])) },
      itemStyle: { borderColor: page.colours.ground, borderWidth: 2 },
      cursor: pointer(told.urls.flat()),
    }],
  };
}

function sankey(told, page) {
  const begins = new Set(told.links.map(({ source }) => source));
  const colour = (at) => page.colours.series[told.kinds[at] % page.colours.series.length];
  return {
    tooltip: { ...page.common.tooltip, trigger: "item" },
    series: [{
      type: "sankey",
      // Names of the right side stand within the chart, left of their bars.
      data: told.names.map((name, at) => ({
        name,
        itemStyle: { color: colour(at) },
        label: { position: begins.has(name) ? "right" : "left" },
      })),
      links: told.links,
      left: 4,
      right: 12,
      top: 12,
      bottom: 12,
      nodeGap: 14,
      draggable: false,
      layoutIterations: 0, // The nodes stay in the order in which they are told.
      emphasis: { focus: "adjacency" },
      lineStyle: { color: "gradient", opacity: 0.35 },
      label: { color: page.colours.text, textBorderColor: page.colours.ground, textBorderWidth: 2 },
      labelLayout: { hideOverlap: true },
    }],
  };
}

function funnel(told, page) {
  const [{ values }] = told.series;
  return {
    tooltip: { ...page.common.tooltip, trigger: "item" },
    series: [{
      type: "funnel",
      sort: "none",
      left: 4,
      width: "58%",
      top: 8,
      bottom: 8,
      minSize: "0%",
      gap: 3,
      // One colour, paler with each stage: the stages are of one kind.
      data: told.names.map((name, at) => ({ name, value: values[at], url: told.urls?.[at], itemStyle: { color: shade(page, at / Math.max(1, told.names.length - 1)) } })),
      label: { position: "right", color: page.colours.text, formatter: ({ name, value }) => `${name}  ${page.format(value)}` },
      labelLine: { length: 8, lineStyle: { color: page.colours.line } },
      itemStyle: { borderWidth: 0 },
      cursor: pointer(told.urls),
    }],
  };
}

/** A step from the strongest colour of the heat's scale to a pale one, for a part of 0 to 1. */
function shade({ colours: { heat: scale } }, part) {
  return scale[scale.length - 1 - Math.round(part * (scale.length - 2))];
}

function pareto(told, page) {
  const [{ name, values }] = told.series;
  return {
    ...grid(true, page),
    tooltip: { ...page.common.tooltip, trigger: "axis" },
    xAxis: categories(told.names, page),
    yAxis: [
      { type: "value", axisLabel: { color: page.colours.quiet, formatter: page.axis }, splitLine: split(page) },
      { type: "value", min: 0, max: 1, axisLabel: { color: page.colours.quiet, formatter: (value) => `${Math.round(value * 100)}%` }, splitLine: { show: false } },
    ],
    series: [
      { name, type: "bar", data: values, barMaxWidth: 36 },
      { name: told.cumulated_name, type: "line", yAxisIndex: 1, data: told.cumulated, symbolSize: 6, lineStyle: { color: page.colours.warm }, itemStyle: { color: page.colours.warm }, tooltip: { valueFormatter: (value) => `${(value * 100).toFixed(1)}%` } },
    ],
  };
}

function intervals(told, page) {
  const scale = told.logarithmic ? "log" : "value";
  return {
    grid: { left: 20, right: 24, top: 12, bottom: 8, ...BOUNDS },
    tooltip: { ...page.common.tooltip, formatter: ({ dataIndex }) => {
      const [value, low, high] = told.points[dataIndex];
      return value === null ? told.names[dataIndex] : `${told.names[dataIndex]}\n${page.format(value)} (${page.format(low)} – ${page.format(high)})`;
    } },
    xAxis: { type: scale, scale: !told.logarithmic, axisLabel: { color: page.colours.quiet, formatter: page.axis }, splitLine: split(page) },
    yAxis: { ...categories(told.names, page, true), inverse: true },
    series: [
      {
        type: "custom",
        data: told.points.map(([, low, high], at) => [low, high, at]),
        encode: { x: [0, 1], y: 2 },
        renderItem: (_, api) => whisker(api, page),
        silent: true,
        markLine: told.line === null ? undefined : { ...marks([{ name: "", value: told.line }], page, "x") },
      },
      { type: "scatter", data: told.points.map(([value], at) => [value, at]), symbolSize: 11, itemStyle: { color: page.colours.series[0] } },
    ],
  };
}

function whisker(api, page) {
  if (!Number.isFinite(api.value(0)) || !Number.isFinite(api.value(1))) return undefined;
  const [x1, y] = api.coord([api.value(0), api.value(2)]);
  const [x2] = api.coord([api.value(1), api.value(2)]);
  const style = { stroke: page.colours.series[0], lineWidth: 2 };
  const line = (points) => ({ type: "line", shape: { x1: points[0], y1: points[1], x2: points[2], y2: points[3] }, style });
  return { type: "group", children: [line([x1, y, x2, y]), line([x1, y - 6, x1, y + 6]), line([x2, y - 6, x2, y + 6])] };
}

function grid(hasLegend, page, right = 16) {
  return {
    grid: { left: 8, right, top: hasLegend ? 40 : 24, bottom: 8, ...BOUNDS },
    legend: hasLegend ? { top: 0, left: 0, type: "scroll", textStyle: { color: page.colours.text }, icon: "roundRect", itemWidth: 12, itemHeight: 12, itemGap: 16 } : undefined,
  };
}

/** How much place the numbers beside lying bars want. */
function room(numbers, page) {
  return Math.ceil(widest(numbers.filter((value) => value !== null).map(page.format), page)) + LABEL_GAP_PX + 8;
}

const pointer = (urls) => (urls?.some((url) => url) ? "pointer" : "default");

function categories(names, page, isLong = false, otherwise = { interval: "auto" }) {
  const labels = isLong ? { width: beside(names, page), overflow: "break", lineHeight: 16 } : labelling(names, page) ?? otherwise;
  return {
    type: "category",
    data: names,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: page.colours.line } },
    axisLabel: { color: page.colours.text, interval: 0, hideOverlap: true, ...labels },
  };
}

/** Bars lie where their names find no place below them. */
const lies = (told, page) => told.lying || !labelling(told.names, page);

/** How wide names beside their lines may be: as wide as they are, up to a part of the chart. */
const beside = (names, page) => Math.min(widest(names, page) * 1.05 + LABEL_GAP_PX, page.width * MOST_BESIDE);

/** The height in px of a chart whose names stand one below the other; null where any height does. */
export function heightFor(kind, told, page) {
  if (kind !== "intervals" && !(kind === "bars" && lies(told, page))) return null;
  const isInLines = widest(told.names, page) > beside(told.names, page);
  return told.names.length * (isInLines ? 40 : 30) * (told.stacked ? 1 : Math.max(1, (told.series?.length ?? 1) / 2)) + 64;
}

/** How names can stand below an axis: whole, some of them left out, or in lines; null if not at all. */
function labelling(names, page) {
  const each = (page.width - AXIS_PX) / names.length - LABEL_GAP_PX;
  if (names.every((name) => MOMENT.test(name))) {
    const isDaily = DAY.test(names[0]) && names.length < 366; // No day stands there twice.
    return { interval: "auto", formatter: isDaily ? (name) => name.slice(5) : undefined };
  }
  if (widest(names, page) <= each) return {};
  const inLines = names.every((name) => CJK.test(name) && widest([name], page) <= each * MOST_LABEL_LINES);
  if (inLines && each >= 4 * LABEL_PX) return { width: each, overflow: "breakAll", lineHeight: 16 };
  return names.length > MOST_NAMES ? { interval: "auto" } : null;
}

function widest(words, page) {
  ruler.font = `${LABEL_PX}px ${page.font}`;
  return Math.max(0, ...words.map((word) => ruler.measureText(word).width));
}

const ruler = document.createElement("canvas").getContext("2d");

function split(page) {
  return { lineStyle: { color: page.colours.line, type: "dashed" } };
}

/** The axis' end where a reference line, or what it is to reach, lies above all numbers; else the chart's own. */
function roomFor(lines = [], most = null) {
  if (!lines.length && most === null) return undefined;
  const top = Math.max(most ?? 0, ...lines.map(({ value }) => value));
  const step = 10 ** Math.floor(Math.log10(top || 1));
  return ({ max }) => (max < top ? Math.ceil(top / step) * step : null);
}

function marks(lines, page, side) {
  if (!lines?.length) return undefined;
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: page.colours.warm, type: "dashed" },
    label: { color: page.colours.text, position: "insideStartTop", backgroundColor: page.colours.ground, padding: [1, 4], borderRadius: 3, formatter: ({ name }) => name },
    data: lines.map(({ name, value }) => ({ name, [`${side}Axis`]: value })),
  };
}
