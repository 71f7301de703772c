/**
 * The thread in which Rego policies run: a policy that never ends costs a thread, not the node. Edge file.
 */
import {createRequire} from 'node:module';
import {parentPort, workerData} from 'node:worker_threads';
import type {LoadedPolicy} from '@open-policy-agent/opa-wasm';
import {filterFunctions, type RegoFunction, standardFunctions} from './functions.ts';
import type {RegoAnswer, RegoAsk, RegoWorkerData} from './types.ts';

type OpaWasm = typeof import('@open-policy-agent/opa-wasm');

interface Ready {
  readonly policy: LoadedPolicy;
  /** The functions see the request through this; it changes with each evaluation. */
  readonly current: {functions: Readonly<Record<string, RegoFunction>>};
}

const {pagesMax, policiesMax} = workerData as RegoWorkerData;
// The package's module form hides its names from some loaders.
const {loadPolicySync} = createRequire(import.meta.url)('@open-policy-agent/opa-wasm') as OpaWasm;
const policies = new Map<string, Ready>();

const send: ((message: RegoAnswer) => void) | undefined = parentPort?.postMessage.bind(parentPort);

parentPort?.on('message', (ask: RegoAsk) => send?.(answer(ask)));
send?.({id: 0});

function answer(ask: RegoAsk): RegoAnswer {
  try {
    const ready = policies.get(ask.policyId) ?? load(ask);
    if (ready === undefined) return {id: ask.id, wantsPolicy: true};
    ready.current.functions = {...standardFunctions(ask.nowMs), ...filterFunctions(ask.filter)};
    const input = new TextEncoder().encode(ask.input);
    const results: unknown = ready.policy.evaluate(input.buffer, ask.entrypoint);
    const [first] = Array.isArray(results) ? (results as readonly {readonly result?: unknown}[]) : [];
    return first === undefined ? {id: ask.id} : {id: ask.id, value: JSON.stringify(first.result)};
  } catch (error) {
    // What an aborted evaluation leaves behind in its memory is not used again.
    policies.delete(ask.policyId);
    return {id: ask.id, problem: problemOf(error)};
  }
}

function load(ask: RegoAsk): Ready | undefined {
  if (ask.wasm === undefined) return undefined;
  if (policies.size >= policiesMax) {
    const oldest = policies.keys().next().value;
    if (oldest !== undefined) policies.delete(oldest);
  }
  const current: Ready['current'] = {functions: {}};
  const names = Object.keys({...standardFunctions(0), ...filterFunctions(undefined)});
  const functions = Object.fromEntries(
    names.map((name): [string, RegoFunction] => [name, (...args) => current.functions[name]?.(...args)]),
  );
  // A copy, as the bytes may be a part of something larger.
  const policy = loadPolicySync(new Uint8Array(ask.wasm), {initial: 5, maximum: pagesMax}, functions);
  const ready = {policy, current};
  policies.set(ask.policyId, ready);
  return ready;
}

/** The engine throws texts, objects and errors. */
function problemOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return 'the engine gave up';
}
