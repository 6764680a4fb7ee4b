/**
 * Resizing, cropping, rotating and warping of images, channels last.
 * Legend: N images, H W in, P Q out, C channels, K boxes.
 */
import { backend_util } from '@tensorflow/tfjs-core';
import { int, text } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { KernelCall, Lowering, Lowerings } from '../lowering.ts';
import { take } from './blocks.ts';
import { toChannelsFirst, toChannelsLast } from './windows.ts';

type Shape4 = [number, number, number, number];

/** The position in the input that each element of the output reads, as tfjs computes it. */
function positions(length: number, size: number, { attrs }: KernelCall): number[] {
  const corners = attrs['alignCorners'] && size > 1;
  const scale = corners ? (length - 1) / (size - 1) : length / size;
  return Array.from({ length: size }, (_, i) => (attrs['halfPixelCenters'] ? scale * (i + 0.5) : scale * i));
}

function nearestPositions(length: number, size: number, call: KernelCall): number[] {
  const round = call.attrs['alignCorners'] ? Math.round : Math.floor;
  return positions(length, size, call).map((at) => Math.max(0, Math.min(length - 1, round(at))));
}

/** Row `size`, column `length`: how much of each input element an output element takes. */
function linearWeights(length: number, size: number, call: KernelCall): Float32Array {
  const weights = new Float32Array(size * length);
  for (const [i, position] of positions(length, size, call).entries()) {
    const at = call.attrs['halfPixelCenters'] ? position - 0.5 : position;
    const low = Math.max(0, Math.floor(at));
    const high = Math.min(length - 1, Math.ceil(at));
    const share = at - low;
    weights[i * length + low]! += 1 - share;
    weights[i * length + high]! += share;
  }
  return weights;
}

const resizeBilinear: Lowering = (b, call) => {
  const images = b.cast(call.inputs['images']!, 'float32');
  const [n, h, w, c] = b.shape(images) as Shape4;
  const [height, width] = call.attrs['size'] as [number, number];
  if (h === height && w === width) return images;
  const { alignCorners, halfPixelCenters } = call.attrs;
  const place = alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric';
  const sizes = b.int64s([n, c, height, width]);
  const resized = b.node('Resize', [toChannelsFirst(b, images), -1, -1, sizes], [n, c, height, width], 'float32', {
    mode: text('linear'),
    coordinate_transformation_mode: text(place),
  });
  return toChannelsLast(b, resized);
};

const resizeNearest: Lowering = (b, call) => {
  const images = call.inputs['images']!;
  const [, h, w] = b.shape(images) as Shape4;
  const [height, width] = call.attrs['size'] as [number, number];
  return take(b, take(b, images, 1, nearestPositions(h, height, call)), 2, nearestPositions(w, width, call));
};

/** Resizing is a product with one matrix per axis: the gradient is one with their transposes. */
const resizeGradient =
  (weightsOf: (length: number, size: number, call: KernelCall) => Float32Array): Lowering =>
  (b, call) => {
    const [dy, images] = [call.inputs['dy']!, call.inputs['images']!];
    const [n, h, w, c] = b.shape(images) as Shape4;
    const [, p, q] = b.shape(dy) as Shape4;
    const transposed = (length: number, size: number) =>
      b.transpose(b.constant(weightsOf(length, size, call), [size, length], 'float32'), [1, 0]);
    const rows = b.node('MatMul', [transposed(h, p), b.reshape(dy, [n, p, q * c])], [n, h, q * c], 'float32');
    const dx = b.node('MatMul', [transposed(w, q), b.reshape(rows, [n * h, q, c])], [n * h, w, c], 'float32');
    return b.reshape(dx, [n, h, w, c]);
  };

function nearestWeights(length: number, size: number, call: KernelCall): Float32Array {
  const weights = new Float32Array(size * length);
  for (const [i, at] of nearestPositions(length, size, call).entries()) weights[i * length + at] = 1;
  return weights;
}

