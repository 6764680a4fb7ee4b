import { referencesTo } from './asks.ts';
import { CorpusError } from './errors.ts';
import { type ItemOrder, type MadeItem, phrase } from './item-parts.ts';

/** Shares of the thing's pixels that are to be seen, as OCID-Ref tells free from touching and stacked things. */
const visibilities = [
  { type: 'free', least: 1, most: 1 },
  { type: 'partly covered', least: 0.8, most: 0.9999 },
  { type: 'covered', least: 0.6, most: 0.7999 },
] as const;
const clutterSize = [0.2, 0.34] as const;

/** One thing among eight to twelve, each kind of visibility as often. Concepts never seen are pointed at by side or colour. */
export function clutteredItem({ id, split, index, side, world, random }: ItemOrder): MadeItem {
  const { type, least, most } = visibilities[index % visibilities.length]!;
  for (let tries = 0; tries < 5000; tries++) {
    const made = world.tryMake(id, { ...side, objects: 8 + random.int(5), objectSize: clutterSize }, random);
    if (!made) continue;
    const fitting = made.scene.objects.flatMap((object, i) => {
      if (object.visible < least || object.visible > most) return [];
      return referencesTo(made.scene, i)
        .filter(({ by }) => (split === 'new-concept' ? by !== 'name' : by === 'name'))
        .map((reference) => ({ reference, box: object.box }));
    });
    if (fitting.length === 0) continue;
    const { reference, box } = random.pick(fitting);
    const words = phrase('box', { ref: reference.words }, world, random);
    return { made, item: { id, task: 'cluttered-grounding', split, type, ...words, target: { kind: 'box', box } } };
  }
  throw new CorpusError(
    'not-enough-data',
    `No scene was found for ${id} (${type}) in 5000 draws; more concepts or a lower minVisible would help.`,
  );
}
