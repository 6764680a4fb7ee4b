import { beforeAll, describe, expect, it } from 'vitest';
import { centre, relations } from './asks.ts';
import { countedScene } from './counting-items.ts';
import { plural } from './language.ts';
import { minimalPairs } from './minimal-pairs.ts';
import { openWorld } from './open-world.ts';
import { createRandom } from './random.ts';
import { corpusSettings } from './settings.ts';
import { skillLesson } from './skills.ts';
import { type VisionTask, visionItem } from './vision-items.ts';
import { parseSynset } from './wordnet.ts';
import { World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = new World(await openWorld(corpusSettings('smoke')));
});

function made(task: VisionTask, split: 'new-scene' | 'new-vendor' | 'new-concept', count: number) {
  return Array.from({ length: count }, (_, i) => visionItem(task, split, i, world));
}

describe('relations', () => {
  it('ask the same of two scenes with the same things, and the boxes say yes of one and no of the other', () => {
    const items = made('relations', 'new-scene', 36);
    for (let i = 0; i < items.length; i += 2) {
      const [yes, no] = [items[i]!, items[i + 1]!];
      expect(yes.item.question).toBe(no.item.question);
      const concepts = [yes, no].map(({ made: { scene } }) => scene.objects.map(({ concept }) => concept).sort());
      expect(concepts[0]).toEqual(concepts[1]);
      const relation = relations.find(({ words }) => yes.item.question.includes(` ${words} `))!;
      const gaps = [yes, no].map(({ made: { scene, target } }) => {
        const [of, to] = [scene.objects[target]!, scene.objects[1 - target]!];
        return (centre(to)[relation.axis] - centre(of)[relation.axis]) * relation.sign;
      });
      expect(gaps[0]).toBeGreaterThanOrEqual(0.14);
      expect(gaps[1]).toBeLessThanOrEqual(-0.14);
      expect([yes.item.target, no.item.target]).toEqual([
        { kind: 'yes-no', answer: 'yes' },
        { kind: 'yes-no', answer: 'no' },
      ]);
    }
    expect(new Set(items.map(({ item }) => item.type))).toEqual(new Set(['name', 'colour', 'category']));
  });

  it('of concepts never shown speak of colours alone', () => {
    for (const { item, made: scene } of made('relations', 'new-concept', 4))
      for (const { concept } of scene.scene.objects) {
        expect(world.heldOutIds.map((id) => world.label(id))).toContain(concept);
        expect(item.question).not.toContain(concept);
      }
  });
});

describe('counting', () => {
  it('has every count equally often, and says what is there', () => {
    const items = made('counting', 'new-scene', 60);
    const answers = items.map(({ item }) => (item.target.kind === 'answers' ? item.target.answers[0]! : ''));
    for (let count = 0; count <= 5; count++) expect(answers.filter((one) => one === String(count))).toHaveLength(10);
    items.forEach(({ item, made: { scene } }, i) => {
      const counted = scene.objects.filter(({ concept }) => new RegExp(`\\b${plural(concept)}\\b`).test(item.question));
      expect(String(new Set(counted.map(({ concept }) => concept)).size > 1 ? answers[i] : counted.length)).toBe(
        answers[i],
      );
      expect(scene.objects.length).toBeGreaterThanOrEqual(5);
    });
  });

  it('does not tell the count by the area that things cover', () => {
    const area = (count: number): number => {
      let sum = 0;
      for (let i = 0; i < 150; i++) {
        const random = createRandom(`area/${count}/${i}`);
        const concept = random.pick(world.trainIds);
        const { scene } = countedScene('a', concept, count, { concepts: 'train', vendors: 'train' }, world, random);
        for (const { box } of scene.objects) sum += ((box[2] - box[0]) * (box[3] - box[1])) / 150;
      }
      return sum;
    };
    // The standard error of each mean is about 2 %.
    expect(Math.abs(area(5) / area(0) - 1)).toBeLessThan(0.1);
  });
});

