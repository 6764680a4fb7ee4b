import { beforeAll, describe, expect, it } from 'vitest';
import { asksOf, centre, relations } from './asks.ts';
import { captionOf } from './captions.ts';
import { turnsOf } from './conversations.ts';
import { countedScene } from './counting-items.ts';
import { openWorld } from './open-world.ts';
import { createRandom } from './random.ts';
import { corpusSettings } from './settings.ts';
import { skillLesson } from './skills.ts';
import type { Scene } from './types.ts';
import { visionItem } from './vision-items.ts';
import { World } from './world.ts';

let world: World;
let scenes: Scene[];

beforeAll(async () => {
  world = new World(await openWorld(corpusSettings('smoke')));
  scenes = Array.from(
    { length: 300 },
    (_, i) => world.make(`s${i}`, { concepts: 'train', vendors: 'train' }, createRandom(`s${i}`)).scene,
  );
});

/** Largest share of one answer. */
function majority(answers: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return Math.max(...counts.values()) / answers.length;
}

describe('open questions', () => {
  it('have relations that hold for the boxes, for one object only', () => {
    let seen = 0;
    for (const scene of scenes)
      for (const ask of asksOf(scene)) {
        if (ask.type !== 'relation') continue;
        seen++;
        const relation = relations.find(({ words }) => words === ask.slots['relation'])!;
        const at = centre(scene.objects[ask.says[0]!]!)[relation.axis];
        const right = scene.objects.filter(
          (object, i) => i !== ask.says[0] && (at - centre(object)[relation.axis]) * relation.sign > 0.05,
        );
        expect(right.map((object) => object.concept)).toEqual([ask.answer]);
      }
    expect(seen).toBeGreaterThan(100);
  });

  it('count what is there', () => {
    for (const scene of scenes)
      for (const ask of asksOf(scene))
        if (ask.form === 'count-all') expect(ask.answer).toBe(String(scene.objects.length));
  });

  it('cannot be answered by the majority', () => {
    const answers: Record<string, string[]> = {};
    for (let i = 0; i < 420; i++) {
      const { item } = visionItem('open-vqa', 'new-scene', i, world);
      if (item.target.kind === 'answers') answers[item.type] = [...(answers[item.type] ?? []), item.target.answers[0]!];
    }
    const bounds: Record<string, number> = {
      name: 0.06,
      colour: 0.17,
      background: 0.1,
      count: 0.26,
      place: 0.21,
      relation: 0.07,
      category: 0.1,
    };
    expect(Object.keys(answers).sort()).toEqual(Object.keys(bounds).sort());
    for (const [type, list] of Object.entries(answers)) expect(majority(list), type).toBeLessThanOrEqual(bounds[type]!);
  });

  it('do not give a colour away by the name of the thing', () => {
    // Best guess from the question's words alone, over questions that name the thing.
    const byQuestion = new Map<string, string[]>();
    for (let i = 1; i < 2100; i += 7) {
      const { item, made } = visionItem('open-vqa', 'new-scene', i, world);
      const concept = made.scene.objects[made.target]!.concept;
      if (item.type !== 'colour' || item.target.kind !== 'answers' || !item.question.includes(concept)) continue;
      byQuestion.set(concept, [...(byQuestion.get(concept) ?? []), item.target.answers[0]!]);
    }
    const lists = [...byQuestion.values()].filter((list) => list.length >= 8);
    expect(lists.length).toBeGreaterThan(3);
    const shares = lists.map(majority);
    expect(shares.reduce((a, b) => a + b) / shares.length).toBeLessThan(0.45);
  });
});

describe('conversations', () => {
  it('answer yes and no equally often, kind by kind', () => {
    const yes: Record<string, number[]> = {};
    scenes.forEach((scene, i) => {
      for (const turn of turnsOf(scene, world, createRandom(`t${i}`)))
        if (turn.answer === 'yes' || turn.answer === 'no')
          yes[turn.type] = [...(yes[turn.type] ?? []), Number(turn.answer === 'yes')];
    });
    const all = yes['existence']!;
    expect(all.length).toBeGreaterThan(200);
    const share = all.reduce((a, b) => a + b, 0) / all.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(3 * Math.sqrt(0.25 / all.length));
  });

  it('do not tell the next yes or no by the last', () => {
    let [same, pairs] = [0, 0];
    scenes.forEach((scene, i) => {
      const answers = turnsOf(scene, world, createRandom(`t${i}`))
        .filter((turn) => turn.type === 'existence')
        .map((turn) => turn.answer);
      for (let k = 1; k < answers.length; k++) {
        pairs++;
        same += Number(answers[k] === answers[k - 1]);
      }
    });
    expect(pairs).toBeGreaterThan(50);
    expect(Math.abs(same / pairs - 0.5)).toBeLessThan(3 * Math.sqrt(0.25 / pairs));
  });

  it('tell the truth about what exists', () => {
    scenes.forEach((scene, i) => {
      const there = scene.objects.map((object) => object.concept);
      for (const turn of turnsOf(scene, world, createRandom(`t${i}`))) {
        if (turn.type !== 'existence') continue;
        const asked = world.trainIds
          .map((id) => world.label(id))
          .filter((label) => new RegExp(`\\b${label}\\b`).test(turn.question));
        expect(asked.some((label) => there.includes(label))).toBe(turn.answer === 'yes');
      }
    });
  });
});

describe('captions', () => {
  it('name only what is there and stay short', () => {
    const labels = world.trainIds.map((id) => world.label(id));
    scenes.forEach((scene, i) => {
      const caption = captionOf(scene, createRandom(`c${i}`));
      expect(caption).toMatch(/^[A-Z0-9].*\.$/);
      expect(caption.split(' ').length).toBeLessThanOrEqual(45);
      const there = scene.objects.map((object) => object.concept).join(' ');
      for (const label of labels) if (new RegExp(`\\b${label}\\b`).test(caption)) expect(there).toContain(label);
    });
  });
});

it('says which settings cannot be met, and does not look for ever', () => {
  const settings = corpusSettings('smoke', { objectsPerScene: [0, 0, 0, 1], objectSize: [0.6, 0.7], minVisible: 0.9 });
  const crowded = new World({ ...world.data, settings });
  crowded.tryMake = () => undefined; // what these settings come to, in no time
  const side = { concepts: 'train', vendors: 'train' } as const;
  const error = expect.objectContaining({
    code: 'not-enough-data',
    message: expect.stringMatching(
      /for s in 5000 draws with objectsPerScene \[0,0,0,1\], objectSize \[0\.6,0\.7\] and minVisible 0\.9;/,
    ),
  });
  expect(() => crowded.make('s', side, createRandom('s'))).toThrow(error);
  expect(() => countedScene('s', 0, 3, side, crowded, createRandom('s'))).toThrow(error);
  for (const seed of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    expect(() => skillLesson('s', crowded, createRandom(seed))).toThrow(
      expect.objectContaining({ code: 'not-enough-data' }),
    );
  // Scenes there are, but none in which the thing can be asked for.
  const made = world.make('s', side, createRandom('s'));
  crowded.tryMake = () => ({ ...made, scene: { ...made.scene, objects: [] } });
  expect(() => visionItem('grounding', 'new-scene', 0, crowded)).toThrow(/in 5000 draws/);
});
