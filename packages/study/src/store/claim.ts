/**
 * Who works on a phase: claims with rising numbers, of which the highest counts.
 *
 * A holder rewrites its claim every few seconds. Whoever wants the phase watches that with a clock of its own: a claim that stayed the same for
 * a whole lapse is lost, and the next number, which only one can create, is the new claim. So nothing depends on synchronised clocks,
 * nothing is ever deleted or renamed to take over, and the number orders all attempts (a fencing token). A holder that cannot reach the store
 * stops by itself before anyone else may begin; one that stood still asks first whether it was overtaken.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StudyError } from '../study-error.ts';
import { isDead, type StoreHolder, thisHolder } from './holder.ts';

/** The right to work on one phase. */
export interface Claim {
  /** Rises with every claim of the phase. */
  readonly token: number;
  /** Fires, with a StudyError `claim-lost` as its reason, when the claim could not be kept. */
  readonly signal: AbortSignal;
  /** Lets others have the phase at once. Again: nothing. */
  release(): Promise<void>;
}

export interface ClaimOptions {
  signal?: AbortSignal;
  /** Told, again and again, while a living worker has the phase. */
  onHeld?(holder: StoreHolder): void;
  /** Seconds without a sign of life after which a claim is lost. Default 120, or `STAGED_VLM_CLAIM_SECONDS`. */
  lapseSeconds?: number;
}

/** Longer than any step of a phase keeps its process from answering, on a machine that is busy with others. */
const defaultSeconds = 120;

/** Where the claims of one phase are kept. */
export interface ClaimFiles {
  /** Numbers of the claims there are. */
  list(): Promise<number[]>;
  /** Writes a claim of a number that is not there; false where it is there already. Decided for one alone. */
  create(token: number, text: string): Promise<boolean>;
  read(token: number): Promise<string | undefined>;
  write(token: number, text: string): Promise<void>;
}

interface ClaimText {
  holder: StoreHolder;
  beats: number;
  at: string;
  /** Tells apart what one process claims twice. */
  nonce: string;
  released?: boolean;
}

/**
 * Waits until the phase is free and takes it.
 *
 * @param isFinished asked before every try and once more with the claim in hand
 * @returns the claim; undefined when the phase was finished by another
 * @throws StudyError `interrupted` when the signal fires
 */
export async function takeClaim(
  files: ClaimFiles,
  isFinished: () => Promise<boolean>,
  { signal, onHeld, lapseSeconds = claimLapseSeconds() }: ClaimOptions = {},
): Promise<Claim | undefined> {
  const lapseMs = lapseSeconds * 1000;
  const pollMs = Math.min(2000, lapseMs / 10);
  const holder = thisHolder();
  let seen: { token: number; text: string | undefined; sinceMs: number } | undefined;
  let atLeast = 0;
  for (;;) {
    if (signal?.aborted) throw new StudyError('interrupted', 'Stopped while another worker had the phase.');
    if (await isFinished()) return undefined;
    const token = Math.max(atLeast, ...(await files.list()));
    const text = token === 0 ? undefined : await files.read(token);
    if (seen?.token !== token || seen.text !== text) seen = { token, text, sinceMs: performance.now() };
    const current = parseClaim(text);
    const isFree =
      token === 0 ||
      current?.released === true ||
      (current && isDead(current.holder)) ||
      performance.now() - seen.sinceMs >= lapseMs;
    if (isFree) {
      const startMs = performance.now();
      if (await files.create(token + 1, claimText({ holder, beats: 0 }))) {
        const claim = keepClaim(files, token + 1, holder, { lapseMs, startMs });
        const isOver = await isFinished().catch(async (error: unknown) => {
          await claim.release(); // Nobody has it in hand, and it would be kept for ever.
          throw error;
        });
        if (!isOver) return claim;
        await claim.release();
        return undefined;
      }
      atLeast = token + 1; // A listing may be old; what could not be created is there.
    } else {
      if (current) onHeld?.(current.holder);
      await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
  }
}

/** Who has the phase, as far as its claim says: one that was not renewed for long, by this machine's clock, is not counted. */
export async function readClaimant(files: ClaimFiles): Promise<StoreHolder | undefined> {
  const token = Math.max(0, ...(await files.list()));
  const current = token === 0 ? undefined : parseClaim(await files.read(token));
  if (!current || current.released || isDead(current.holder)) return undefined;
  const silentMs = Date.now() - Date.parse(current.at);
  return silentMs < 3 * claimLapseSeconds() * 1000 ? current.holder : undefined;
}

function keepClaim(
  files: ClaimFiles,
  token: number,
  holder: StoreHolder,
  { lapseMs, startMs }: { lapseMs: number; startMs: number },
): Claim {
  const abort = new AbortController();
  let keptMs = startMs;
  let beats = 0;
  let isReleased = false;
  let beating: Promise<void> | undefined;
  const lose = (why: string): void => {
    clearInterval(timer);
    if (!abort.signal.aborted)
      abort.abort(new StudyError('claim-lost', `This worker no longer has the phase: ${why} Another one may go on.`));
  };
  const beat = async (): Promise<void> => {
    const beatMs = performance.now();
    const highest = Math.max(token, ...(await files.list()));
    if (highest > token) return lose('it was taken over.');
    await files.write(token, claimText({ holder, beats: ++beats }));
    // Never back: a beat that began before this process stood still says less than that it woke.
    keptMs = Math.max(keptMs, beatMs);
  };
  const intervalMs = lapseMs / 8;
  let tickMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    // This process stood still, or was at something long: then the next answer says whether the claim is still there.
    const stoodStill = nowMs - tickMs > 3 * intervalMs;
    tickMs = nowMs;
    if (stoodStill) keptMs = nowMs;
    // Three quarters of the lapse: others see the claim unchanged for a whole one before they begin.
    const silentMs = nowMs - keptMs;
    if (silentMs > 0.75 * lapseMs) return lose(`the store did not answer for ${Math.round(silentMs / 1000)} s.`);
    beating ??= beat()
      .catch(() => undefined)
      .finally(() => {
        beating = undefined;
      });
  }, intervalMs);
  timer.unref();
  return {
    token,
    signal: abort.signal,
    async release() {
      clearInterval(timer);
      await beating;
      if (abort.signal.aborted || isReleased) return;
      isReleased = true;
      await files.write(token, claimText({ holder, beats: ++beats, released: true })).catch(() => undefined);
    },
  };
}

function claimText(claim: Omit<ClaimText, 'at' | 'nonce'>): string {
  return `${JSON.stringify({ ...claim, nonce: randomBytes(4).toString('hex'), at: new Date().toISOString() })}\n`;
}

/** A claim that is just being rewritten may be unreadable for a moment; that is a sign of life too. */
function parseClaim(text: string | undefined): ClaimText | undefined {
  try {
    const claim = JSON.parse(text ?? '') as ClaimText;
    return typeof claim.holder?.pid === 'number' ? claim : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds without a sign of life after which a claim is lost, unless somebody says otherwise. */
export function claimLapseSeconds(): number {
  const seconds = Number(process.env['STAGED_VLM_CLAIM_SECONDS'] ?? defaultSeconds);
  return seconds > 0 ? seconds : defaultSeconds;
}
