import type { Graph } from '../ir/graph.ts';
import { cancelTransposes } from './cancel-transposes.ts';
import { mergeCommonSubexpressions } from './common-subexpressions.ts';
import { removeDeadCode } from './dead-code.ts';
import { distinctOutputs } from './distinct-outputs.ts';
import { foldConstants } from './fold-constants.ts';
import { fuseBias } from './fuse-bias.ts';
import { orderForMemory } from './order-for-memory.ts';
import { recompute } from './recompute.ts';
import { productsToBroadcasts, simplify } from './simplify.ts';
import { splitProducts } from './split-products.ts';
import { virtualBroadcasts } from './virtual-broadcasts.ts';

const passes = [
  foldConstants,
  simplify,
  productsToBroadcasts,
  virtualBroadcasts,
  cancelTransposes,
  fuseBias,
  splitProducts,
  mergeCommonSubexpressions,
  removeDeadCode,
];

/**
 * Runs every pass until none finds anything more to do. The graph is changed in place.
 * @param last what else to do before the nodes are ordered
 */
export function optimise(graph: Graph, last: (graph: Graph) => void = () => {}): void {
  removeDeadCode(graph);
  while (passes.map((pass) => pass(graph)).some(Boolean));
  if (recompute(graph)) removeDeadCode(graph);
  distinctOutputs(graph);
  last(graph);
  orderForMemory(graph);
}
