const encoder = new TextEncoder();
/** Nearly all tags, lengths and numbers of a graph are one byte long: made once. */
const singleBytes = Array.from({ length: 128 }, (_, value) => Uint8Array.of(value));

/** The part of Protocol Buffers that ONNX needs. A nested message is a writer of its own. */
export class ProtobufWriter {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  /** A varint field; negative numbers take ten bytes, as the format says. */
  int(field: number, value: number): this {
    this.tag(field, 0);
    return this.push(varint(value));
  }

  float(field: number, value: number): this {
    this.tag(field, 5);
    return this.push(new Uint8Array(Float32Array.of(value).buffer));
  }

  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  /** The bytes are not copied before `finish`. */
  bytes(field: number, value: Uint8Array): this {
    this.tag(field, 2);
    this.push(varint(value.length));
    return this.push(value);
  }

  /** A nested message, filled by `fill`. */
  message(field: number, fill: (writer: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter();
    fill(inner);
    this.tag(field, 2);
    this.push(varint(inner.length));
    for (const part of inner.parts) this.push(part);
    return this;
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let offset = 0;
    for (const part of this.parts) {
      out.set(part, offset);
      offset += part.length;
    }
    return out;
  }

  private tag(field: number, wireType: number): void {
    this.push(varint(field * 8 + wireType));
  }

  private push(part: Uint8Array): this {
    this.parts.push(part);
    this.length += part.length;
    return this;
  }
}

function varint(value: number): Uint8Array {
  const single = singleBytes[value];
  if (single) return single;
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}
