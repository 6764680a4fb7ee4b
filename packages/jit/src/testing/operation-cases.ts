/** One call of every operation that compiles, with small inputs: the material of `trace/kernels/operations.test.ts`. */
import { arrayCases } from './operation-cases/array-cases.ts';
import { elementwiseCases } from './operation-cases/elementwise-cases.ts';
import type { OperationCase } from './operation-cases/operation-case.ts';
import { pictureCases } from './operation-cases/picture-cases.ts';

export type { OperationCase };

export const operationCases: Record<string, OperationCase> = { ...elementwiseCases, ...arrayCases, ...pictureCases };
