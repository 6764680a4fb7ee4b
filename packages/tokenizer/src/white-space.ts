/** White space as Unicode and Python's `str.strip` have it: with U+0085 and the four separators U+001C to U+001F, without U+FEFF. */
const space = '[\\p{White_Space}\\u001c-\\u001f]+';
const leading = new RegExp(`^${space}`, 'u');
const trailing = new RegExp(`(?<!${space.slice(0, -1)})${space}$`, 'u');

/** Without white space at the end. */
export function stripEnd(text: string): string {
  return text.replace(trailing, '');
}

/** Without white space at both ends. */
export function strip(text: string): string {
  return stripEnd(text.replace(leading, ''));
}
