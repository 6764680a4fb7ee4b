import fc from 'fast-check';
import { expect, it } from 'vitest';
import { listElements } from './json-list.ts';

async function elements(text: string | Uint8Array, chunkBytes = 7): Promise<string[]> {
  const bytes = Buffer.from(text);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const found: string[] = [];
  for await (const element of listElements(chunks(), 'rows.json')) found.push(element);
  return found;
}

it('finds the elements of any list, however it is written and however it arrives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(undefined, 2, '\t'),
      async (list, chunkBytes, indent) => {
        const found = await elements(JSON.stringify(list, undefined, indent), chunkBytes);
        expect(found.map((element) => JSON.parse(element))).toEqual(JSON.parse(JSON.stringify(list)));
      },
    ),
  );
});

it('passes over a byte order mark and white space around the list', async () => {
  expect(await elements('\ufeff \n[1, {"a": "],[\\""}]\n')).toEqual(['1', '{"a": "],[\\""}']);
  expect(await elements('[ ]')).toEqual([]);
});

it.each([
  ['', /begins otherwise/],
  ['7', /begins otherwise/],
  ['{"a":[1]}', /begins otherwise/],
  ['x[1]', /begins otherwise/],
  ['[1,,2]', /nothing at row 1/],
  ['[1,]', /nothing at row 1/],
  ['[1,{"a":2', /ends inside row 1/],
  ['["a', /ends inside row 0/],
  ['[1] 2', /goes on behind/],
  ['[1][2]', /goes on behind/],
])('refuses %j', async (text, message) => {
  await expect(elements(text)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) });
});

it('cut anywhere, a list is never taken for a whole one', async () => {
  const whole = JSON.stringify([{ a: 'b]' }, [1, [2]], 'c']);
  for (let length = 0; length < whole.length; length++)
    await expect(elements(whole.slice(0, length))).rejects.toMatchObject({ code: 'bad-data' });
});