describe('reading', () => {
  it('asks for words that no training sign says, in a typeface of its own for a new vendor', () => {
    const { words, alphabets } = world.data.signs!;
    expect(words.train.filter((word) => words.heldOut.includes(word))).toEqual([]);
    expect(words.heldOut.length).toBeGreaterThan(50);
    expect(alphabets.map(({ role }) => role)).toEqual(['train', 'train', 'train', 'held-out']);
    for (const { item, made: scene } of made('reading', 'new-scene', 24)) {
      const answer = item.target.kind === 'answers' ? item.target.answers[0]! : '';
      expect(words.heldOut).toContain(answer);
      const signs = scene.scene.signs!;
      if (item.type === 'one sign') expect(signs.map(({ text }) => text)).toEqual([answer]);
      else {
        const found = signs.find(({ text }) => text === answer)!;
        const gap = (found.box[1] + found.box[3]) / 2 - centre(scene.scene.objects[0]!)[1];
        expect(Math.sign(gap)).toBe(item.question.includes(' below ') ? 1 : -1);
      }
    }
  });

  it('draws ink and paper where the box says', () => {
    const { made: scene } = visionItem('reading', 'new-scene', 0, world);
    const [x1, y1, x2, y2] = scene.scene.signs![0]!.box.map((share) => Math.round(share * 64)) as [
      number,
      number,
      number,
      number,
    ];
    const light: number[] = [];
    for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) light.push(scene.rgb[(y * 64 + x) * 3 + 1]!);
    expect(Math.max(...light) - Math.min(...light)).toBeGreaterThan(120);
  });
});

it('cluttered grounding has eight to twelve things, each visible enough, and the kinds of visibility in turn', () => {
  const items = made('cluttered-grounding', 'new-scene', 9);
  expect(items.map(({ item }) => item.type).slice(0, 3)).toEqual(['free', 'partly covered', 'covered']);
  for (const { item, made: scene } of items) {
    const { objects } = scene.scene;
    expect(objects.length).toBeGreaterThanOrEqual(8);
    expect(objects.length).toBeLessThanOrEqual(12);
    for (const { visible } of objects) expect(visible).toBeGreaterThanOrEqual(0.6);
    const target = objects.find(({ box }) => item.target.kind === 'box' && box === item.target.box)!;
    expect(item.question).toContain(`the ${target.concept}`);
    expect(target.visible === 1).toBe(item.type === 'free');
  }
});

it('lessons practise every skill: counts from zero to five, both answers of a relation, signs, refusals', () => {
  const said: Record<string, Set<string>> = {};
  for (let i = 0; i < 200; i++)
    for (const { type, question, answer } of skillLesson(`l${i}`, world, createRandom(`l${i}`)).turns) {
      said[type] = (said[type] ?? new Set()).add(answer);
      expect(`${question}${answer}`).not.toMatch(/[{}]|undefined/);
    }
  expect([...said['counting']!].sort()).toEqual(['0', '1', '2', '3', '4', '5']);
  expect([...said['relation-pair']!].sort()).toEqual(['no', 'yes']);
  for (const answer of said['refusal']!) expect(answer).toMatch(/^there (is|are) no /);
  for (const word of said['reading']!) expect(world.data.signs!.words.train).toContain(word);
});

describe('text', () => {
  it('reads which word is the opposite of which', () => {
    const line =
      '00013662 00 a 02 absorbent 0 absorptive 1 001 ! 00014490 a 0201 | able to absorb; "as absorbent as a sponge"';
    expect(parseSynset(line, 'adj').opposites).toEqual([{ word: 'absorptive', synset: 'a00014490', place: 0 }]);
  });

  it('breaks sentences in one place, kinds in turn', () => {
    const sentences = [
      'We were told at once that they were ready to leave.',
      'The man on the shore saw a boat with two sails come in.',
      'It seems that nothing would be easier than to wait here.',
      'Not one in the whole village knew where the ship had gone.',
      'Whoever has read about these islands wants to go there.',
    ];
    const items = minimalPairs(sentences, 5, createRandom(1));
    expect(items.map(({ type }) => type)).toEqual(['agreement', 'article', 'modal', 'order', 'number']);
    for (const { context, choices, answer } of items) {
      expect(sentences).toContain(context + choices[answer]!);
      expect(sentences).not.toContain(context + choices[1 - answer]!);
    }
    expect(() => minimalPairs([], 1, createRandom(1))).toThrow(/minimal-pairs/);
  });
});
