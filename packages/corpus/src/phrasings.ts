/** The forms of questions. */
export type Form =
  | 'name-only'
  | 'name-side'
  | 'name-colour'
  | 'colour'
  | 'count-all'
  | 'count-some'
  | 'background'
  | 'place'
  | 'relation'
  | 'category'
  | 'existence'
  | 'colour-there'
  | 'category-there'
  | 'background-is'
  | 'side-of'
  | 'category-side'
  | 'sign'
  | 'sign-at'
  | 'box'
  | 'describe';

/**
 * How questions are asked. `{…}` are slots. The last phrasing of every list is held out: only evaluation items use it.
 */
export const phrasings: Readonly<Record<Form, readonly string[]>> = {
  'name-only': [
    'What is this?',
    'What is in the picture?',
    'Name the object.',
    'Which object is this?',
    'What is the object?',
  ],
  'name-side': [
    'What is {side}?',
    'Which object is {side}?',
    'Name the object {side}.',
    'What is the object {side}?',
    'What is there {side}?',
  ],
  'name-colour': [
    'What is the {colour} object?',
    'Which object is {colour}?',
    'Name the {colour} object.',
    'What is {colour}?',
    'What is the {colour} thing?',
  ],
  colour: [
    'What colour {is} {ref}?',
    'Which colour {is} {ref}?',
    'Name the colour of {ref}.',
    'What is the colour of {ref}?',
  ],
  'count-all': [
    'How many objects are there?',
    'How many objects are in the picture?',
    'Count the objects.',
    'How many things are there?',
    'What is the number of objects?',
  ],
  'count-some': [
    'How many {plural} are there?',
    'How many {plural} are in the picture?',
    'Count the {plural}.',
    'What is the number of {plural}?',
  ],
  background: [
    'What colour is the background?',
    'Which colour is the background?',
    'What is the background?',
    'What is the colour of the background?',
    'Name the colour of the background.',
  ],
  place: [
    'Where {is} {ref}?',
    'Where in the picture {is} {ref}?',
    'In which part of the picture {is} {ref}?',
    'In what part of the picture {is} {ref}?',
  ],
  relation: [
    'What is {relation} {ref}?',
    'Which object is {relation} {ref}?',
    'Name the object {relation} {ref}.',
    'What is the object {relation} {ref}?',
  ],
  category: [
    'What kind of thing {is} {ref}?',
    'Which kind of thing {is} {ref}?',
    'Name the kind of {ref}.',
    'What is the kind of {ref}?',
  ],
  existence: [
    'Is there {a}?',
    'Is there {a} in the picture?',
    'Can you see {a}?',
    'Does the picture show {a}?',
    'Do you see {a}?',
  ],
  'colour-there': [
    'Is there something {colour}?',
    'Is there a thing that is {colour}?',
    'Can you see {a} object?',
    'Do you see something {colour}?',
  ],
  'category-there': [
    'Is one of the objects of the kind {category}?',
    'Is there an object of the kind {category}?',
    'Do you see the kind {category}?',
  ],
  'background-is': ['Is the background {colour}?', 'Is the picture on {a} background?', 'Do you see {a} background?'],
  'side-of': [
    '{Is} {ref} {relation} {other}?',
    '{Is} {ref} {relation} {other} in the picture?',
    'Do you see {ref} {relation} {other}?',
  ],
  'category-side': [
    'Is there {kind} {relation} {other}?',
    'Is there {kind} {relation} {other} in the picture?',
    'Can you see {kind} {relation} {other}?',
    'Do you see {kind} {relation} {other}?',
  ],
  sign: [
    'What does the sign say?',
    'What is on the sign?',
    'Read the sign.',
    'Which word is on the sign?',
    'What is the word on the sign?',
  ],
  'sign-at': [
    'Which word is {relation} {ref}?',
    'What does the sign {relation} {ref} say?',
    'Read the sign {relation} {ref}.',
    'What is the word {relation} {ref}?',
  ],
  box: [
    'Give the box of {ref}.',
    'What is the box of {ref}?',
    'Find {ref} and give the box.',
    'What is the box around {ref}?',
  ],
  describe: [
    'Describe the picture.',
    'What does the picture show?',
    'Describe what you see.',
    'What can you see in the picture?',
    'Describe this.',
  ],
};

/** The phrasings that training may use. */
export function seenPhrasings(form: Form): readonly string[] {
  return phrasings[form].slice(0, -1);
}

/** The one that only evaluation uses. */
export function heldOutPhrasing(form: Form): string {
  return phrasings[form].at(-1)!;
}

/** Fills the slots of a phrasing. */
export function fill(phrasing: string, slots: Readonly<Record<string, string>>): string {
  return phrasing.replace(/\{(\w+)\}/g, (whole, slot: string) => slots[slot] ?? whole);
}
