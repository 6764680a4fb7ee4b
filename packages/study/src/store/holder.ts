/** A process that has something of a store for itself. */
export { isDead, isHere, type ProcessHolder as StoreHolder, thisHolder } from '@vlm/trainer';
