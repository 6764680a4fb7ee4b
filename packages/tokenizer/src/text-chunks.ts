/**
 * Most UTF-16 units given to tiktoken at once. A single match of the pattern (a run of letters or of spaces) costs tiktoken the square of its
 * length, and some hundred thousand characters in one match crash it; in parts of this size neither is felt.
 */
export const MAX_CHUNK = 4096;

/** Where a stretch of {@link MAX_CHUNK} units has no safe place, it is cut after this many. */
const HARD_CUT = 1024;

/** Between a letter and a space, newline or mark: no GPT-style pattern has a match across. (`'` is left out: `it's`.) */
const safe = /(?<=\p{L})[ \n,.;:!?。，、！？；：]/gu;

/**
 * Cuts a long text where no GPT-style pattern has a match across. A stretch of {@link MAX_CHUNK} units without such a place is cut at a character's end;
 * its tokens may then differ from those of a tokenizer without the limit, its bytes do not.
 */
export function* textChunks(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > MAX_CHUNK) {
    const end = lastSafe(text, start, start + MAX_CHUNK) ?? characterEnd(text, start + HARD_CUT);
    yield text.slice(start, end);
    start = end;
  }
  yield text.slice(start);
}

/** The last safe place between `start` and `limit`; looks at the end of the stretch first. */
function lastSafe(text: string, start: number, limit: number): number | undefined {
  for (const from of [limit - 256, start + 1]) {
    let found: number | undefined;
    const begin = Math.max(0, from - 2); // with the letter that the pattern looks back at
    const stretch = text.slice(begin, limit); // of the whole text the search would go on to its end, for every chunk
    safe.lastIndex = from - begin;
    for (let match = safe.exec(stretch); match !== null; match = safe.exec(stretch)) found = begin + match.index;
    if (found !== undefined) return found;
  }
  return undefined;
}

function characterEnd(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index - 1 : index;
}
