import { WebDatasetError } from './errors.ts';

const maxShards = 10_000_000;
/** Ranges of letters run through capitals first. */
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Expands shard lists as the shell and webdataset do: `{0000..0123}` (zero-padded, `..step` optional), `{a,b}`, nested braces,
 * `\` before a character that stands for itself, and `::` between lists.
 * Every string is a pattern: {@link literalShard} makes one of a path that is to be taken as it is.
 *
 * `${NAME}` is replaced by the environment variable `WDS_NAME`, as webdataset does: a list from a stranger cannot ask for other variables.
 *
 * @param shards one pattern or several
 * @param env default `process.env`
 * @returns paths or addresses in order
 * @throws WebDatasetError `invalid-argument` for unbalanced braces, an empty entry, a variable that is not set, or more than ten million shards
 * @example
 * expandShards('train-{000..002}.tar::more-{a,b}.tar');
 * // ['train-000.tar', 'train-001.tar', 'train-002.tar', 'more-a.tar', 'more-b.tar']
 */
export function expandShards(
  shards: string | readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const expanded = (typeof shards === 'string' ? [shards] : shards).flatMap((list) =>
    list.split('::').flatMap((pattern) => expandBraces(withVariables(pattern, env))),
  );
  if (expanded.includes('')) {
    throw new WebDatasetError(
      'invalid-argument',
      `shard list ${JSON.stringify(shards)} has an empty entry; is a "::" or a comma too many in it?`,
    );
  }
  return expanded;
}

/**
 * A path or address as a pattern that stands for it alone, whatever characters it has: where shards have come from a writer, a folder or a list, and
 * for paths of Windows, whose `\` would take the next character literally. It may also stand within braces and beside them.
 *
 * @example
 * const { shards } = await writer.close();
 * readShards(shards.map(({ path }) => literalShard(path)));
 * readShards(`${literalShard(folder)}/train-{000..009}.tar`);
 */
export function literalShard(path: string): string {
  return path.replaceAll(/[\\{},:]/g, '\\$&'); // also of "::", which is split before anything else is looked at
}

/** Values may name variables themselves, ten levels deep; what is left then stays as it is. */
function withVariables(pattern: string, env: Readonly<Record<string, string | undefined>>): string {
  let text = pattern;
  for (let level = 0; level < 10; level++) {
    const replaced = text.replace(/\$\{([\p{L}\p{N}_]+)\}/gu, (_, name: string) => {
      const value = env[`WDS_${name}`];
      if (value !== undefined) return value;
      throw new WebDatasetError(
        'invalid-argument',
        `${JSON.stringify(pattern)} needs the environment variable WDS_${name}, which is not set; set it, or write \\{ for a brace that is part of a name`,
      );
    });
    if (replaced === text) break;
    text = replaced;
  }
  return text;
}

/**
 * Brace expansion of one pattern; see {@link expandShards}.
 *
 * A group that is neither a range nor has a comma stays as it is, braces included, while groups inside it expand.
 */
export function expandBraces(pattern: string): string[] {
  let at = 0;

  // text := (plain | group)*, until `}` or `,` within a group
  function parseText(depth: number): string[] {
    let prefixes = [''];
    while (at < pattern.length) {
      const character = pattern[at]!;
      if (character === '\\' && at + 1 < pattern.length) {
        prefixes = join(prefixes, [pattern[at + 1]!]);
        at += 2;
      } else if (character === '{') {
        prefixes = join(prefixes, parseGroup(depth + 1));
      } else if (character === '}') {
        if (depth === 0) throw unbalanced(pattern);
        return prefixes;
      } else if (character === ',' && depth > 0) {
        return prefixes;
      } else {
        prefixes = join(prefixes, [character]);
        at++;
      }
    }
    if (depth > 0) throw unbalanced(pattern);
    return prefixes;
  }

  function parseGroup(depth: number): string[] {
    const start = ++at;
    const alternatives: string[][] = [];
    for (;;) {
      alternatives.push(parseText(depth));
      if (pattern[at++] === '}') break;
    }
    if (alternatives.length > 1) return alternatives.flat();
    return expandRange(pattern.slice(start, at - 1)) ?? join(join(['{'], alternatives[0]!), ['}']);
  }

  function join(left: string[], right: string[]): string[] {
    if (left.length * right.length > maxShards) {
      throw new WebDatasetError(
        'invalid-argument',
        `${JSON.stringify(pattern)} names more than ${maxShards} shards; is a digit too many in it?`,
      );
    }
    return left.flatMap((prefix) => right.map((suffix) => prefix + suffix));
  }

  return parseText(0);
}

function unbalanced(pattern: string): WebDatasetError {
  return new WebDatasetError(
    'invalid-argument',
    `unbalanced braces in ${JSON.stringify(pattern)}; write \\{ for a brace that is part of a name`,
  );
}

/** `1..10`, `001..100..2`, `a..e`; `undefined` for anything else. */
function expandRange(text: string): string[] | undefined {
  const match = /^(?:(-?\d+)\.\.(-?\d+)|([a-zA-Z])\.\.([a-zA-Z]))(?:\.\.(-?\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, from, to, fromLetter, toLetter, stepText] = match;
  const step = Math.abs(Number(stepText ?? 1)) || 1;
  const start = from === undefined ? letters.indexOf(fromLetter!) : Number(from);
  const end = to === undefined ? letters.indexOf(toLetter!) : Number(to);
  const count = Math.floor(Math.abs(end - start) / step) + 1;
  if (!(count <= maxShards)) {
    throw new WebDatasetError(
      'invalid-argument',
      `{${text}} names more than ${maxShards} shards; is a digit too many in it?`,
    );
  }
  const values = Array.from({ length: count }, (_, i) => start + (end < start ? -i : i) * step);
  if (from === undefined) return values.map((value) => letters[value]!);
  const padded = [from, to!].some((number) => /^-?0\d/.test(number));
  const width = padded ? Math.max(from.length, to!.length) : 0;
  return values.map((value) =>
    value < 0 ? `-${String(-value).padStart(width - 1, '0')}` : String(value + 0).padStart(width, '0'),
  );
}
