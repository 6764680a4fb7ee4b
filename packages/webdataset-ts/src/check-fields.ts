import { WebDatasetError } from './errors.ts';

/** @throws WebDatasetError `invalid-argument` for an option that is misspelt: it would be ignored */
export function checkFields(where: string, options: object, fields: readonly string[]): void {
  const unknown = Object.keys(options).find((field) => !fields.includes(field));
  if (unknown === undefined) return;
  throw new WebDatasetError(
    'invalid-argument',
    `${where}: unknown option ${JSON.stringify(unknown)}; expected ${fields.join(', ')}`,
  );
}
