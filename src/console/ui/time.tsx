import { useEffect, useState, type ReactElement } from 'react';

const MINUTE_MS = 60_000;
const STEPS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** How long ago, or in how long, in the largest unit that fits. */
export function relativeTime(time: string, now: number): string {
  const seconds = Math.round((Date.parse(time) - now) / 1000);
  for (const [unit, size] of STEPS)
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  return seconds > 0 ? 'in less than a minute' : 'just now';
}

/** A time as people say it, the exact one on hovering. It moves on by itself every minute. */
export function Time({ value, never }: Readonly<{ value: string | null | undefined; never: string }>): ReactElement {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  if (value === null || value === undefined) return <>{never}</>;
  return (
    <time dateTime={value} title={exact.format(new Date(value))}>
      {relativeTime(value, Math.max(now, Date.now()))}
    </time>
  );
}
