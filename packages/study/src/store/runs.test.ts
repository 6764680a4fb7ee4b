import { describe, expect, it } from 'vitest';
import { thisHolder } from './holder.ts';
import { livingRuns, type RunFiles, showRun } from './runs.ts';

function filesInMemory() {
  const texts = new Map<string, string>();
  const files: RunFiles = {
    list: async () => [...texts.keys()],
    read: async (name) => texts.get(name),
    write: async (name, text) => void texts.set(name, text),
    remove: async (name) => void texts.delete(name),
  };
  return { files, texts };
}

const shown = (run: object, secondsAgo = 0): string =>
  JSON.stringify({ study: 's', ...run, at: new Date(Date.now() - 1000 * secondsAgo).toISOString() });
const elsewhere = { ...thisHolder(), host: 'elsewhere', pid: 7 };

describe('livingRuns', () => {
  it('tells runs here and elsewhere, until they are taken back', async () => {
    const { files, texts } = filesInMemory();
    const { end, others } = await showRun(files, { study: 'mine' });
    texts.set('other.json', shown(elsewhere));
    expect((await livingRuns(files)).map(({ study, host }) => [study, host])).toEqual([
      ['mine', thisHolder().host],
      ['s', 'elsewhere'],
    ]);
    expect((await others()).map(({ host }) => host)).toEqual(['elsewhere']);
    await end();
    expect([...texts.keys()]).toEqual(['other.json']);
  });

  it.each([
    ['a process that died here', { ...thisHolder(), pid: 2 ** 22 + 1 }, 0, false],
    ['another machine that was silent for an hour', elsewhere, 3600, true],
    ['another machine that was silent for two days', elsewhere, 2 * 86_400, false],
  ])('does not count %s', async (_, run, secondsAgo, isKept) => {
    const { files, texts } = filesInMemory();
    texts.set('r.json', shown(run, secondsAgo));
    expect(await livingRuns(files)).toEqual([]);
    expect(texts.has('r.json')).toBe(isKept);
  });

  it('takes half a file, a temporary one and one that vanishes for none', async () => {
    const { files, texts } = filesInMemory();
    texts.set('half.json', shown(elsewhere).slice(0, 20));
    texts.set('r.json.1234.tmp', shown(elsewhere));
    const vanishing: RunFiles = { ...files, list: async () => [...texts.keys(), 'gone.json'] };
    expect(await livingRuns(vanishing)).toEqual([]);
  });
});
