// Weights of separable resampling as Pillow computes them (Pillow 12, `src/libImaging/Resample.c`): the filter is widened by the factor of
// reduction (antialiasing), the weights of an output pixel are normalised in double precision and then rounded to 22-bit fixed point.

/** How pixels are resampled; Pillow's filters of the same names. `bicubic` has a = −0.5. */
export type Resample = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

interface Filter {
  /** Half the width at scale 1, in pixels. */
  support: number;
  weight(x: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const FILTERS: Readonly<Record<Exclude<Resample, 'nearest'>, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => {
      if (Math.abs(x) >= 1) return 0;
      return sinc(Math.abs(x)) * (0.54 + 0.46 * Math.cos(Math.PI * x));
    },
  },
  bicubic: {
    support: 2,
    weight: (value) => {
      const x = Math.abs(value);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

export const RESAMPLES: readonly Resample[] = ['nearest', ...(Object.keys(FILTERS) as Resample[])];

/** The taps of a run of output pixels along one axis. */
export interface Taps {
  /** Per output pixel: its first input pixel and the number of its taps. */
  bounds: Int32Array;
  /** [outputs, stride] in units of 2^−22 */
  weights: Int32Array;
  /** Weights from one output pixel to the next. */
  stride: number;
}

/** Taps of the output pixels `first` to `first + count − 1` when `input` pixels become `output`. */
export function filterTaps(resample: Resample, input: number, output: number, first: number, count: number): Taps {
  if (resample === 'nearest') return nearestTaps(input, output, first, count);
  const filter = FILTERS[resample];
  const scale = input / output;
  const widening = Math.max(scale, 1);
  const support = filter.support * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const bounds = new Int32Array(2 * count);
  const weights = new Int32Array(stride * count);
  const exact = new Float64Array(stride);
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - support + 0.5));
    const taps = Math.min(input, Math.trunc(centre + support + 0.5)) - from;
    let sum = 0;
    for (let t = 0; t < taps; t++) sum += exact[t] = filter.weight((t + from - centre + 0.5) * (1 / widening));
    for (let t = 0; t < taps; t++) {
      const weight = (sum === 0 ? exact[t]! : exact[t]! / sum) * 2 ** 22;
      weights[i * stride + t] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    bounds[2 * i] = from;
    bounds[2 * i + 1] = taps;
  }
  return { bounds, weights, stride };
}

/** One tap each. The place is summed up pixel by pixel, as Pillow does: that decides ties. */
function nearestTaps(input: number, output: number, first: number, count: number): Taps {
  const bounds = new Int32Array(2 * count);
  const scale = input / output;
  let place = scale * 0.5;
  for (let i = 0; i < first + count; i++, place += scale) {
    if (i < first) continue;
    bounds[2 * (i - first)] = Math.min(input - 1, Math.trunc(place));
    bounds[2 * (i - first) + 1] = 1;
  }
  return { bounds, weights: new Int32Array(count).fill(2 ** 22), stride: 1 };
}
