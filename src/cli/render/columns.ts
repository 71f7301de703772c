/** Lists in columns. Golden: `helpers.json slice_groups`, `in_groups`. */

/** Cuts a list into runs of `size`, the last one shorter. */
export function inGroups<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const width = Math.max(1, size);
  return Array.from({length: Math.ceil(items.length / width)}, (_unused, index) =>
    items.slice(index * width, (index + 1) * width),
  );
}

/** Rows filled from left to right; the last row is filled up with empty texts. */
export function horizontalGroups(items: readonly string[], size: number): readonly (readonly string[])[] {
  return inGroups(items, size).map((row) => [...row, ...Array.from({length: size - row.length}, () => '')]);
}

/** Rows filled column by column, as `ls` does. */
export function verticalGroups(items: readonly string[], size: number): readonly (readonly string[])[] {
  const rows = Math.ceil(items.length / Math.max(1, size));
  return Array.from({length: rows}, (_unused, row) =>
    Array.from({length: size}, (_hole, column) => items[column * rows + row] ?? ''),
  );
}

export interface NameColumnsOptions {
  readonly columns: number;
  readonly indent: number;
  /** Letters of one column; shorter names are filled up. Absent: the longest name. */
  readonly width?: number;
  /** Spaces behind each column. */
  readonly padding: number;
  readonly order: 'rows' | 'columns';
}

/** Names in aligned columns, one line each row, each column filled up to its width. */
export function nameColumns(names: readonly string[], options: NameColumnsOptions): string {
  const width = options.width ?? Math.max(0, ...names.map((name) => Array.from(name).length));
  const groups = options.order === 'rows' ? horizontalGroups : verticalGroups;
  return groups(names, options.columns)
    .map((row) => {
      const cells = row.map(
        (name) => name + ' '.repeat(Math.max(0, width - Array.from(name).length) + options.padding),
      );
      return `${' '.repeat(options.indent)}${cells.join('')}\n`;
    })
    .join('');
}
