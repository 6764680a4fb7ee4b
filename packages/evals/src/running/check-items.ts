import { EvalsError } from '../errors.ts';
import type { TextDocument, TextItem, VisionItem } from '../types.ts';

const kinds = ['answers', 'yes-no', 'choice', 'box', 'caption'];

function checkSet(what: string, items: readonly { id: string }[]): void {
  if (items.length === 0)
    throw new EvalsError('EMPTY_SET', `${what}: expected at least one item, got none; was the right shard read?`);
  const seen = new Set<string>();
  for (const { id } of items) {
    if (typeof id !== 'string' || id === '')
      throw new EvalsError('INVALID_ITEM', `${what}: every item needs a non-empty id, got ${JSON.stringify(id)}.`);
    if (seen.has(id))
      throw new EvalsError('DUPLICATE_ID', `${what}: the id "${id}" occurs twice; rows of a run are joined by id.`);
    seen.add(id);
  }
}

/** All of one task, ids unique, targets complete. @returns the task's name */
export function checkVisionItems(
  items: readonly VisionItem[],
  task: string | undefined,
  needsObjects: boolean,
): string {
  checkSet('Vision items', items);
  const name = task ?? items[0]!.task;
  for (const item of items) {
    const where = `Item "${item.id}"`;
    if (item.task !== name)
      throw new EvalsError(
        'INVALID_ITEM',
        `${where}: expected the task "${name}", got "${item.task}"; run one task at a time (filter the items by task).`,
      );
    const { target } = item;
    if (!kinds.includes(target?.kind))
      throw new EvalsError(
        'UNKNOWN_TARGET',
        `${where}: expected a target of kind ${kinds.join(', ')}, got ${JSON.stringify(target?.kind)}.`,
      );
    if (target.kind !== items[0]!.target.kind)
      throw new EvalsError(
        'INVALID_ITEM',
        `${where}: its target is of kind ${target.kind}, that of "${items[0]!.id}" ${items[0]!.target.kind}; one task has one kind.`,
      );
    const wrong = wrongTarget(target, needsObjects);
    if (wrong) throw new EvalsError('INVALID_ITEM', `${where}: ${wrong}.`);
  }
  return name;
}

function wrongTarget(target: VisionItem['target'], needsObjects: boolean): string | undefined {
  switch (target.kind) {
    case 'answers':
      return target.answers.length === 0 ? 'expected at least one answer, got none' : undefined;
    case 'yes-no':
      return target.answer === 'yes' || target.answer === 'no'
        ? undefined
        : `expected the answer "yes" or "no", got ${JSON.stringify(target.answer)}`;
    case 'box': {
      const [x1, y1, x2, y2] = target.box;
      return target.box.length === 4 && target.box.every((v) => v >= 0 && v <= 1) && x1 < x2 && y1 < y2
        ? undefined
        : `expected a box [x1, y1, x2, y2] in 0..1 with x1 < x2 and y1 < y2, got ${JSON.stringify(target.box)}`;
    }
    case 'choice':
      return target.options.length < 2 || target.options[target.answer] === undefined
        ? `expected at least two options and the index of one, got ${JSON.stringify(target.options)} and ${target.answer}`
        : undefined;
    case 'caption':
      return target.references.length === 0 || (needsObjects && target.objects.length === 0)
        ? `expected references${needsObjects ? ' and objects' : ''}, got ${target.references.length} and ${target.objects.length}`
        : undefined;
  }
}

export function checkTextItems(items: readonly TextItem[]): void {
  checkSet('Text items', items);
  for (const item of items) {
    if (item.choices.length < 2 || item.choices.some((choice) => choice === ''))
      throw new EvalsError(
        'INVALID_ITEM',
        `Item "${item.id}": expected at least two non-empty choices, got ${JSON.stringify(item.choices)}.`,
      );
    if (item.contexts && item.contexts.length !== item.choices.length)
      throw new EvalsError(
        'INVALID_ITEM',
        `Item "${item.id}": expected a context for each of ${item.choices.length} choices, got ${item.contexts.length}.`,
      );
    if (!Number.isInteger(item.answer) || item.answer < 0 || item.answer >= item.choices.length)
      throw new EvalsError(
        'INVALID_ITEM',
        `Item "${item.id}": expected an answer from 0 to ${item.choices.length - 1}, got ${item.answer}.`,
      );
  }
}

export function checkDocuments(documents: readonly TextDocument[]): void {
  checkSet('Documents', documents);
  for (const { id, text } of documents)
    if (text === '') throw new EvalsError('INVALID_ITEM', `Document "${id}" is empty; leave it out.`);
}
