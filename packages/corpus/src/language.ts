/** Articles, plurals and lists for the names of things. */

const massNouns = new Set([
  'bread',
  'rice',
  'cooked rice',
  'popcorn',
  'fire',
  'bacon',
  'butter',
  'salt',
  'spaghetti',
  'garlic',
  'broccoli',
  'ice',
  'soap',
  'wood',
  'coral',
  'candy',
  'sushi',
  'money',
  'mail',
  'e-mail',
  'fog',
  'shaved ice',
  'honey',
  'curry rice',
  'yarn',
  'thread',
  'green salad',
  'bowling',
  'tennis',
  'baseball gear',
  'badminton',
  'ping pong',
  'lacrosse',
  'construction',
  'dna',
  'herb',
  'fireworks',
  'canned food',
]);

/** Does the name stand in the plural (`grapes`, `jeans`)? */
export function isPlural(name: string): boolean {
  return /s$/.test(name) && !/(ss|us|is|as)$/.test(name);
}

/** Can one ask how many there are? */
export function isCountable(name: string): boolean {
  return !massNouns.has(name);
}

/** `apple` → `an apple`, `grapes` → `grapes`, `bread` → `bread`. */
export function withArticle(name: string, adjective = ''): string {
  const phrase = adjective ? `${adjective} ${name}` : name;
  if (isPlural(name) || massNouns.has(name)) return phrase;
  return `${/^[aeio]|^u(?!n[ei]|s|k|t)|^hour|^x-ray|^8/.test(phrase) ? 'an' : 'a'} ${phrase}`;
}

/** `berry` → `berries`, `box` → `boxes`, `fish` → `fish`. */
export function plural(name: string): string {
  if (isPlural(name) || massNouns.has(name)) return name;
  if (/(fish|sheep|deer|squid|bison|moose)$/.test(name)) return name;
  if (/mouse$/.test(name)) return name.replace(/mouse$/, 'mice');
  if (/goose$/.test(name)) return name.replace(/goose$/, 'geese');
  if (/(leaf|loaf|wolf|scarf|knife)$/.test(name)) return name.replace(/fe?$/, 'ves');
  if (/[^aeiou]y$/.test(name)) return name.replace(/y$/, 'ies');
  if (/(s|x|z|ch|sh|tomato|potato|mango)$/.test(name)) return `${name}es`;
  return `${name}s`;
}

/** `is` or `are`, as the name asks for. */
export function verb(name: string): 'is' | 'are' {
  return isPlural(name) ? 'are' : 'is';
}

/** `[a, b, c]` → `a, b and c`. */
export function listOf(items: readonly string[]): string {
  return items.length <= 1 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

/** Small numbers in words. */
export function numberWord(n: number): string {
  return words[n] ?? String(n);
}
