import { expect, test } from 'vitest';
import { ProtobufWriter } from './protobuf-writer.ts';

const bytes = (fill: (w: ProtobufWriter) => unknown) => {
  const writer = new ProtobufWriter();
  fill(writer);
  return Buffer.from(writer.finish()).toString('hex');
};

test('the examples of the format’s own documentation', () => {
  expect(bytes((w) => w.int(1, 150))).toBe('089601');
  expect(bytes((w) => w.string(2, 'testing'))).toBe('120774657374696e67');
  expect(bytes((w) => w.message(3, (m) => m.int(1, 150)))).toBe('1a03089601');
});

test('negative, large and long things', () => {
  expect(bytes((w) => w.int(1, -2))).toBe('08feffffffffffffffff01');
  expect(bytes((w) => w.int(1, 2 ** 40))).toBe('08808080808020');
  expect(bytes((w) => w.float(2, 1))).toBe('150000803f');
  expect(bytes((w) => w.int(20, 1))).toBe('a00101');
  expect(bytes((w) => w.bytes(1, new Uint8Array(300)))).toBe(`0aac02${'00'.repeat(300)}`);
});
