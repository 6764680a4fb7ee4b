/**
 * Normalisation of short answers as in VQAv2's evaluation (prismatic's copy, vlm-evaluation `util/evaluation/vqav2/eval.py`) and, beside it,
 * the same rules without their accidents.
 */
import { pythonSplit, pythonStrip } from './python-text.ts';

const marks = [
  ';',
  '/',
  '[',
  ']',
  '"',
  '{',
  '}',
  '(',
  ')',
  '=',
  '+',
  '\\',
  '_',
  '-',
  '>',
  '<',
  '@',
  '`',
  ',',
  '?',
  '!',
];
const articles = new Set(['a', 'an', 'the']);
const numberWords: Readonly<Record<string, string>> = {
  none: '0',
  zero: '0',
  one: '1',
  two: '2',
  three: '3',
  four: '4',
  five: '5',
  six: '6',
  seven: '7',
  eight: '8',
  nine: '9',
  ten: '10',
};

/** Contractions that the evaluation repairs. A form with one apostrophe left out stands for the form itself. */
const contractions =
  "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've".split(
    ' ',
  );

const repaired: ReadonlyMap<string, string> = new Map(
  contractions.flatMap((form) =>
    [...form.matchAll(/'/g)].map(({ index }): [string, string] => [form.slice(0, index) + form.slice(index + 1), form]),
  ),
);

const digitComma = /\p{Nd},\p{Nd}/u;
const period = /\.(?!\p{Nd})/gu;
/** The reference hands a flag (32) over as the count of replacements. */
const officialPeriods = 32;

/**
 * `process_punctuation` of the reference, accidents included: a mark is dropped everywhere when it stands beside a space anywhere, or when
 * the text has a comma between digits; otherwise it becomes a space. At most 32 full stops go.
 * @example officialPunctuation('t-shirt, red') // 't shirt red'
 */
export function officialPunctuation(text: string): string {
  const drop = digitComma.test(text);
  let out = text;
  for (const mark of marks) {
    const beside = text.includes(`${mark} `) || text.includes(` ${mark}`);
    out = out.replaceAll(mark, beside || drop ? '' : ' ');
  }
  let left = officialPeriods;
  return out.replace(period, (stop) => (left-- > 0 ? '' : stop));
}

/** `process_digits_articles_contractions` of the reference: lower case, number words, articles, apostrophes; `somebody'd` loses its own. */
export function officialWords(text: string): string {
  return plainWords(text, (word) => (word === "somebody'd" ? 'somebodyd' : (repaired.get(word) ?? word)));
}

/** The form that a word with one apostrophe left out stands for. */
export function repairedContraction(word: string): string | undefined {
  return repaired.get(word);
}

/** Lower case, number words as digits, no articles, each remaining word repaired. */
export function plainWords(text: string, repair: (word: string) => string): string {
  return pythonSplit(text.toLowerCase())
    .map((word) => (Object.hasOwn(numberWords, word) ? numberWords[word]! : word))
    .filter((word) => !articles.has(word))
    .map(repair)
    .join(' ');
}

/** A prediction as the reference compares it. `words` is the last step. */
export function officialPrediction(text: string, words: (text: string) => string = officialWords): string {
  return words(officialPunctuation(pythonStrip(text.replaceAll('\n', ' ').replaceAll('\t', ' '))));
}

/**
 * The rules as they are meant: every mark by itself (a comma between digits goes, any other mark is a space), every full stop that no digit
 * follows goes, and *both* sides pass through all of it.
 * @example fixedAnswer('The T-shirt!') === fixedAnswer('t shirt') // 't shirt'
 */
export function fixedAnswer(text: string): string {
  const plain = text
    .replace(/(?<=\p{Nd}),(?=\p{Nd})/gu, '')
    .replace(/[;/[\]"{}()=+\\_\-><@`,?!]/g, ' ')
    .replace(period, '');
  return plainWords(plain, (word) => repaired.get(word) ?? word);
}
