import { Link } from '@tanstack/react-router';
import type { ReactElement, ReactNode } from 'react';
import type { Filter, LogSearch } from './log-search.js';

type Props = Readonly<{
  search: LogSearch;
  filter: Filter;
  value: string | null | undefined;
  children: ReactNode;
  className?: string | undefined;
}>;

/** A value that is a link to the log with only this value; plain text where there is no value to filter by. */
export function FilterLink({ search, filter, value, children, className }: Props): ReactElement {
  if (value === null || value === undefined || value === '') return <span className={className}>{children}</span>;
  const { open: _open, ...rest } = search;
  return (
    <Link to="/log" search={{ ...rest, [filter]: [value] }} className={className} tabIndex={-1}>
      {children}
    </Link>
  );
}
