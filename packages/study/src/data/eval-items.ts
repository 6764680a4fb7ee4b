import { readManifest } from '@vlm/corpus';
import type { TextDocument, TextItem, VisionItem } from '@vlm/evals';
import { readShards } from 'webdataset-ts';
import { shardsOf } from './shards.ts';

/** Everything a corpus asks, by task. */
export interface EvalItems {
  vision: Record<string, VisionItem[]>;
  text: Record<string, TextItem[]>;
  documents: TextDocument[];
  /** Key of an item's picture (`eval/open-vqa/KEY`), by the item's id. */
  pictures: Map<string, string>;
}

const decoder = new TextDecoder();

/** Reads the evaluation shards of a corpus, without the pictures' bytes. */
export async function readEvalItems(corpus: string): Promise<EvalItems> {
  const items: EvalItems = { vision: {}, text: {}, documents: [], pictures: new Map() };
  const manifest = await readManifest(corpus);
  for (const group of Object.keys(manifest.shards).filter((name) => name.startsWith('eval/'))) {
    for await (const { key, members } of readShards(await shardsOf(corpus, group))) {
      const item = JSON.parse(decoder.decode(members['json'])) as VisionItem | TextItem | TextDocument;
      if ('text' in item) items.documents.push(item);
      else if ('choices' in item) append(items.text, item);
      else {
        append(items.vision, item);
        items.pictures.set(item.id, `${group}/${key}`);
      }
    }
  }
  return items;
}

/** The PNG bytes of the pictures of some items, by item id. */
export async function readPictures(
  corpus: string,
  pictures: ReadonlyMap<string, string>,
  ids: ReadonlySet<string>,
): Promise<Map<string, Uint8Array>> {
  const wanted = new Map([...ids].flatMap((id) => (pictures.has(id) ? [[pictures.get(id)!, id] as const] : [])));
  const found = new Map<string, Uint8Array>();
  const groups = new Set([...wanted.keys()].map((key) => key.slice(0, key.lastIndexOf('/'))));
  for (const group of groups) {
    for await (const { key, members } of readShards(await shardsOf(corpus, group))) {
      const id = wanted.get(`${group}/${key}`);
      if (id !== undefined && members['png']) found.set(id, members['png']);
    }
  }
  return found;
}

function append<Item extends { task: string }>(byTask: Record<string, Item[]>, item: Item): void {
  byTask[item.task] ??= [];
  byTask[item.task]!.push(item);
}