/** Arithmetic on float32 coordinates that the graph computes. */
function arithmetic(b: GraphBuilder) {
  const number = (x: number | { value: number }) => (typeof x === 'number' ? b.scalar(x, 'float32') : x.value);
  const binary = (op: string) => (x: number | { value: number }, y: number | { value: number }) => ({
    value: b.binary(op, number(x), number(y)),
  });
  const compare = (op: string) => (x: number | { value: number }, y: number | { value: number }) =>
    b.binary(op, number(x), number(y), 'bool');
  return {
    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    less: compare('Less'),
    greater: compare('Greater'),
    atLeast: compare('GreaterOrEqual'),
    atMost: compare('LessOrEqual'),
    floor: (x: { value: number }) => ({ value: b.unary('Floor', x.value) }),
    ceil: (x: { value: number }) => ({ value: b.unary('Ceil', x.value) }),
    /** Towards zero. */
    trunc: (x: { value: number }) => ({ value: b.cast(b.cast(x.value, 'int32'), 'float32') }),
    clamp: (x: { value: number }, low: number, high: number) => ({
      value: b.node('Clip', [x.value, number(low), number(high)], b.shape(x.value), 'float32'),
    }),
    where: (condition: number, x: number | { value: number }, y: number | { value: number }) => ({
      value: b.where(condition, number(x), number(y)),
    }),
  };
}
type Coordinate = { value: number };

/** Pixels at whole coordinates, which are moved inside the image where they lie outside: [.., C]. */
function readPixels(b: GraphBuilder, images: number, image: number, y: Coordinate, x: Coordinate): number {
  const [n, h, w, c] = b.shape(images) as Shape4;
  const { clamp } = arithmetic(b);
  const whole = (at: Coordinate, size: number) => b.cast(clamp(at, 0, size - 1).value, 'int32');
  const scalar = (value: number) => b.scalar(value, 'int32');
  const row = b.binary('Add', b.binary('Mul', image, scalar(h)), whole(y, h));
  const at = b.binary('Add', b.binary('Mul', row, scalar(w)), whole(x, w));
  const flat = b.reshape(images, [n * h * w, c]);
  return b.node('Gather', [flat, at], [...b.shape(at), c], b.dtype(images), { axis: int(0) });
}

const withChannel = (b: GraphBuilder, value: number) => b.reshape(value, [...b.shape(value), 1]);

/** Mixes the four pixels around a point. */
function bilinear(
  b: GraphBuilder,
  at: { y: Coordinate; x: Coordinate },
  around: { y: [Coordinate, Coordinate]; x: [Coordinate, Coordinate] },
  read: (y: Coordinate, x: Coordinate) => number,
): number {
  const { sub } = arithmetic(b);
  const shareOf = (value: Coordinate, low: Coordinate) => withChannel(b, sub(value, low).value);
  const mix = (low: number, high: number, share: number) =>
    b.binary('Add', low, b.binary('Mul', b.binary('Sub', high, low), share));
  const [y0, y1] = around.y;
  const [x0, x1] = around.x;
  const across = shareOf(at.x, x0);
  const top = mix(read(y0, x0), read(y0, x1), across);
  const bottom = mix(read(y1, x0), read(y1, x1), across);
  return mix(top, bottom, shareOf(at.y, y0));
}

