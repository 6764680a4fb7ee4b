import { checkSubmitter, identityOf, type Study, StudyError, studyOfRecipe } from '@vlm/study';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { PhaseLabels } from './phase-job.ts';

/** A study that somebody wants done. */
export interface SubmittedStudy {
  id: string;
  study: Study;
  labels: PhaseLabels;
  /** Of each phase in the study's order, as the submitter estimated their times. */
  priorities: readonly number[];
  /** Of the submitter, see `studyVersion`. */
  version: string;
  /** Where its results go: workers must have the same store. */
  store: string;
}

/** A worker that has shown itself within the last half minute. */
export interface WorkerCard {
  id: string;
  host: string;
  pid: number;
  version: string;
  /** Label → phases at a time. */
  labels: Record<string, number>;
  machine: string;
}

const submittedSchema = z.object({
  recipe: z.unknown(),
  labels: z.record(z.string(), z.string()),
  priorities: z.array(
    z
      .number()
      .int()
      .min(1)
      .max(2 ** 21),
  ),
  version: z.string(),
  store: z.string(),
});

const cardSeconds = 30;

/** What lies in Redis beside BullMQ's queues: recipes of the studies, which of them are wanted, and who works. */
export interface Registry {
  put(submitted: Omit<SubmittedStudy, 'id'>): Promise<string>;
  /** A study by its id; checked and expanded here, once. */
  study(id: string): Promise<SubmittedStudy | undefined>;
  /** Ids of studies that are wanted, and of those cancelled. */
  states(): Promise<Map<string, 'active' | 'cancelled'>>;
  setState(id: string, state: 'active' | 'cancelled'): Promise<void>;
  /** Versions of the wanted studies by id, without expanding them. */
  versions(): Promise<Map<string, string>>;
  showWorker(card: WorkerCard): Promise<void>;
  hideWorker(id: string): Promise<void>;
  workers(): Promise<WorkerCard[]>;
}

export function openRegistry(redis: Redis, namespace: string): Registry {
  const studiesKey = `${namespace}:studies`;
  const statesKey = `${namespace}:states`;
  const workerKey = (id: string): string => `${namespace}:worker:${id}`;
  const expanded = new Map<string, SubmittedStudy>();
  const states: Registry['states'] = async () =>
    new Map(Object.entries(await redis.hgetall(statesKey)) as [string, 'active' | 'cancelled'][]);
  return {
    async put({ study, labels, priorities, version, store }) {
      const id = identityOf(study.recipe);
      await redis
        .multi()
        .hset(studiesKey, id, JSON.stringify({ recipe: study.recipe, labels, priorities, version, store }))
        .hset(statesKey, id, 'active')
        .exec();
      expanded.set(id, { id, study, labels, priorities, version, store });
      return id;
    },
    async study(id) {
      const known = expanded.get(id);
      if (known) return known;
      const text = await redis.hget(studiesKey, id);
      if (text === null) return undefined;
      const submitted = readSubmitted(id, text);
      expanded.set(id, submitted);
      return submitted;
    },
    states,
    async setState(id, state) {
      await redis.hset(statesKey, id, state);
    },
    async versions() {
      const active = [...(await states())].flatMap(([id, state]) => (state === 'active' ? [id] : []));
      const texts = active.length > 0 ? await redis.hmget(studiesKey, ...active) : [];
      return new Map(
        active.flatMap((id, i): [string, string][] => {
          const text = texts[i];
          return text ? [[id, submittedSchema.parse(JSON.parse(text)).version]] : [];
        }),
      );
    },
    async showWorker(card) {
      await redis.set(workerKey(card.id), JSON.stringify(card), 'EX', cardSeconds);
    },
    async hideWorker(id) {
      await redis.del(workerKey(id));
    },
    async workers() {
      const keys: string[] = [];
      let cursor = '0';
      do {
        const [next, some] = await redis.scan(cursor, 'MATCH', workerKey('*'), 'COUNT', 1000);
        keys.push(...some);
        cursor = next;
      } while (cursor !== '0');
      const texts = keys.length > 0 ? await redis.mget(...keys) : [];
      return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as WorkerCard]));
    },
  };
}

function readSubmitted(id: string, text: string): SubmittedStudy {
  const { recipe, labels, priorities, version, store } = submittedSchema.parse(JSON.parse(text));
  checkSubmitter(version);
  const study = studyOfRecipe(recipe);
  const found = identityOf(study.recipe);
  if (found !== id) {
    throw new StudyError('job-refused', `Expected a recipe with the identity ${id}, got one with ${found}.`);
  }
  return { id, study, labels: labels as PhaseLabels, priorities, version, store };
}
