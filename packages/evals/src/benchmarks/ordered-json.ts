/** JSON objects whose keys are numbers: JavaScript sorts such keys, Python keeps the order of the file, and subsets depend on it. */
import { EvalsError } from '../errors.ts';

/**
 * The members of a JSON object in the order of the file.
 *
 * @param where names the text in errors
 * @throws EvalsError BROKEN_FILE when it is not one JSON object, DUPLICATE_ID for a key that occurs twice
 * @example orderedEntries('{"20": 1, "3": 2}', 'here') // [['20', 1], ['3', 2]]
 */
export function orderedEntries(text: string, where: string): [string, unknown][] {
  const object = parseJson(text, where);
  if (object === null || typeof object !== 'object' || Array.isArray(object))
    throw new EvalsError(
      'BROKEN_FILE',
      `${where}: expected a JSON object, got ${JSON.stringify(object)?.slice(0, 60)}.`,
    );
  const members = object as Record<string, unknown>;
  const keys = topLevelKeys(text);
  const isTwice = keys.length !== Object.keys(members).length;
  const twice = isTwice ? keys.find((key, i) => keys.indexOf(key) !== i) : undefined;
  if (twice !== undefined)
    throw new EvalsError('DUPLICATE_ID', `${where}: the key ${JSON.stringify(twice)} occurs twice.`);
  return keys.map((key) => [key, members[key]]);
}

/** @throws EvalsError BROKEN_FILE */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EvalsError('BROKEN_FILE', `${where}: expected JSON, but ${(error as Error).message}; fetch it again.`, {
      cause: error,
    });
  }
}

/** One value a line; empty lines do not count. @throws EvalsError BROKEN_FILE, with the line */
export function parseJsonLines(text: string, where: string): unknown[] {
  return text
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [parseJson(line, `${where}, line ${i + 1}`)]));
}

/** Of valid JSON. Strings are skipped as a whole; a string at depth 1 before a colon is a key. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;
  let depth = 0;
  let string = '';
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const [token] = match;
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token !== ':') string = token;
    else if (depth === 1) keys.push(JSON.parse(string) as string);
  }
  return keys;
}