const cropAndResize: Lowering = (b, { inputs, attrs }) => {
  const images = b.cast(inputs['image']!, 'float32');
  const [n, h, w, c] = b.shape(images) as Shape4;
  const [k] = b.shape(inputs['boxes']!) as [number];
  const [p, q] = attrs['cropSize'] as [number, number];
  const m = arithmetic(b);
  const edge = (i: number) => ({ value: b.slice(inputs['boxes']!, [i], [i + 1], [1], [1], [k, 1]) });
  const along = (from: Coordinate, to: Coordinate, size: number, crop: number): Coordinate => {
    if (crop === 1) return m.mul(m.mul(0.5, m.add(from, to)), size - 1);
    const steps = {
      value: b.constant(
        Float32Array.from({ length: crop }, (_, i) => i),
        [1, crop],
        'float32',
      ),
    };
    return m.add(m.mul(from, size - 1), m.div(m.mul(steps, m.mul(m.sub(to, from), size - 1)), crop - 1));
  };
  const shaped = (value: Coordinate, shape: number[]) => ({ value: b.reshape(value.value, shape) });
  const y = shaped(along(edge(0), edge(2), h, p), [k, p, 1]);
  const x = shaped(along(edge(1), edge(3), w, q), [k, 1, q]);
  const inside = (at: Coordinate, size: number) => b.binary('And', m.atLeast(at, 0), m.atMost(at, size - 1), 'bool');
  const asked = b.reshape(inputs['boxInd']!, [k, 1, 1]);
  const image = b.node('Clip', [asked, b.scalar(0, 'int32'), b.scalar(n - 1, 'int32')], [k, 1, 1], 'int32');
  const read = (row: Coordinate, column: Coordinate) => readPixels(b, images, image, row, column);
  const pixels =
    attrs['method'] === 'bilinear'
      ? bilinear(b, { y, x }, { y: [m.floor(y), m.ceil(y)], x: [m.floor(x), m.ceil(x)] }, read)
      : read(m.floor(m.add(y, 0.5)), m.floor(m.add(x, 0.5)));
  const seen = withChannel(b, b.binary('And', inside(y, h), inside(x, w), 'bool'));
  const filled = b.where(seen, pixels, b.scalar(attrs['extrapolationValue'] ?? 0, 'float32'));
  const known = b.reshape(b.binary('Less', asked, b.scalar(n, 'int32'), 'bool'), [k, 1, 1, 1]);
  return b.expand(b.where(known, filled, b.scalar(0, 'float32')), [k, p, q, c]);
};

/** Turns by an angle that is known now: a fixed permutation of pixels. */
const rotate: Lowering = (b, { inputs, attrs }) => {
  const images = inputs['image']!;
  const [n, h, w, c] = b.shape(images) as Shape4;
  const [centreX, centreY] = backend_util.getImageCenter(attrs['center'], h, w);
  const [sin, cos] = [Math.sin(attrs['radians']), Math.cos(attrs['radians'])];
  const from: number[] = [];
  const inside = new Uint8Array(h * w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const sourceX = Math.round((x - centreX) * cos - (y - centreY) * sin + centreX);
      const sourceY = Math.round((x - centreX) * sin + (y - centreY) * cos + centreY);
      const isInside = sourceX >= 0 && sourceX < w && sourceY >= 0 && sourceY < h;
      inside[y * w + x] = isInside ? 1 : 0;
      from.push(isInside ? sourceY * w + sourceX : 0);
    }
  }
  const fill = attrs['fillValue'] as number | number[];
  const colour = Array.from({ length: c }, (_, i) => (typeof fill === 'number' ? fill : i === 3 ? 255 : fill[i]!));
  const data = b.dtype(images) === 'float32' ? Float32Array.from(colour) : Int32Array.from(colour);
  const turned = take(b, b.reshape(images, [n, h * w, c]), 1, from);
  const filled = b.where(b.constant(inside, [h * w, 1], 'bool'), turned, b.constant(data, [c], b.dtype(images)));
  return b.reshape(filled, [n, h, w, c]);
};

