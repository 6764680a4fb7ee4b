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

/** What a submitter left of a study, not yet checked against this version. */
export type Submission = Omit<SubmittedStudy, 'id' | 'study'> & { recipe: unknown };

/** `active`: wanted. `done`: all that was wanted of it is in the store. */
export type StudyState = 'active' | 'cancelled' | 'done';

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
  /** A study by its id; checked and expanded here, once for each time that it is submitted: the same object until then. */
  study(id: string): Promise<SubmittedStudy | undefined>;
  /** The same as it was left, whatever version left it. */
  submission(id: string): Promise<Submission | undefined>;
  states(): Promise<Map<string, StudyState>>;
  setState(id: string, state: StudyState): Promise<void>;
  /** Names and versions of the wanted studies, without expanding them. */
  versions(): Promise<{ name: string; version: string }[]>;
  showWorker(card: WorkerCard): Promise<void>;
  hideWorker(id: string): Promise<void>;
  workers(): Promise<WorkerCard[]>;
}

export function openRegistry(redis: Redis, namespace: string): Registry {
  const studiesKey = `${namespace}:studies`;
  const statesKey = `${namespace}:states`;
  const workerKey = (id: string): string => `${namespace}:worker:${id}`;
  const revisionsKey = `${namespace}:revisions`;
  const expanded = new Map<string, { revision: string | null; submitted: SubmittedStudy }>();
  const states: Registry['states'] = async () =>
    new Map(Object.entries(await redis.hgetall(statesKey)) as [string, StudyState][]);
  return {
    async put({ study, labels, priorities, version, store }) {
      const id = identityOf(study.recipe);
      const text = JSON.stringify({ recipe: study.recipe, labels, priorities, version, store });
      const revision = identityOf(text);
      await redis
        .multi()
        .hset(studiesKey, id, text)
        .hset(revisionsKey, id, revision)
        .hset(statesKey, id, 'active')
        .exec();
      expanded.set(id, { revision, submitted: { id, study, labels, priorities, version, store } });
      return id;
    },
    async study(id) {
      const known = expanded.get(id);
      // A study of thousands of phases is a long text: what is asked for at every job is whether it is still the one that is known.
      const revision = await redis.hget(revisionsKey, id);
      if (known && (revision === null || revision === known.revision)) return known.submitted;
      const text = await redis.hget(studiesKey, id);
      if (text === null) return undefined;
      const submitted = readSubmitted(id, text);
      expanded.set(id, { revision, submitted });
      return submitted;
    },
    async submission(id) {
      const text = await redis.hget(studiesKey, id);
      return text === null ? undefined : parseSubmission(text);
    },
    states,
    async setState(id, state) {
      await redis.hset(statesKey, id, state);
    },
    async versions() {
      const active = [...(await states())].flatMap(([id, state]) => (state === 'active' ? [id] : []));
      const texts = active.length > 0 ? await redis.hmget(studiesKey, ...active) : [];
      return texts.flatMap((text) => {
        if (!text) return [];
        const { recipe, version } = parseSubmission(text);
        return [{ name: String((recipe as { name?: unknown } | null)?.name), version }];
      });
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

function parseSubmission(text: string): Submission {
  const { labels, ...rest } = submittedSchema.parse(JSON.parse(text));
  return { ...rest, labels: labels as PhaseLabels };
}

function readSubmitted(id: string, text: string): SubmittedStudy {
  const { recipe, labels, priorities, version, store } = parseSubmission(text);
  checkSubmitter(version);
  const study = studyOfRecipe(recipe);
  const found = identityOf(study.recipe);
  if (found !== id) {
    throw new StudyError('job-refused', `Expected a recipe with the identity ${id}, got one with ${found}.`);
  }
  return { id, study, labels, priorities, version, store };
}
