/** Sizes for people: `10 KiB`, `1.0 MiB`. Golden: `helpers.json ibytes`. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

export function renderBytes(count: number): string {
  if (count < 10) return `${count} B`;
  const power = Math.min(units.length - 1, Math.floor(Math.log(count) / Math.log(1024)));
  const value = Math.floor((count / 1024 ** power) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[power] ?? 'B'}`;
}
