import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { compare } from '../statistics/compare.ts';
import type { EvalRow } from '../types.ts';
import { answerBrowser, duels } from './answer-browser.ts';

const row = (id: string, score: number, over: Partial<EvalRow> = {}): EvalRow => ({
  id,
  task: 'open-vqa',
  split: 'new-scene',
  type: 'name',
  condition: 'image',
  prompt: `Question ${id}?`,
  output: `answer ${score}`,
  expected: 'cat',
  score,
  ...over,
});

describe('duels', () => {
  it('pair questions by task, condition and id, and leave out what one was not asked', () => {
    const a = [row('1', 1), row('2', 0), row('1', 0.5, { condition: 'no-image' }), row('9', 1)];
    const b = [row('2', 1), row('1', 0), row('1', 1, { task: 'existence' }), row('1', 0, { condition: 'no-image' })];
    const found = duels({ name: 'a', rows: a }, { name: 'b', rows: b });
    expect(found.map(({ id, condition, scoreA, scoreB }) => [id, condition, scoreA, scoreB])).toEqual([
      ['1', 'image', 1, 0],
      ['2', 'image', 0, 1],
      ['1', 'no-image', 0.5, 0],
    ]);
    expect(() => duels({ name: 'a', rows: a }, { name: 'c', rows: [] })).toThrow(/no question in common/);
  });
});

describe('the page', () => {
  const rows = Array.from({ length: 30 }, (_, i) => row(String(i), i % 3 === 0 ? 1 : 0));
  const others = Array.from({ length: 30 }, (_, i) => row(String(i), 0));

  it('counts wins and says in words whether they can be told apart', () => {
    const page = answerBrowser({ name: 'first', rows }, { name: 'second', rows: others }, { title: 'T', seed: 1 });
    expect(page).toContain(
      '<th scope="row">open-vqa</th><td>30</td><td>10</td><td>0</td><td>20</td><td>first better than second by 0.333',
    );
    const same = answerBrowser({ name: 'first', rows }, { name: 'same', rows }, { title: 'T', seed: 1 });
    expect(same).toMatch(/cannot be told apart/);
  });

  it('shows what each says most, beside the truth', () => {
    const said = (output: string): EvalRow[] =>
      rows.map((one, i) => ({ ...one, output: i < 20 ? output : 'no', expected: i % 2 ? 'yes' : 'no' }));
    const page = answerBrowser(
      { name: 'a', rows: said('Yes.') },
      { name: 'b', rows: said('no') },
      { title: 'T', seed: 1 },
    );
    expect(page).toContain('<td>yes 67 %, no 33 % · 67 % yes · 2 in all</td><td>no 100 % · 0 % yes · 1 in all</td>');
    expect(page).toContain('<td>no 50 %, yes 50 % · 50 % yes · 2 in all</td></tr>');
  });

  it('weighs documents by their bytes, as the report does', () => {
    const document = (id: string, score: number, weight: number): EvalRow =>
      row(id, score, { task: 'bits-per-byte', condition: 'text', weight });
    const page = answerBrowser(
      { name: 'first', rows: [document('1', 2, 300), document('2', 4, 100)] },
      { name: 'second', rows: [document('1', 3, 300), document('2', 4, 100)] },
      { title: 'T', seed: 1 },
    );
    expect(page).toMatch(/first and second cannot be told apart: difference -0\.750/);
  });

  it('takes questions about one picture together, in the words of compare', () => {
    const { next } = createRandom('pictures');
    const run = (): EvalRow[] =>
      Array.from({ length: 60 }, (_, picture) => [picture, next()] as const).flatMap(([picture, right]) =>
        Array.from({ length: 20 }, (_, question) =>
          row(`${picture}/${question}`, next() < right ? 1 : 0, { cluster: `${picture}.jpg` }),
        ),
      );
    let told = 0;
    for (let study = 0; study < 10; study++) {
      const [a, b] = [run(), run()];
      const page = answerBrowser({ name: 'a', rows: a }, { name: 'b', rows: b }, { title: 'T', seed: 1 });
      const { sentence, verdict } = compare({ name: 'a', runs: [a] }, { name: 'b', runs: [b] }, { seed: '1/open-vqa' });
      expect(page).toContain(`<td>${sentence}</td>`);
      if (verdict !== 'cannot be told apart') told++;
    }
    expect(told).toBeLessThan(4);
  }, 30_000);

  it('nothing that a model says can leave its place', () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)>';
    const page = answerBrowser(
      { name: evil, rows: [row('1', 1, { output: evil, prompt: evil }), row('2', 1)] },
      { name: 'b', rows: [row('1', 0, { output: evil }), row('2', 1)] },
      { title: evil, seed: 1, picture: () => 'data:image/png;base64,AAAA' },
    );
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toContain('<img src=x');
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)![1]!;
    expect(JSON.parse(data)).toMatchObject({
      pictures: ['data:image/png;base64,AAAA'],
      duels: [{ a: evil, picture: 0 }, { picture: 0 }],
    });
  });
});
