/**
 * Reads Hugging Face's `tokenizer.json`. Its layout can say far more than byte-level BPE; what this package cannot do exactly is refused by
 * name, so that ids never differ in silence.
 */
import { fromChars } from './byte-level.ts';
import { halves, partsOf } from './merges.ts';
import { GPT2_PATTERN } from './pattern.ts';
import { checkTokenizerData, MAX_VOCABULARY, SPECIAL, type TokenizerData, vocabularySize } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

type Json = Record<string, unknown>;

/** What the file's special tokens are to the functions of this package. */
export interface FromHuggingFaceOptions {
  /** The file's token that ends a document (Llama 3's `<|end_of_text|>`); it becomes `SPECIAL.endOfText`. Default: the token that is called so. */
  endOfText?: string;
  /** Special tokens that get ids behind the last one where the file has none of the name: `SPECIAL_TOKENS` for training on pictures. */
  specialTokens?: readonly string[];
}

/**
 * The vocabulary of a `tokenizer.json`: GPT-2's, GPT-NeoX's, Llama 3's, Qwen 2's and others with a BPE model on bytes.
 *
 * Added tokens that are marked special become `specials`, which no text encodes to (Hugging Face's libraries read them out of text);
 * the others, such as GPT-NeoX's runs of spaces, are found in text as there. Post-processors, which put special tokens around a text, are not
 * part of a vocabulary: the functions for items and conversations do that here.
 *
 * @param json the parsed file
 * @throws {TokenizerError} `invalid-data` naming what is not supported, or what is wrong; `unknown-special` for an `endOfText` that is none of its
 *   special tokens
 *
 * @example
 * const data = fromHuggingFace(JSON.parse(await readFile('tokenizer.json', 'utf8')));
 * const llama3 = fromHuggingFace(json, { endOfText: '<|end_of_text|>', specialTokens: SPECIAL_TOKENS });
 */
export function fromHuggingFace(json: unknown, options: FromHuggingFaceOptions = {}): TokenizerData {
  const file = object(json, 'a tokenizer.json');
  const model = object(file['model'], 'model');
  checkModel(model);
  const normalizer = readNormalizer(file['normalizer']);
  const pattern = readPattern(file['pre_tokenizer']);
  checkDecoder(file['decoder']);
  const { specials, added } = readAddedTokens(file['added_tokens'], normalizer !== undefined);
  const ranks = readRanks(model, new Set([...Object.keys(specials), ...Object.keys(added)]));
  return withSpecials(
    checkTokenizerData({
      version: 1,
      pattern,
      specials,
      ranks,
      ...(Object.keys(added).length > 0 && { added }),
      ...(normalizer && { normalizer }),
    }),
    options,
  );
}

function withSpecials(data: TokenizerData, { endOfText, specialTokens = [] }: FromHuggingFaceOptions): TokenizerData {
  const specials = { ...data.specials };
  if (endOfText !== undefined && endOfText !== SPECIAL.endOfText) {
    const id = Object.hasOwn(specials, endOfText) ? specials[endOfText] : undefined;
    if (id === undefined)
      throw new TokenizerError(
        'unknown-special',
        `endOfText: expected one of the file's special tokens (${Object.keys(specials).join(', ') || 'none'}), got ${endOfText}.`,
      );
    delete specials[endOfText];
    specials[SPECIAL.endOfText] = id; // where the file calls another token so, that one stays without a name
  }
  let next = vocabularySize(data);
  for (const name of specialTokens) if (!Object.hasOwn(specials, name)) specials[name] = next++;
  return checkTokenizerData({ ...data, specials });
}

