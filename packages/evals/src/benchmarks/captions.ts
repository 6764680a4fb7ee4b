/** NoCaps: captions of pictures with objects that COCO does not have. The paper has no figure for it. */
import { paperPrompts } from '../tasks/vision-tasks.ts';
import { accuracy, type Benchmark, type BenchmarkItem, field, list, textOf } from './benchmark.ts';
import { parseJson } from './ordered-json.ts';

const file = 'nocaps_val_4500_captions.json';

export const noCaps: Benchmark = {
  name: 'nocaps',
  files: [file],
  counts: { val: 4500 },
  slimPer: 'all',
  scoring: { captions: 'cider-d' },
  prompt: () => paperPrompts.caption(),
  read(files) {
    const data = parseJson(textOf(files, file), file);
    const references = new Map<number, string[]>();
    for (const annotation of list(data, 'annotations', file)) {
      const image = field(annotation, 'image_id', 'number', file);
      references.set(image, [...(references.get(image) ?? []), field(annotation, 'caption', 'string', file)]);
    }
    return list(data, 'images', file).map((image): BenchmarkItem => {
      const id = field(image, 'id', 'number', file);
      const domain = (image as { domain?: unknown }).domain;
      return {
        id: String(id),
        task: 'nocaps',
        split: 'val',
        type: typeof domain === 'string' ? domain : 'all',
        question: '',
        target: { kind: 'caption', references: references.get(id) ?? [], objects: [] },
        image: field(image, 'file_name', 'string', file),
      };
    });
  },
  metrics: (rows) => ({ 'CIDEr-D': accuracy(rows) }),
};
