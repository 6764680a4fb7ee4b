/**
 * Python pickles of plain data (RefCOCO publishes its expressions as one): dictionaries, lists, tuples, text, numbers. Whatever would
 * build an object or call a function is refused, so that a file can do no more than be wrong. Protocols 0 to 5, as the opcodes of
 * CPython's `pickletools` define them.
 */
import { EvalsError } from '../errors.ts';

const MARK = Symbol('mark');

/** What a pickle of plain data holds; dictionaries become maps, because their keys may be numbers. */
export type Plain = null | boolean | number | string | Uint8Array | Plain[] | Map<Plain, Plain>;

/**
 * @param where names the file in errors
 * @throws EvalsError BROKEN_FILE for a file that is cut, is no pickle, or asks for more than plain data
 */
export function readPickle(bytes: Uint8Array, where: string): Plain {
  return new Unpickler(bytes, where).read();
}

type Item = Plain | typeof MARK;

class Unpickler {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly where: string;
  private readonly stack: Item[] = [];
  private readonly memo = new Map<number, Plain>();
  private at = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.where = where;
  }

  read(): Plain {
    for (;;) {
      const opcode = String.fromCharCode(this.byte());
      if (opcode === '.') return this.pop();
      this.step(opcode);
    }
  }

  private step(opcode: string): void {
    const value = this.values[opcode];
    const action = this.actions[opcode];
    if (value) this.stack.push(value());
    else if (action) action();
    else throw this.broken(`opcode ${JSON.stringify(opcode)} at byte ${this.at - 1}, which plain data does not need`);
  }

  /** Opcodes that put a value on the stack. */
  private readonly values: Readonly<Record<string, () => Plain>> = {
    N: () => null,
    '\x88': () => true,
    '\x89': () => false,
    I: () => {
      const line = this.line();
      return line === '01' ? true : line === '00' ? false : Number(line);
    },
    L: () => Number(this.line().replace(/L$/, '')),
    F: () => Number(this.line()),
    K: () => this.byte(),
    M: () => this.view.getUint16(this.skip(2), true),
    J: () => this.view.getInt32(this.skip(4), true),
    '\x8a': () => littleEndian(this.take(this.byte())),
    G: () => this.view.getFloat64(this.skip(8), false),
    S: () => pythonString(this.line(), this.where),
    V: () =>
      this.line().replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    U: () => latin1(this.take(this.byte())),
    T: () => latin1(this.take(this.length())),
    '\x8c': () => utf8(this.take(this.byte())),
    X: () => utf8(this.take(this.length())),
    C: () => this.take(this.byte()),
    B: () => this.take(this.length()),
    ']': () => [],
    ')': () => [],
    l: () => this.popMark(),
    t: () => this.popMark(),
    '\x85': () => this.popLast(1),
    '\x86': () => this.popLast(2),
    '\x87': () => this.popLast(3),
    '}': () => new Map(),
    d: () => setPairs(new Map(), this.popMark()),
    g: () => this.recall(Number(this.line())),
    h: () => this.recall(this.byte()),
    j: () => this.recall(this.length()),
  };

  /** Opcodes that change what is there. */
  private readonly actions: Readonly<Record<string, () => void>> = {
    '\x80': () => this.skip(1),
    '\x95': () => this.skip(8),
    '(': () => this.stack.push(MARK),
    '0': () => this.stack.pop(),
    a: () => {
      const value = this.pop();
      this.list().push(value);
    },
    e: () => {
      const values = this.popMark();
      const list = this.list();
      for (const value of values) list.push(value);
    },
    s: () => {
      const pair = this.popLast(2);
      setPairs(this.map(), pair);
    },
    u: () => {
      const values = this.popMark();
      setPairs(this.map(), values);
    },
    p: () => this.memo.set(Number(this.line()), this.top()),
    q: () => this.memo.set(this.byte(), this.top()),
    r: () => this.memo.set(this.length(), this.top()),
    '\x94': () => this.memo.set(this.memo.size, this.top()),
  };

  private pop(): Plain {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw this.broken('an empty stack');
    return value as Plain;
  }

  private top(): Plain {
    const value = this.stack.at(-1);
    if (value === undefined || value === MARK) throw this.broken('an empty stack');
    return value as Plain;
  }

  private popMark(): Plain[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw this.broken('no mark on the stack');
    return this.stack.splice(mark).slice(1) as Plain[];
  }

  private list(): Plain[] {
    const value = this.top();
    if (!Array.isArray(value)) throw this.broken('something else where a list is to grow');
    return value;
  }

  private map(): Map<Plain, Plain> {
    const value = this.top();
    if (!(value instanceof Map)) throw this.broken('something else where a dictionary is to grow');
    return value;
  }

  private popLast(count: number): Plain[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  private recall(key: number): Plain {
    const value = this.memo.get(key);
    if (value === undefined) throw this.broken(`a reference to ${key}, which was never stored`);
    return value;
  }

  private byte(): number {
    return this.take(1)[0]!;
  }

  private length(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.broken('the end of the file');
    return latin1(this.take(end + 1 - this.at)).slice(0, -1);
  }

  private take(length: number): Uint8Array {
    const from = this.skip(length);
    return this.bytes.subarray(from, from + length);
  }

  private skip(length: number): number {
    if (length < 0 || this.at + length > this.bytes.length) throw this.broken('the end of the file');
    this.at += length;
    return this.at - length;
  }

  private broken(got: string): EvalsError {
    return new EvalsError(
      'BROKEN_FILE',
      `${this.where}: expected a pickle of plain data, got ${got}; fetch the file again.`,
    );
  }
}

function setPairs(map: Map<Plain, Plain>, values: Plain[]): Map<Plain, Plain> {
  for (let i = 0; i + 1 < values.length; i += 2) map.set(values[i]!, values[i + 1]!);
  return map;
}

function littleEndian(bytes: Uint8Array): number {
  const negative = bytes.length > 0 && bytes.at(-1)! >= 128;
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0) - (negative ? 256 ** bytes.length : 0);
}

/** A Python 2 `repr` of a byte string. */
function pythonString(line: string, where: string): string {
  const inner = /^(['"])(.*)\1$/s.exec(line)?.[2];
  if (inner === undefined) throw new EvalsError('BROKEN_FILE', `${where}: expected a quoted string, got ${line}.`);
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
  return inner.replace(/\\(x[0-9a-f]{2}|.)/gi, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (escapes[code] ?? code),
  );
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