function checkModel(model: Json): void {
  const type = model['type'] ?? 'BPE'; // files of 2020 do not name it
  if (type !== 'BPE') refuse('model', type, 'BPE');
  for (const option of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout'])
    if (model[option]) refuse(`model.${option}`, model[option], 'none');
  if (model['byte_fallback']) refuse('model.byte_fallback', true, 'false: a vocabulary on bytes, not on characters');
}

function readNormalizer(value: unknown): 'NFC' | undefined {
  if (value === null || value === undefined) return undefined;
  const normalizer = object(value, 'normalizer');
  if (normalizer['type'] === 'NFC') return 'NFC';
  if (normalizer['type'] === 'Sequence') {
    const found = new Set(list(normalizer['normalizers'], 'normalizer.normalizers').map(readNormalizer));
    found.delete(undefined);
    return [...found][0];
  }
  return refuse('normalizer', normalizer['type'], 'none or NFC');
}

function readPattern(value: unknown): string {
  const steps = flatten(object(value, 'pre_tokenizer'));
  const last = steps.at(-1);
  if (last?.['type'] !== 'ByteLevel') refuse('pre_tokenizer', last?.['type'], 'ByteLevel as its last or only step');
  if (last!['add_prefix_space'] === true)
    refuse(
      'pre_tokenizer.add_prefix_space',
      true,
      'false: it puts a space before every text, which decoding cannot take back',
    );
  const useRegex = last!['use_regex'] !== false;
  const before = steps.slice(0, -1);
  if (before.length === 0 && useRegex) return GPT2_PATTERN;
  if (before.length !== 1 || before[0]!['type'] !== 'Split' || useRegex)
    refuse(
      'pre_tokenizer',
      steps.map((step) => `${step['type']}${step === last && useRegex ? ' with use_regex' : ''}`).join(', then '),
      'ByteLevel alone, or one Split and then ByteLevel with use_regex false',
    );
  const split = before[0]!;
  const regex = object(split['pattern'], 'Split.pattern')['Regex'];
  if (typeof regex !== 'string') refuse('Split.pattern', JSON.stringify(split['pattern']), 'a Regex');
  const keepsMatches =
    (split['behavior'] === 'Isolated' && split['invert'] !== true) ||
    (split['behavior'] === 'Removed' && split['invert'] === true);
  if (!keepsMatches)
    refuse('Split', `${split['behavior']}, invert ${split['invert']}`, 'Isolated, or Removed with invert');
  return regex as string;
}

function flatten(step: Json): Json[] {
  if (step['type'] !== 'Sequence') return [step];
  return list(step['pretokenizers'], 'pre_tokenizer.pretokenizers').flatMap((one) =>
    flatten(object(one, 'pre_tokenizer')),
  );
}

function checkDecoder(value: unknown): void {
  if (value === null || value === undefined) return;
  const decoder = object(value, 'decoder');
  if (decoder['type'] !== 'ByteLevel') refuse('decoder', decoder['type'], 'ByteLevel');
}

function readAddedTokens(
  value: unknown,
  normalized: boolean,
): { specials: Record<string, number>; added: Record<string, number> } {
  const specials: [string, number][] = [];
  const added: [string, number][] = [];
  for (const one of list(value ?? [], 'added_tokens')) {
    const token = object(one, 'added_tokens');
    const { content, id } = token;
    if (typeof content !== 'string' || typeof id !== 'number')
      throw new TokenizerError(
        'invalid-data',
        `Expected every added token to have content and id, got ${JSON.stringify(one)}.`,
      );
    if (token['special'] === true) {
      specials.push([content, id]);
      continue;
    }
    for (const option of ['single_word', 'lstrip', 'rstrip'])
      if (token[option] === true) refuse(`added token ${JSON.stringify(content)}: ${option}`, true, 'false');
    if (normalized && token['normalized'] === false && content.normalize('NFC') !== content)
      refuse(`added token ${JSON.stringify(content)}: normalized`, false, 'true for a token that NFC changes');
    added.push([content, id]);
  }
  return { specials: Object.fromEntries(specials), added: Object.fromEntries(added) };
}

function readRanks(model: Json, apart: ReadonlySet<string>): (string | null)[] {
  const merges = list(model['merges'], 'model.merges').map(readMerge);
  const vocab = object(model['vocab'], 'model.vocab');
  const rankOf = new Map<string, number>();
  const ranks: (string | null)[] = [];
  for (const [token, id] of Object.entries(vocab)) {
    if (apart.has(token)) continue;
    if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= MAX_VOCABULARY)
      throw new TokenizerError('invalid-data', `Expected the id of ${token} to be a whole number, got ${String(id)}.`);
    const bytes = fromChars(token);
    if (bytes === undefined)
      throw new TokenizerError('invalid-data', `Expected token ${id} to be byte-level, got ${JSON.stringify(token)}.`);
    while (ranks.length <= (id as number)) ranks.push(null);
    ranks[id as number] = Buffer.from(bytes).toString('base64');
    rankOf.set(token, id as number);
  }
  if (model['ignore_merges'] === true) checkIgnoredMerges(merges, rankOf);
  else checkMerges(merges, rankOf);
  return ranks;
}

