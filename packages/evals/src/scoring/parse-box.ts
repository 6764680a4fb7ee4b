/**
 * Reads `[x1, y1, x2, y2]` as the reference does (`ast.literal_eval` of CPython 3.11): a Python list literal of exactly four numbers in
 * [0, 1] with x1 < x2 and y1 < y2. Hexadecimal, underscores, True and False, comments and parentheses are Python too. Anything else is
 * no box.
 */

const number =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.|\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?)/;
/** A number may not run into a name or a further number. */
const gluedTo = /^[\w.\u0080-\u{10ffff}]/u;
const decimalInteger = /^\d[\d_]*$/;
const deepest = 199; // CPython's tokenizer gives up at 200 open brackets

/**
 * @param text what the model said
 * @returns the box as shares of width and height, or undefined where the text is not exactly one valid box
 * @example parseBox('[0.1, 0.2, 0.5, 0.6]') // [0.1, 0.2, 0.5, 0.6]
 * @example parseBox('the box is [0.1, 0.2, 0.5, 0.6]') // undefined
 */
export function parseBox(text: string): [number, number, number, number] | undefined {
  const values = new Parser(text.replace(/^[ \t]+/, '').replace(/\r\n?/g, '\n')).document();
  if (values?.length !== 4) return undefined;
  const [x1, y1, x2, y2] = values as [number, number, number, number];
  return values.every((value) => value >= 0 && value <= 1) && x1 < x2 && y1 < y2 ? [x1, y1, x2, y2] : undefined;
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): number[] | undefined {
    // Blank lines may come first, but an indented expression may not; a form feed sets the column back to 0.
    const before = /^(?:[ \t\f]*(?:#[^\n]*)?\n|\\\n)*/.exec(this.#text)![0];
    const indent = /^[ \t\f]*/.exec(this.#text.slice(before.length))![0];
    if (/[^\f]$/.test(indent)) return undefined;
    this.#at = before.length + indent.length;
    const list = this.#list();
    if (!list) return undefined;
    const rest = this.#text.slice(this.#at);
    return /^(?:[ \t\f]|\\\n(?!$))*(?:#[^\n]*)?(?:\n(?:[ \t\f]*(?:#[^\n]*)?\n)*(?:[ \t]*\f|[ \t\f]*#[^\n]*)?)?$/.test(
      rest,
    )
      ? list
      : undefined;
  }

  #list(): number[] | undefined {
    if (this.#take('(')) {
      const list = this.#list();
      return list && this.#take(')') ? list : undefined;
    }
    if (!this.#take('[')) return undefined;
    const values: number[] = [];
    while (!this.#take(']')) {
      if (values.length > 0 && !this.#take(',')) return undefined;
      if (values.length > 0 && this.#take(']')) return values;
      const value = this.#value(true);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  /** A number, perhaps in parentheses; at most one sign, because literal_eval allows one. */
  #value(mayBeSigned: boolean, mayBeName = mayBeSigned): number | undefined {
    if (this.#take('(')) {
      const value = this.#value(mayBeSigned, mayBeName);
      return value !== undefined && this.#take(')') ? value : undefined;
    }
    if (mayBeSigned && this.#take('-')) {
      const value = this.#value(false);
      return value === undefined ? undefined : -value;
    }
    if (mayBeSigned && this.#take('+')) return this.#value(false);
    this.#skip();
    const rest = this.#text.slice(this.#at);
    const name = mayBeName ? /^(?:True|False)(?![\w\u0080-\u{10ffff}])/u.exec(rest)?.[0] : undefined;
    if (name) {
      this.#at += name.length;
      return name === 'True' ? 1 : 0;
    }
    const found = number.exec(rest)?.[0];
    if (!found || gluedTo.test(rest.slice(found.length))) return undefined;
    if (decimalInteger.test(found) && /^0[0_]*[1-9]/.test(found)) return undefined; // 01 is no integer
    this.#at += found.length;
    return Number(found.replaceAll('_', ''));
  }

  #take(mark: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== mark) return false;
    if (mark === '(' || mark === '[') {
      if (++this.#depth > deepest) return false;
    } else if (mark === ')' || mark === ']') this.#depth--;
    this.#at++;
    return true;
  }

  /** White space, comments and joined lines; only inside brackets do line breaks not count. */
  #skip(): void {
    const blank = this.#depth > 0 ? /(?:[ \t\f\n]|#[^\n]*|\\\n)*/y : /(?:[ \t\f]|\\\n)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)![0].length;
  }
}
