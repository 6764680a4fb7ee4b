import { describe } from 'vitest';
import { engineContract } from './testing/engine-contract.ts';
import { tfjsEngine } from './tfjs-engine.ts';

describe('tfjsEngine on the cpu backend', () => engineContract(() => tfjsEngine({ backend: 'cpu' })));