/** tiktoken merges in the order of ids and by bytes alone: the file's merges have to say the same. */
function checkMerges(merges: readonly [string, string][], rankOf: ReadonlyMap<string, number>): void {
  let before = -1;
  const made = new Set<string>();
  for (const [left, right] of merges) {
    const token = left + right;
    const id = idOfMerge(left, right, rankOf);
    if (id <= before) refuseOrder(left, right, id, before);
    const [ownLeft, ownRight] = halves(token, { get: (part) => below(rankOf.get(part), id) }, id);
    if (ownLeft !== left || ownRight !== right)
      refuse(
        'model.merges',
        `"${left} ${right}"`,
        `"${ownLeft} ${ownRight}", which the merges before it leave of token ${id}`,
      );
    before = id;
    made.add(token);
  }
  for (const [token, id] of rankOf)
    if (token.length > 1 && !made.has(token))
      refuse('model.vocab', `token ${id} (${JSON.stringify(token)})`, 'a merge for every token of more than one byte');
}

/**
 * Llama 3's files say ignore_merges: a word that is a token is that token, whatever its merges, which is what tiktoken does. Parts of other words are
 * merged all the same. Such files list every way to make a token of two, one behind the other, and none for a token that is a whole word only.
 */
function checkIgnoredMerges(merges: readonly [string, string][], rankOf: ReadonlyMap<string, number>): void {
  let before = -1;
  const listed = new Set<string>();
  for (const [left, right] of merges) {
    const id = idOfMerge(left, right, rankOf);
    if (id < before) refuseOrder(left, right, id, before);
    before = id;
    listed.add(`${left} ${right}`);
  }
  for (const [token, id] of rankOf) {
    if (token.length === 1) continue;
    const parts = partsOf(token, { get: (part) => below(rankOf.get(part), id) });
    if (parts.length === 2 && parts.every((part) => rankOf.has(part)) && !listed.has(parts.join(' ')))
      refuse('model.merges', `none of "${parts.join(' ')}"`, `it, which the merges before it leave of token ${id}`);
  }
}

function idOfMerge(left: string, right: string, rankOf: ReadonlyMap<string, number>): number {
  const id = rankOf.get(left + right);
  if (id !== undefined) return id;
  throw new TokenizerError(
    'invalid-data',
    `The merge "${left} ${right}" makes a token that model.vocab does not have.`,
  );
}

function refuseOrder(left: string, right: string, id: number, before: number): never {
  return refuse(
    'model.merges',
    `"${left} ${right}" (id ${id}) behind id ${before}`,
    'merges in the order of the ids they make',
  );
}

function below(rank: number | undefined, limit: number): number | undefined {
  return rank !== undefined && rank < limit ? rank : undefined;
}

/** `"a b"` in older files, `["a", "b"]` in newer ones. */
function readMerge(merge: unknown): [string, string] {
  const parts = typeof merge === 'string' ? merge.split(' ') : merge;
  if (!Array.isArray(parts) || parts.length !== 2 || parts.some((part) => typeof part !== 'string' || part === ''))
    throw new TokenizerError('invalid-data', `Expected a merge of two tokens, got ${JSON.stringify(merge)}.`);
  return parts as [string, string];
}

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TokenizerError(
      'invalid-data',
      `Expected ${what} to be an object, got ${value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value}.`,
    );
  return value as Json;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value))
    throw new TokenizerError('invalid-data', `Expected ${what} to be a list, got ${typeof value}.`);
  return value;
}

function refuse(what: string, got: unknown, expected: string): never {
  throw new TokenizerError(
    'invalid-data',
    `${what}: this package does byte-level BPE and expected ${expected}, got ${String(got)}. With it the ids would differ, so the file is refused.`,
  );
}
