import type { TextDocument, TextItem, VisionItem } from '@vlm/evals';
import { literalShard, readShards } from 'webdataset-ts';
import { StudyError } from '../study-error.ts';
import { corpusGroups } from './read-group.ts';
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

/**
 * Reads the evaluation shards of a corpus, without the pictures' bytes. Every question that the manifest counts must be there, readable, with
 * an id of its own and its picture: a score over fewer would not be the score.
 *
 * @throws StudyError `store-damaged` naming the sample or the group
 */
export async function readEvalItems(corpus: string): Promise<EvalItems> {
  const items: EvalItems = { vision: {}, text: {}, documents: [], pictures: new Map() };
  const groups = await corpusGroups(corpus);
  const ids = new Set<string>();
  for (const group of Object.keys(groups).filter((name) => name.startsWith('eval/'))) {
    let samples = 0;
    for await (const { key, members } of readShards((await shardsOf(corpus, group)).map(literalShard))) {
      const where = `${corpus}, ${group}/${key}`;
      const item = parsed(members['json'], where);
      if (ids.has(`${item.task}/${item.id}`))
        throw damaged(`${where}: the id "${item.id}" of ${item.task} occurs twice`);
      ids.add(`${item.task}/${item.id}`);
      samples++;
      if ('text' in item) items.documents.push(item);
      else if ('choices' in item) append(items.text, item);
      else {
        if (!members['png']) throw damaged(`${where}: expected a picture (${key}.png), there is none`);
        append(items.vision, item);
        items.pictures.set(item.id, `${group}/${key}`);
      }
    }
    const expected = groups[group]!.samples;
    if (samples !== expected) throw damaged(`${corpus}, ${group}: expected ${expected} questions, got ${samples}`);
  }
  return items;
}

function parsed(json: Uint8Array | undefined, where: string): VisionItem | TextItem | TextDocument {
  if (!json) throw damaged(`${where}: expected a question (.json), there is none`);
  try {
    return JSON.parse(decoder.decode(json)) as VisionItem | TextItem | TextDocument;
  } catch (error) {
    throw damaged(`${where}: the question is no JSON: ${(error as Error).message}`);
  }
}

const damaged = (what: string): StudyError =>
  new StudyError('store-damaged', `${what}. Remove the corpus' folder and run again: it is built anew.`);

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
    for await (const { key, members } of readShards((await shardsOf(corpus, group)).map(literalShard))) {
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
