import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type ClaimFiles, readClaimant, takeClaim } from './claim.ts';
import { thisHolder } from './holder.ts';

/** Claims of one phase in memory; `isDown` lets every operation fail, `answers` holds up every write. */
function claimsInMemory() {
  const texts = new Map<number, string>();
  const state: { isDown: boolean; answers?: Promise<void> } = { isDown: false };
  const answer = <Value>(value: () => Value): Promise<Value> =>
    state.isDown ? Promise.reject(new Error('no answer')) : Promise.resolve(value());
  const files: ClaimFiles = {
    list: () => answer(() => [...texts.keys()]),
    create: (token, text) => answer(() => !texts.has(token) && Boolean(texts.set(token, text))),
    read: (token) => answer(() => texts.get(token)),
    async write(token, text) {
      await state.answers;
      await answer(() => texts.set(token, text));
    },
  };
  return { files, texts, state };
}

const standStill = (ms: number): void => {
  for (const startMs = performance.now(); performance.now() - startMs < ms; );
};
const never = async (): Promise<boolean> => false;
const otherMachine = { ...thisHolder(), host: 'elsewhere', pid: 7 };
const claimOf = (holder: object, beats = 1): string =>
  JSON.stringify({ holder, beats, at: new Date().toISOString(), nonce: 'x' });

describe('takeClaim', () => {
  it('gives each of many who race a turn of its own, never two at once', async () => {
    const { files } = claimsInMemory();
    let inside = 0;
    const tokens: number[] = [];
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const claim = (await takeClaim(files, never, { lapseSeconds: 0.2 }))!;
        expect(++inside).toBe(1);
        tokens.push(claim.token);
        await sleep(30);
        inside--;
        await claim.release();
      }),
    );
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(tokens).toHaveLength(6);
  });

  it('takes over at once from a process that died here, and from another machine after a silence', async () => {
    const { files, texts } = claimsInMemory();
    texts.set(4, claimOf({ ...thisHolder(), pid: 2 ** 22 + 1 }));
    const fromDead = (await takeClaim(files, never, { lapseSeconds: 60 }))!;
    expect(fromDead.token).toBe(5);
    await fromDead.release();

    texts.set(6, claimOf(otherMachine));
    const startMs = performance.now();
    const held: string[] = [];
    const fromSilent = (await takeClaim(files, never, { lapseSeconds: 0.3, onHeld: ({ host }) => held.push(host) }))!;
    expect(performance.now() - startMs).toBeGreaterThan(290);
    expect(new Set(held)).toEqual(new Set(['elsewhere']));
    expect(fromSilent.token).toBe(7);
    await fromSilent.release();
  });

  it('does not take over while the other one shows signs of life', async () => {
    const { files, texts } = claimsInMemory();
    let beats = 0;
    const beat = (): void => void texts.set(1, claimOf(otherMachine, ++beats));
    beat();
    const heart = setInterval(beat, 50);
    const abort = new AbortController();
    const waiting = takeClaim(files, never, { lapseSeconds: 0.3, signal: abort.signal });
    await sleep(900);
    clearInterval(heart);
    expect([...texts.keys()]).toEqual([1]);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('knows a process of another boot or container by more than its number', async () => {
    const { files, texts } = claimsInMemory();
    texts.set(1, claimOf({ ...thisHolder(), pid: 2 ** 22 + 1, processes: 'another boot' }));
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 150);
    await expect(takeClaim(files, never, { lapseSeconds: 60, signal: abort.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('says that it is lost before anybody may take over, where the store is out of reach', async () => {
    const { files, state } = claimsInMemory();
    const claim = (await takeClaim(files, never, { lapseSeconds: 0.4 }))!;
    const startMs = performance.now();
    state.isDown = true;
    await new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
    expect(performance.now() - startMs).toBeLessThan(400);
    expect(claim.signal.reason).toMatchObject({
      code: 'claim-lost',
      message: expect.stringContaining('did not answer'),
    });
  });

  it('is kept by a process that stood still, where nobody took over', async () => {
    const { files, texts } = claimsInMemory();
    const claim = (await takeClaim(files, never, { lapseSeconds: 0.4 }))!;
    standStill(600);
    await sleep(200);
    expect(claim.signal.aborted).toBe(false);
    texts.set(claim.token + 1, claimOf(otherMachine));
    standStill(600);
    await sleep(200);
    expect(claim.signal.reason).toMatchObject({ message: expect.stringContaining('taken over') });
  });

  it.each([
    ['is kept', false],
    ['is lost', true],
  ])('%s after a process stood still in the middle of a renewal (taken over: %s)', async (_, isTakenOver) => {
    const { files, texts, state } = claimsInMemory();
    const claim = (await takeClaim(files, never, { lapseSeconds: 0.8 }))!;
    let answer = (): void => {};
    state.answers = new Promise((resolve) => {
      answer = resolve;
    });
    await sleep(150); // One renewal is under way, and has looked for other claims already.
    standStill(1200);
    if (isTakenOver) texts.set(claim.token + 1, claimOf(otherMachine));
    await sleep(20);
    answer();
    await sleep(300);
    expect(claim.signal.aborted).toBe(isTakenOver);
    if (isTakenOver) expect(claim.signal.reason).toMatchObject({ message: expect.stringContaining('taken over') });
    else await claim.release();
  });

  it('survives an outage that is shorter than the lapse', async () => {
    const { files, state } = claimsInMemory();
    const claim = (await takeClaim(files, never, { lapseSeconds: 0.8 }))!;
    state.isDown = true;
    await sleep(300);
    state.isDown = false;
    await sleep(600);
    expect(claim.signal.aborted).toBe(false);
    await claim.release();
  });

  it('notices that it was taken over', async () => {
    const { files, texts } = claimsInMemory();
    const claim = (await takeClaim(files, never, { lapseSeconds: 0.4 }))!;
    texts.set(claim.token + 1, claimOf(otherMachine));
    await new Promise((resolve) => claim.signal.addEventListener('abort', resolve));
    expect(claim.signal.reason).toMatchObject({ code: 'claim-lost', message: expect.stringContaining('taken over') });
    const before = texts.get(claim.token);
    await claim.release();
    expect(texts.get(claim.token)).toBe(before);
  });

  it('gives the phase back where it was finished at the last moment', async () => {
    const { files } = claimsInMemory();
    let asked = 0;
    expect(await takeClaim(files, async () => ++asked > 1)).toBeUndefined();
    expect(await readClaimant(files)).toBeUndefined();
  });

  it('gives the phase back where it cannot be said whether it is finished', async () => {
    const { files } = claimsInMemory();
    let asked = 0;
    const isFinished = async (): Promise<boolean> => {
      if (++asked > 1) throw new Error('no answer');
      return false;
    };
    await expect(takeClaim(files, isFinished)).rejects.toThrow('no answer');
    expect(await readClaimant(files)).toBeUndefined();
  });

  it('is not held up by a claim that cannot be read', async () => {
    const { files, texts } = claimsInMemory();
    texts.set(1, '{"holder":');
    const claim = (await takeClaim(files, never, { lapseSeconds: 0.2 }))!;
    expect(claim.token).toBe(2);
    await claim.release();
  });
});
