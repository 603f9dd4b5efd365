import {
  createSortedRowModel,
  rowSortingFeature,
  sortFns,
  tableFeatures,
  useTable,
  type ColumnDef,
  type SortDirection,
} from '@tanstack/react-table';
import { useMemo, type ReactElement, type ReactNode } from 'react';
import styles from './table.module.css';

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns,
});

/** A column: what a cell shows and, where the column can be sorted, what it is sorted by. */
export type Column<Item> = Readonly<{
  id: string;
  header: string;
  cell: (item: Item) => ReactNode;
  value?: (item: Item) => string | number;
  /** Its cells name the row. */
  isRowHeader?: boolean;
  isAtEnd?: boolean;
}>;

type TableProps<Item> = Readonly<{
  caption: string;
  items: readonly Item[];
  columns: readonly Column<Item>[];
  keyOf: (item: Item) => string;
}>;

const ariaSort = (sorted: false | SortDirection): 'ascending' | 'descending' | 'none' =>
  sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none';

const ARROWS = { asc: ' ↑', desc: ' ↓' } as const;

/** A table; pressing a column's name sorts by it. `columns` and `items` should be the same objects between renders. */
export function DataTable<Item extends object>(props: TableProps<Item>): ReactElement {
  const { caption, items, columns, keyOf } = props;
  const definitions = useMemo(
    () =>
      columns.map(({ id, header, cell, value }): ColumnDef<typeof features, Item> =>
        value
          ? { id, header, cell: ({ row }) => cell(row.original), accessorFn: value, sortFn: 'alphanumeric' }
          : { id, header, cell: ({ row }) => cell(row.original), enableSorting: false },
      ),
    [columns],
  );
  const data = useMemo(() => [...items], [items]);
  const table = useTable({ features, columns: definitions, data, getRowId: keyOf });
  const columnOf = new Map(columns.map((column) => [column.id, column]));
  return (
    <div className={styles['scroll']}>
      <table className={styles['table']}>
        <caption className={styles['caption']}>{caption}</caption>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map(({ column, id }) => {
                const header = columnOf.get(column.id)?.header ?? '';
                const sorted = column.getIsSorted();
                if (header === '') return <td key={id} />;
                return (
                  <th
                    key={id}
                    scope="col"
                    className={columnOf.get(column.id)?.isAtEnd ? styles['end'] : ''}
                    {...(column.getCanSort() && { 'aria-sort': ariaSort(sorted) })}
                  >
                    {column.getCanSort() ? (
                      <button type="button" className={styles['sort']} onClick={column.getToggleSortingHandler()}>
                        {header}
                        <span aria-hidden="true">{sorted ? ARROWS[sorted] : ''}</span>
                      </button>
                    ) : (
                      header
                    )}
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id}>
              {columns.map(({ id, cell, isRowHeader, isAtEnd }) =>
                isRowHeader ? (
                  <th key={id} scope="row">
                    {cell(row.original)}
                  </th>
                ) : (
                  <td key={id} className={isAtEnd ? styles['end'] : ''}>
                    {cell(row.original)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
