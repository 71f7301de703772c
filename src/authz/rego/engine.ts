/** Decides by a Rego policy: compiles it where needed, evaluates it, and takes nothing but one boolean for an answer. */
import type {Clock} from '../../lib/platform.ts';
import {AuthzError} from '../errors.ts';
import {authzLimits} from '../limits.ts';
import type {CompiledPolicy, OpaCompiler} from './opa.ts';
import {entrypointOf, type RegoQuery} from './query.ts';
import type {RegoFilter, RegoRunner} from './types.ts';

export interface RegoEngine {
  /**
   * @returns what `allow` says
   * @throws {AuthzError} when the policy cannot be compiled or evaluated, or says anything but yes or no
   */
  decide(
    policy: string | CompiledPolicy,
    question: {readonly query: RegoQuery; readonly input: object; readonly filter?: RegoFilter},
  ): Promise<boolean>;
  /** As `OpaCompiler.coveredLines`. */
  coveredLines: OpaCompiler['coveredLines'];
  close(): Promise<void>;
}

export function createRegoEngine(parts: {
  readonly compiler: OpaCompiler;
  readonly runner: RegoRunner;
  readonly clock: Pick<Clock, 'nowMs'>;
}): RegoEngine {
  const {compiler, runner, clock} = parts;
  return {
    close: () => runner.close(),
    coveredLines: (text, question) => compiler.coveredLines(text, question),
    async decide(policy, {query, input, filter}) {
      const {id, wasm} = typeof policy === 'string' ? await compiler.compile(policy, query) : policy;
      const text = JSON.stringify(input);
      if (text.length > authzLimits.regoInputBytesMax) {
        throw new AuthzError(
          'ERR_REGO_LIMIT',
          `Cannot judge the request: it and what is known of it have ${text.length} characters, at most ${authzLimits.regoInputBytesMax} are given to a policy`,
        );
      }
      const value = await runner.evaluate({
        policyId: id,
        wasm,
        entrypoint: entrypointOf(query),
        input: text,
        nowMs: clock.nowMs(),
        ...(filter === undefined ? {} : {filter}),
      });
      if (typeof value === 'boolean') return value;
      throw new AuthzError(
        'ERR_REGO_FAILED',
        value === undefined
          ? `Cannot judge the request: the policy ${query.packageName} says nothing about "allow", expected a default`
          : `Cannot judge the request: "allow" of the policy ${query.packageName} is no boolean`,
      );
    },
  };
}

/** The time of a request as policies see it: RFC 3339 in the zone of this host. */
export function policyTime(timeMs: number): string {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) return '';
  const offset = -date.getTimezoneOffset();
  const shifted = new Date(timeMs + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${shifted}Z`;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${shifted}${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}
