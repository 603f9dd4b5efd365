import { useEffect, useRef, type ReactElement } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import styles from './usage.module.css';

export type ChartLine = Readonly<{ label: string; values: readonly number[]; color: string }>;

type Props = Readonly<{
  label: string;
  xs: readonly number[];
  lines: readonly ChartLine[];
  /** Whether `xs` are seconds since the epoch. */
  isTime: boolean;
  unit?: string | undefined;
}>;

const HEIGHT = 220;

const colorOf = (element: Element, name: string): string => getComputedStyle(element).getPropertyValue(name).trim();

/** A chart. Its numbers stand in a table beside it, so that it is one picture for a screen reader. */
export function Chart({ label, xs, lines, isTime, unit = '' }: Props): ReactElement {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const draw = (): uPlot => drawing(element, { xs, lines, isTime, unit });
    let chart = draw();
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => {
      chart.destroy();
      chart = draw();
    };
    scheme.addEventListener('change', redraw);
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme', 'class'] });
    return () => {
      theme.disconnect();
      scheme.removeEventListener('change', redraw);
      observer.disconnect();
      chart.destroy();
    };
  }, [xs, lines, isTime, unit]);
  return <div ref={place} role="img" aria-label={label} className={styles['chart']} />;
}

/** The hour of a time, or its day at midnight; UTC, as in the table. */
const timeLabel = (time: number): string => {
  const text = new Date(time * 1000).toISOString();
  return text.slice(11, 16) === '00:00' ? text.slice(5, 10) : text.slice(11, 16);
};

function drawing(
  element: HTMLElement,
  { xs, lines, isTime, unit }: Omit<Props, 'label' | 'unit'> & { unit: string },
): uPlot {
  const [text, grid] = [colorOf(element, 'color'), colorOf(element, 'outline-color')];
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return new uPlot(
    {
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), 'Etc/UTC'),
      width: Math.max(200, element.clientWidth),
      height: HEIGHT,
      legend: { show: lines.length > 1, live: false },
      cursor: { show: false },
      scales: { x: { time: isTime }, y: { range: (_chart, _low, high) => [0, Math.max(1, high * 1.05)] } },
      axes: [
        isTime ? { ...axis, values: (_chart, ticks) => ticks.map(timeLabel) } : axis,
        { ...axis, size: 64, values: (_chart, ticks) => ticks.map((tick) => `${tick.toLocaleString('en')}${unit}`) },
      ],
      series: [
        {},
        ...lines.map(({ label, color }) => {
          const stroke = colorOf(element, color) || text;
          return { label, stroke, width: 2, points: { show: xs.length < 40, size: 5, fill: stroke } };
        }),
      ],
    },
    [[...xs], ...lines.map(({ values }) => [...values])],
    element,
  );
}
