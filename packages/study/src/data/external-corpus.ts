import { benchmarks } from '@vlm/evals';
import { z } from 'zod';
import { suggest } from '../suggest.ts';

/**
 * Data of the user's own in place of the default corpus, read where it lies: text as DCLM or OpenLM publish it, captions as DataComp and DataComp-DR
 * do, conversations as LLaVA does, questions as their benchmarks do. `preset: 'external'` in a recipe's `corpus`.
 */

/** Shards as paths or URLs, with braces (`shard_{0000..0123}.tar`) and `${VARIABLES}`. */
const shards = z.array(z.string().min(1)).min(1);

function unknownBenchmark(name: string): string {
  const names = Object.keys(benchmarks);
  const near = suggest(name, names);
  return `there is no benchmark "${name}"${near ? `; did you mean "${near}"?` : `. Benchmarks: ${names.join(', ')}.`}`;
}

export const externalCorpusSchema = z.strictObject({
  preset: z.literal('external'),
  text: z.strictObject({
    /** `dclm`: lines of JSON with `text` (jsonl.zst, jsonl.gz). `openlm-tokens`: tars whose members are lists of token ids, as OpenLM's tokeniser writes. */
    format: z.enum(['dclm', 'openlm-tokens']),
    /** `manifest.jsonl` of a tokenised set may stand in place of its shards. */
    shards,
    /** Shards of documents (`dclm`) for bits per byte, which training never reads. */
    heldOut: shards,
    heldOutDocuments: z.int().positive(),
  }),
  captions: z.strictObject({
    shards,
    /** The page's own caption, or one of DataComp-DR's synthetic ones, chosen by the sample's key. The paper does not say which it took. */
    caption: z.enum(['original', 'synthetic']),
  }),
  conversations: z.strictObject({
    /** Rows `{ id, image?, conversations }`: a JSON list of any length, or lines (`.jsonl`, also `.gz` and `.zst`). */
    file: z.string().min(1),
    /** Folder that the rows' image paths are relative to. */
    images: z.string().min(1),
    /** Rows without a picture (LLaVA-1.5's 40k of ShareGPT); the paper's file has none. */
    textOnly: z.enum(['keep', 'drop']),
    /** Rows whose picture is not there, or that training could not encode: an error, or left out and counted. */
    broken: z.enum(['error', 'skip']),
  }),
  /** Benchmarks in their published files; names as `@vlm/evals` has them. */
  benchmarks: z
    .array(
      z.strictObject({
        name: z.string().refine((name) => Object.hasOwn(benchmarks, name), {
          error: ({ input }) => unknownBenchmark(String(input)),
        }),
        folder: z.string().min(1),
        images: z.string().min(1),
        /** Upstream's slim subset of that many questions; left out: all. */
        slim: z.int().positive().optional(),
        /** Whether the files must hold as many questions as were published; left out: yes. */
        checkCounts: z.boolean().optional(),
      }),
    )
    .min(1),
});

export type ExternalCorpus = z.infer<typeof externalCorpusSchema>;

/** How the samples of a group lie in its shards; `own` is what `@vlm/corpus` writes. */
export type GroupFormat =
  | { kind: 'own' }
  | { kind: 'dclm' }
  | { kind: 'openlm-tokens' }
  | { kind: 'datacomp'; caption: 'original' | 'synthetic' }
  | { kind: 'llava'; images: string };

/** `external.json` in the folder of a corpus phase. */
export interface ExternalManifest {
  format: 'staged-vlm-external';
  groups: Record<string, { format: GroupFormat; shards: string[] }>;
  counts: { samples: Record<string, number> };
  /** What was left out when the corpus was looked through, by reason. */
  skipped: Record<string, number>;
}

export const externalManifestFile = 'external.json';