/** Where a coordinate outside the image reads, by tfjs's rules. */
function mapCoordinate(b: GraphBuilder, at: Coordinate, size: number, mode: string): Coordinate {
  const m = arithmetic(b);
  if (mode === 'constant') return at;
  if (mode === 'nearest' || size <= 1) return m.clamp(at, 0, size - 1);
  if (mode === 'wrap') {
    const turns = (length: Coordinate) => m.mul(size, m.trunc(m.div(length, size - 1)));
    const below = m.add(at, m.add(turns(m.sub(0, at)), size));
    const wrapped = m.where(m.less(at, 0), below, m.sub(at, m.where(m.greater(at, size - 1), turns(at), 0)));
    return m.clamp(wrapped, 0, size - 1);
  }
  const period = 2 * size;
  const turned = m.add(m.mul(period, m.trunc(m.div(m.sub(0, at), period))), at);
  const below = m.where(m.less(turned, -size), m.add(turned, period), m.sub(-1, turned));
  const folded = m.sub(at, m.mul(period, m.trunc(m.div(at, period))));
  const above = m.where(m.atLeast(folded, size), m.sub(period - 1, folded), folded);
  return m.clamp(m.where(m.less(at, 0), below, above), 0, size - 1);
}

/** A projective warp whose eight numbers come with the data. */
const transform: Lowering = (b, { inputs, attrs }) => {
  const images = inputs['image']!;
  const [n, h, w, c] = b.shape(images) as Shape4;
  const [p, q] = (attrs['outputShape'] as [number, number] | undefined) ?? [h, w];
  const count = b.shape(inputs['transforms']!)[0]!;
  const m = arithmetic(b);
  const t = (i: number) => ({
    value: b.reshape(b.slice(inputs['transforms']!, [i], [i + 1], [1], [1], [count, 1]), [count, 1, 1]),
  });
  const range = (size: number, shape: number[]) => ({
    value: b.constant(
      Float32Array.from({ length: size }, (_, i) => i),
      shape,
      'float32',
    ),
  });
  const [row, column] = [range(p, [1, p, 1]), range(q, [1, 1, q])];
  const plane = (i: number) => m.add(m.mul(t(i), column), m.mul(t(i + 1), row));
  const projection = m.add(plane(6), 1);
  const isLost = b.binary('Equal', projection.value, b.scalar(0, 'float32'), 'bool');
  const divisor = m.where(isLost, 1, projection);
  const mode = (attrs['fillMode'] as string | undefined) ?? 'constant';
  const x = mapCoordinate(b, m.div(m.add(plane(0), t(2)), divisor), w, mode);
  const y = mapCoordinate(b, m.div(m.add(plane(3), t(5)), divisor), h, mode);
  const image = b.constant(
    Int32Array.from({ length: n }, (_, i) => i),
    [n, 1, 1],
    'int32',
  );
  const fill = b.scalar(attrs['fillValue'] ?? 0, b.dtype(images));
  const read = (atY: Coordinate, atX: Coordinate) => {
    const rows = b.binary('And', m.atLeast(atY, 0), m.less(atY, h), 'bool');
    const inside = b.binary('And', rows, b.binary('And', m.atLeast(atX, 0), m.less(atX, w), 'bool'), 'bool');
    return b.where(withChannel(b, inside), readPixels(b, images, image, atY, atX), fill);
  };
  const [low, left] = [m.floor(y), m.floor(x)];
  const pixels =
    attrs['interpolation'] === 'bilinear'
      ? bilinear(b, { y, x }, { y: [low, m.add(low, 1)], x: [left, m.add(left, 1)] }, (r, s) =>
          b.cast(read(r, s), 'float32'),
        )
      : read(m.floor(m.add(y, 0.5)), m.floor(m.add(x, 0.5)));
  const filled = b.where(withChannel(b, isLost), b.cast(fill, b.dtype(pixels)), pixels);
  return b.cast(b.expand(filled, [n, p, q, c]), b.dtype(images));
};

export const imageLowerings: Lowerings = {
  ResizeBilinear: resizeBilinear,
  ResizeBilinearGrad: resizeGradient(linearWeights),
  ResizeNearestNeighbor: resizeNearest,
  ResizeNearestNeighborGrad: resizeGradient(nearestWeights),
  CropAndResize: cropAndResize,
  RotateWithOffset: rotate,
  Transform: transform,
};
