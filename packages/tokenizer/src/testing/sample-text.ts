/** Sentences of a small grammar, the same for the same seed: enough repetition for a vocabulary of some hundred tokens. */
export function sampleTexts(count: number, seed = 1): string[] {
  let state = seed >>> 0;
  const below = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const pick = (words: readonly string[]) => words[below(words.length)]!;
  const things = ['cat', 'dog', 'rocket', 'mushroom', 'teapot', 'violin', 'café', '猫', 'elephant', 'umbrella'];
  const colours = ['red', 'green', 'blue', 'yellow', 'purple', 'white'];
  const places = ['left of', 'right of', 'above', 'below', 'behind'];
  return Array.from({ length: count }, () => {
    const box = Array.from({ length: 4 }, () => `0.${10 + below(90)}`).join(', ');
    return `A ${pick(colours)} ${pick(things)} is ${pick(places)} the ${pick(colours)} ${pick(things)}.\nIt isn't at [${box}], it's ${below(10)} away.\n\n`;
  });
}

/** The error that an action throws. */
export function thrownBy(action: () => unknown): { code: string; message: string } {
  try {
    action();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('expected an error');
}
