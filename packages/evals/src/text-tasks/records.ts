/** Records of published text tasks: JSON lines, or one JSON list. */
import { field } from '../benchmarks/benchmark.ts';
import { parseJson, parseJsonLines } from '../benchmarks/ordered-json.ts';
import { EvalsError } from '../errors.ts';

export type TextRecord = Record<string, unknown>;

/** @throws EvalsError BROKEN_FILE with the line */
export function textRecords(text: string, where: string): TextRecord[] {
  const values = /^\s*\[/.test(text) ? (parseJson(text, where) as unknown[]) : parseJsonLines(text, where);
  return values.map((value, i) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new EvalsError(
        'BROKEN_FILE',
        `${where}, record ${i + 1}: expected a JSON object, got ${JSON.stringify(value)}.`,
      );
    return value as TextRecord;
  });
}

export const string = (record: unknown, name: string, where: string): string => field(record, name, 'string', where);

/** A list of texts. @throws EvalsError BROKEN_FILE */
export function strings(record: unknown, name: string, where: string): string[] {
  const value = (record as TextRecord | null)?.[name];
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
    throw new EvalsError(
      'BROKEN_FILE',
      `${where}: expected "${name}" to be a list of texts, got ${JSON.stringify(value)?.slice(0, 60)}.`,
    );
  return value as string[];
}

/** A number that some releases write as text. @throws EvalsError BROKEN_FILE */
export function index(record: unknown, names: readonly string[], where: string): number {
  for (const name of names) {
    const value = (record as TextRecord | null)?.[name];
    const number = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (typeof number === 'boolean') return number ? 1 : 0;
    if (typeof number === 'number' || (typeof number === 'string' && /^\d+$/.test(number))) return Number(number);
  }
  throw new EvalsError('BROKEN_FILE', `${where}: expected ${names.join(' or ')} to be the number of the right choice.`);
}
