import { describe } from 'vitest';
import { onnxEngine } from './onnx-engine.ts';
import { engineContract } from './testing/engine-contract.ts';

describe('onnxEngine in the caller’s thread', () => engineContract(() => onnxEngine({ threads: 1, worker: false })));
describe('onnxEngine with two threads', () => engineContract(() => onnxEngine({ threads: 2, worker: false })));
describe('onnxEngine in a worker', () => engineContract(() => onnxEngine({ threads: 1, worker: true })));
