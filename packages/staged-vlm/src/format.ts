/**
 * Seconds as a person says them.
 *
 * @example formatDuration(75) // '1:15'
 */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = whole / 86_400;
  if (days >= 730) return `${formatCount(days / 365)} years`;
  if (days >= 2) return `${days.toFixed(1)} days`;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/**
 * A count with three significant digits and a unit prefix.
 *
 * @example formatCount(16_700) // '16.7k'
 */
export function formatCount(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits =
    unit === 0 ? (Number.isInteger(value) ? 0 : 1) : Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)}${units[unit]}`;
}

/** Bytes in powers of ten. */
export function formatBytes(bytes: number): string {
  return `${formatCount(bytes)}B`;
}

/** Columns of text, padded to the widest cell; the first column to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
