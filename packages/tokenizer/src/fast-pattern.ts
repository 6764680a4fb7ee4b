/**
 * A pre-tokenisation pattern for JavaScript that has exactly the matches it has in tiktoken's Rust, where that can be said for certain.
 *
 * Rust's `\s` is the Unicode property White_Space, JavaScript's `\s` another set; inline flags and possessive quantifiers exist only in
 * Rust. What is not in the list below is not translated: such a pattern stays with tiktoken.
 */

/** The contractions of OpenAI's later patterns, whose flag folds case by Unicode: U+017F is an s. */
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const foldedContractions = "(?:'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";

/** Constructs that mean the same in both languages, and `\s`, `\S`, which are translated. */
const known =
  /\\p\{(?:L|Lu|Ll|Lt|Lm|Lo|M|N|White_Space)\}|\\P\{White_Space\}|\\[sSrnt]|\(\?[:!]|[()|]|\[\^?|\]|[?*+]|\{\d(?:,\d?)?\}|[A-Za-z0-9' ,;:!"/_%&#@=<>~\u017f]/y;

/**
 * @returns the expression (flags `gu`), or `undefined` where the two languages may differ
 */
export function fastPattern(pattern: string): RegExp | undefined {
  const source = pattern.replaceAll(contractions, foldedContractions);
  let translated = '';
  let quantified = false;
  known.lastIndex = 0;
  for (let match = known.exec(source); match !== null; match = known.exec(source)) {
    const [part] = match;
    const quantifier = /^[?*+{]/.test(part);
    if (quantifier && quantified) return undefined; // possessive, or lazy
    quantified = quantifier;
    translated += part === '\\s' ? '\\p{White_Space}' : part === '\\S' ? '\\P{White_Space}' : part;
    if (known.lastIndex === source.length) return compile(translated);
  }
  return undefined;
}

function compile(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'gu');
  } catch {
    return undefined; // tiktoken will say what is wrong
  }
}

/** Blocks whose characters' classes have long been settled: Latin to Cyrillic, Hebrew, Arabic, Devanagari, Bengali, Thai, CJK, emoji, … */
const settledBlocks = [
  [0x0, 0x294], // U+0295 was a small letter until Unicode 15
  [0x296, 0x52f],
  [0x590, 0x6ff],
  [0x900, 0x9ff],
  [0xe00, 0xe7f],
  [0x1100, 0x11ff],
  [0x1e00, 0x2bff],
  [0x3000, 0x9fff],
  [0xac00, 0xd7a3],
  [0xfe00, 0xfe0f],
  [0xff00, 0xffef],
  [0x1f000, 0x1faff],
  [0x20000, 0x2a6df],
];

/**
 * Texts of settled characters. In others the Unicode versions of JavaScript and tiktoken may disagree on what a letter is, so that such
 * texts stay with tiktoken.
 */
export const settled: RegExp = new RegExp(
  `^[${settledBlocks.map((ends) => ends.map((end) => `\\u{${end.toString(16)}}`).join('-')).join('')}]*$`,
  'u',
);
