import type { EvalRow } from '@vlm/evals';
import {
  type Phase,
  phasesOfArm,
  type Study,
  stepsBefore,
  textModelId,
  untouchedName,
  usedCheckpoints,
} from '../graph.ts';
import { rowsFile } from '../phases/evaluate.ts';
import { metricsFile } from '../phases/train-phase.ts';
import { finishedRecords } from '../schedule.ts';
import type { PhaseRecord, Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import type { CurvePoint, StudyResults } from './results.ts';

/** Points of a curve that a report keeps; all of them stand in the phase's `metrics.jsonl`. */
const curvePoints = 100;

/** One evaluated model: its arm (or `text-model`, or a public checkpoint that nothing was done to), its seed, and the phase that asked it. */
interface Evaluated {
  arm: string;
  seed: number;
  phase: Phase;
}

/** What a report reads of a study's phases. */
export function phaseReader(study: Study, store: Store) {
  const { recipe } = study;
  const byId = new Map(study.phases.map((phase) => [phase.id, phase]));
  const find = (id: string): Phase => {
    const phase = byId.get(id);
    if (!phase) throw new StudyError('missing-artifact', `The study has no phase ${id}.`);
    return phase;
  };
  const record = async (id: string): Promise<PhaseRecord> => {
    const found = await store.record(find(id));
    if (!found) throw new StudyError('not-finished', `Phase ${id} is not finished; run the study first.`);
    return found;
  };
  const texts = new Map<string, string>();
  const points = async (id: string): Promise<CurvePoint[]> =>
    (await ownMetrics(study, find(id), store)).map((line) => JSON.parse(line) as CurvePoint);
  return {
    record,
    /** Nothing of a phase that no evaluated arm needed, such as the recipe's own encoder beside a sweep's. */
    summaryIfThere: async (id: string): Promise<Record<string, unknown>> =>
      (await store.record(find(id)))?.summary ?? {},
    /** Answers of one model. All models are asked the same: texts are held once for all of them, which more than halves a report's memory. */
    async rows(id: string): Promise<EvalRow[]> {
      const rows = wholeLines(await store.peek(find(id), rowsFile)).map((line) => JSON.parse(line) as EvalRow);
      for (const row of rows) shareTexts(row, texts);
      return rows;
    },
    curve: async (id: string): Promise<CurvePoint[]> => smoothed(await points(id)),
    /** Models of every arm and seed, then the text models, those of others last. */
    async evaluations(isPartial: boolean): Promise<Evaluated[]> {
      const wanted = recipe.arms.flatMap(({ id }) =>
        recipe.seeds.map((seed) => ({ arm: id, seed, phase: phasesOfArm(study, `${id}/seed-${seed}`)!.evaluate })),
      );
      for (const seed of recipe.seeds) {
        const phase = byId.get(textModelId(seed));
        if (phase) wanted.push({ arm: 'text-model', seed, phase });
      }
      for (const checkpoint of usedCheckpoints(recipe)) {
        const arm = untouchedName(checkpoint);
        wanted.push({ arm, seed: recipe.seeds[0]!, phase: find(`evaluate/${arm}`) });
      }
      if (!isPartial) return wanted;
      const records = await Promise.all(wanted.map(({ phase }) => store.record(phase)));
      return wanted.filter((_, i) => records[i]);
    },
    mainCurves: (): Promise<StudyResults['mainCurves']> =>
      Promise.all(
        recipe.seeds
          .flatMap((seed) => byId.get(textModelId(seed)) ?? [])
          .map(async ({ parents }, i) => {
            const seed = recipe.seeds[i]!;
            const pieces: string[] = [];
            let piece: string | undefined = parents['model'];
            for (; piece !== undefined; piece = find(piece).continues) pieces.unshift(piece);
            return { seed, points: smoothed((await Promise.all(pieces.map(points))).flat()) };
          }),
      ),
    async skipped(): Promise<Record<string, number>> {
      const total: Record<string, number> = {};
      const records = await finishedRecords(study.phases, store);
      // A piece of a main run counts what those before it left out.
      const counted = new Set(study.phases.flatMap(({ id, continues }) => (records.has(id) ? (continues ?? []) : [])));
      for (const [id, { summary }] of records) {
        if (counted.has(id)) continue;
        const counts = (summary['skipped'] ?? {}) as Record<string, number>;
        for (const [what, n] of Object.entries(counts)) if (n > 0) total[`${id}: ${what}`] = n;
      }
      return total;
    },
    async phases(): Promise<StudyResults['phases']> {
      const records = await Promise.all(work(study).map((phase) => store.record(phase)));
      return records
        .filter((found) => found !== undefined)
        .map(({ id, kind, hash, seconds, peakBytes, hardware }) => ({ id, kind, hash, seconds, peakBytes, hardware }));
    },
    async missing(): Promise<string[]> {
      const records = await Promise.all(work(study).map((phase) => store.record(phase)));
      return work(study).flatMap(({ id }, i) => (records[i] ? [] : [id]));
    },
  };
}

/** Puts in the place of every text the equal one that is there already. */
function shareTexts(row: EvalRow, texts: Map<string, string>): void {
  const fields = row as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'string') continue;
    const shared = texts.get(value);
    if (shared === undefined) texts.set(value, value);
    else fields[name] = shared;
  }
}

/**
 * Lines of a training phase's metrics, one a step. A piece of a main run has those of the steps before it too, which are left to the piece before:
 * passed over by their number, for a long run has millions.
 */
export async function ownMetrics(study: Study, phase: Phase, store: Store): Promise<string[]> {
  const lines = wholeLines(await store.peek(phase, metricsFile));
  const [first] = lines;
  if (first === undefined) return [];
  const { step } = JSON.parse(first) as { step: number };
  return lines.slice(Math.max(0, stepsBefore(study, phase) + 1 - step));
}

/** Lines of a file that may be growing: half a line at its end is left for the next look. */
export function wholeLines(bytes: Uint8Array | undefined): string[] {
  const text = bytes ? Buffer.from(bytes).toString('utf8') : '';
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
}

/** Every phase but the report itself, whose record would make it depend on when it was written. */
const work = ({ phases }: Study): Phase[] => phases.filter(({ kind }) => kind !== 'report');

/** Running mean of the loss over a fiftieth of the points, thinned out, with the digits that a curve can show. */
function smoothed(points: readonly CurvePoint[]): CurvePoint[] {
  const window = Math.max(1, Math.floor(points.length / 50));
  const stride = Math.max(1, Math.ceil(points.length / curvePoints));
  const kept: CurvePoint[] = [];
  for (let i = 0; i < points.length; i += stride) {
    const part = points.slice(Math.max(0, i - window + 1), i + 1);
    const loss = part.reduce((sum, point) => sum + point.loss, 0) / part.length;
    const { tokens, lr } = points[i]!;
    kept.push({ tokens, loss: Number(loss.toPrecision(5)), lr: Number(lr.toPrecision(5)) });
  }
  return kept;
}
