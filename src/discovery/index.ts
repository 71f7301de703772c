/** Finding nodes: one method per file behind one interface, and the rules that choose the method. */
export type {DiscoveryMethod, DiscoveryRequest, DiscoveryResult} from './types.ts';
export {createBroadcastMethod, isRegexEntry, plainIdentities} from './broadcast.ts';
export type {BroadcastOptions, DiscoveryProbe, ProbeHandle} from './broadcast.ts';
export {createExternalMethod} from './external.ts';
export type {ExternalOptions} from './external.ts';
export {createFlatfileMethod, formatOfFile} from './flatfile.ts';
export type {FlatfileFormat, FlatfileOptions, JsonQuery} from './flatfile.ts';
export {createInventoryMethod} from './inventory.ts';
export type {CompileFilter, InventoryOptions} from './inventory.ts';
export {inventoryProblems, inventorySchema, readInventory} from './inventory-file.ts';
export type {Inventory, InventoryGroup, InventoryNode} from './inventory-file.ts';
export {puppetDbQuery} from './pql.ts';
export {isIdentity} from './identities.ts';
export {defaultDiscoveryOptions, selectMethod} from './select.ts';
export type {MethodName, Selection, SelectionInput} from './select.ts';
export {DiscoveryError, discoveryErrorCodes} from './errors.ts';
export type {DiscoveryErrorCode} from './errors.ts';
export {discoveryLimits} from './limits.ts';
