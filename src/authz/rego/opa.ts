/**
 * Compiles Rego with the `opa` program: found on the PATH or by `plugin.regopolicy.opa`.
 *
 * Each text is compiled once: the result is kept in memory and, where there is a directory for it, on disk under the hash of
 * everything that went into it.
 */
import {createHash} from 'node:crypto';
import {posix} from 'node:path';
import {errorMessage} from '../../lib/errors.ts';
import {findProgram} from '../../lib/find-program.ts';
import {isJsonObject, jsonField, parseJson} from '../../lib/json.ts';
import type {Platform} from '../../lib/platform.ts';
import {AuthzError} from '../errors.ts';
import {authzLimits} from '../limits.ts';
import {readBundleFile} from './bundle.ts';
import {entrypointOf, type RegoQuery} from './query.ts';

export interface OpaCompilerOptions {
  readonly platform: Pick<Platform, 'files' | 'processes' | 'env' | 'host'>;
  /** The program; `opa` on the PATH when left out. */
  readonly program?: string;
  /** Where compiled policies are kept across restarts; private to this user. */
  readonly cacheDirectory?: string;
}

export interface OpaCompiler {
  /**
   * @throws {AuthzError} `ERR_OPA_MISSING` | `ERR_OPA_FAILED` | `ERR_REGO_INVALID`
   */
  compile(text: string, query: RegoQuery): Promise<CompiledPolicy>;
  /**
   * Which lines of a policy hold for an input, for people who ask why. Runs the whole of it in opa; policies that call functions of
   * ours cannot be asked.
   *
   * @throws {AuthzError} `ERR_OPA_MISSING` | `ERR_OPA_FAILED`
   */
  coveredLines(text: string, question: {readonly query: RegoQuery; readonly input: object}): Promise<readonly number[]>;
}

export interface CompiledPolicy {
  /** Equal for equal policies. */
  readonly id: string;
  readonly wasm: Uint8Array;
}

/** A changed compiler makes other files; the number goes into the name of what is cached. */
const cacheFormat = 1;

export function createOpaCompiler(options: OpaCompilerOptions): OpaCompiler {
  return new Compiler(options);
}

class Compiler implements OpaCompiler {
  private readonly options: OpaCompilerOptions;
  private readonly compiled = new Map<string, Promise<CompiledPolicy>>();
  private capabilities: Promise<Readonly<Record<string, unknown>>> | undefined;

  constructor(options: OpaCompilerOptions) {
    this.options = options;
  }

  compile(text: string, query: RegoQuery): Promise<CompiledPolicy> {
    const id = createHash('sha256')
      .update(JSON.stringify([cacheFormat, query, text]))
      .digest('hex');
    const known = this.compiled.get(id);
    if (known !== undefined) return known;
    if (this.compiled.size >= authzLimits.compiledPoliciesMax) {
      const oldest = this.compiled.keys().next().value;
      if (oldest !== undefined) this.compiled.delete(oldest);
    }
    const work = this.find(id, {text, query});
    this.compiled.set(id, work);
    // A policy that opa refused stays refused; whatever else went wrong may be mended by the next request.
    work.catch((error: unknown) => {
      if (!(error instanceof AuthzError && error.code === 'ERR_REGO_INVALID')) this.compiled.delete(id);
    });
    return work;
  }

  async coveredLines(
    text: string,
    {query, input}: {readonly query: RegoQuery; readonly input: object},
  ): Promise<readonly number[]> {
    const {files} = this.options.platform;
    const directory = await files.makeTempDirectory('choria-rego-');
    try {
      await files.writeAtomic(posix.join(directory, 'policy.rego'), text, {mode: 0o600});
      await files.writeAtomic(posix.join(directory, 'input.json'), JSON.stringify(input), {mode: 0o600});
      const document = `data.${query.packageName}.allow`;
      const {exitCode, output} = await this.runOpa(
        ['eval', '--coverage', '--format', 'json', '--data', 'policy.rego', '--input', 'input.json', document],
        directory,
      );
      if (exitCode !== 0) {
        throw new AuthzError('ERR_OPA_FAILED', `Cannot tell which lines hold: ${firstLines(output)}`);
      }
      return linesOf(parseJson(output));
    } finally {
      await files.remove(directory, {recursive: true});
    }
  }

  private async find(id: string, policy: {readonly text: string; readonly query: RegoQuery}): Promise<CompiledPolicy> {
    const cached = await this.readCache(id);
    if (cached !== undefined) return {id, wasm: cached};
    const wasm = await this.build(policy.text, policy.query);
    await this.writeCache(id, wasm);
    return {id, wasm};
  }

  private async build(text: string, query: RegoQuery): Promise<Buffer> {
    const {files} = this.options.platform;
    const directory = await files.makeTempDirectory('choria-rego-');
    try {
      const capabilities = {...(await this.capabilitiesFor(query))};
      await files.writeAtomic(posix.join(directory, 'policy.rego'), text, {mode: 0o600});
      await files.writeAtomic(posix.join(directory, 'capabilities.json'), JSON.stringify(capabilities), {mode: 0o600});
      const first = await this.runBuild(directory, {query, old: false});
      const isWrong = typeof first === 'string';
      const result = isWrong && query.acceptsOldSyntax ? await this.runBuild(directory, {query, old: true}) : first;
      if (typeof result !== 'string') return result;
      throw new AuthzError('ERR_REGO_INVALID', `Cannot use the Rego policy: ${isWrong ? first : result}`);
    } finally {
      await files.remove(directory, {recursive: true});
    }
  }

  /** The compiled policy, or what is wrong with the text. */
  private async runBuild(
    directory: string,
    how: {readonly query: RegoQuery; readonly old: boolean},
  ): Promise<Buffer | string> {
    const {exitCode, output} = await this.runOpa(
      [
        'build',
        ...(how.old ? ['--v0-compatible'] : []),
        '--target',
        'wasm',
        '--entrypoint',
        entrypointOf(how.query),
        '--capabilities',
        'capabilities.json',
        '--output',
        'bundle.tar.gz',
        'policy.rego',
      ],
      directory,
    );
    if (exitCode !== 0) return firstLines(output);
    const bundle = await this.options.platform.files.read(posix.join(directory, 'bundle.tar.gz'), {
      limitBytes: authzLimits.bundleBytesMax,
    });
    const wasm = readBundleFile(bundle, 'policy.wasm');
    if (wasm === undefined)
      throw new AuthzError('ERR_OPA_FAILED', 'Cannot use what opa compiled: it holds no policy.wasm');
    return wasm;
  }

  /** What opa knows, less what reaches out of the policy, plus our functions. */
  private async capabilitiesFor(query: RegoQuery): Promise<Readonly<Record<string, unknown>>> {
    this.capabilities ??= this.readCapabilities();
    const known = await this.capabilities;
    const builtins = Array.isArray(known['builtins'])
      ? (known['builtins'] as readonly {readonly name?: unknown}[])
      : [];
    const ours = Object.entries(query.functions).map(([name, count]) => ({
      name,
      decl: {
        type: 'function',
        args: Array.from({length: count}, () => ({type: 'string'})),
        result: {type: 'boolean'},
      },
    }));
    return {...known, builtins: [...builtins.filter(({name}) => !reachesOut.has(String(name))), ...ours]};
  }

  private async readCapabilities(): Promise<Readonly<Record<string, unknown>>> {
    try {
      const {exitCode, output} = await this.runOpa(
        ['capabilities', '--current'],
        this.options.platform.host.tempDirectory,
      );
      const value = exitCode === 0 ? parseJson(output) : undefined;
      if (isJsonObject(value)) return value;
      throw new AuthzError(
        'ERR_OPA_FAILED',
        `Cannot use opa: "opa capabilities --current" ended with ${exitCode} and ${JSON.stringify(output.slice(0, 200))}, expected version 1.0 or newer`,
      );
    } catch (error) {
      this.capabilities = undefined;
      throw error;
    }
  }

  private async runOpa(
    args: readonly string[],
    cwd: string,
  ): Promise<{readonly exitCode: number | null; readonly output: string}> {
    const {platform, program = 'opa'} = this.options;
    const command = await findProgram(program, platform);
    if (command === undefined) throw missing(program);
    try {
      const result = await platform.processes.run({
        command,
        args,
        cwd,
        env: {PATH: platform.env['PATH'] ?? '', HOME: cwd, TMPDIR: cwd},
        timeoutMs: authzLimits.compileMs,
        outputBytesMax: authzLimits.opaOutputBytesMax,
      });
      if (result.timedOut) {
        throw new AuthzError(
          'ERR_OPA_FAILED',
          `Cannot compile the Rego policy: opa did not end in ${authzLimits.compileMs} ms`,
        );
      }
      const output = result.exitCode === 0 ? result.stdout : Buffer.concat([result.stderr, result.stdout]);
      return {exitCode: result.exitCode, output: output.toString('utf8')};
    } catch (cause) {
      if (cause instanceof AuthzError) throw cause;
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw missing(program);
      throw new AuthzError('ERR_OPA_FAILED', `Cannot run "${command}": ${errorMessage(cause)}`, {cause});
    }
  }

  private cachePath(id: string): string | undefined {
    const {cacheDirectory} = this.options;
    return cacheDirectory === undefined ? undefined : posix.join(cacheDirectory, `${id}.wasm`);
  }

  private async readCache(id: string): Promise<Buffer | undefined> {
    const path = this.cachePath(id);
    if (path === undefined) return undefined;
    const {files, host} = this.options.platform;
    try {
      // A compiled policy is a verdict: one that somebody else could have written is not believed.
      const info = await files.lstat(path);
      const isOurs = info.kind === 'file' && (info.mode & 0o022) === 0 && (host.uid === -1 || info.uid === host.uid);
      return isOurs ? await files.read(path, {limitBytes: authzLimits.wasmBytesMax}) : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new AuthzError('ERR_OPA_FAILED', `Cannot read the compiled policy ${path}: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  private async writeCache(id: string, wasm: Uint8Array): Promise<void> {
    const path = this.cachePath(id);
    if (path === undefined) return;
    const {files} = this.options.platform;
    await files.makeDirectory(posix.dirname(path), {mode: 0o700, recursive: true});
    await files.writeAtomic(path, wasm, {mode: 0o600});
  }
}

/** Functions that would let a policy talk to the network or read the environment; a verdict depends on the request alone. */
const reachesOut: ReadonlySet<string> = new Set([
  'http.send',
  'net.lookup_ip_addr',
  'opa.runtime',
  'rego.parse_module',
]);

function missing(program: string): AuthzError {
  return new AuthzError(
    'ERR_OPA_MISSING',
    `Cannot compile Rego policies: the program "${program}" was not found; install opa 1.0 or newer (https://www.openpolicyagent.org) on the PATH, name it in plugin.regopolicy.opa, or give the policy compiled as a .wasm file`,
  );
}

/** The numbers of the lines that opa says it covered. */
function linesOf(report: unknown): readonly number[] {
  const member = (value: unknown, name: string): unknown => (isJsonObject(value) ? jsonField(value, name) : undefined);
  const covered = member(member(member(member(report, 'coverage'), 'files'), 'policy.rego'), 'covered');
  const ranges = Array.isArray(covered) ? (covered as readonly unknown[]) : [];
  return ranges.flatMap((range) => {
    const [first, last] = [member(member(range, 'start'), 'row'), member(member(range, 'end'), 'row')];
    if (typeof first !== 'number' || typeof last !== 'number' || last - first > authzLimits.policyLinesMax) return [];
    return Array.from({length: last - first + 1}, (_item, index) => first + index);
  });
}

/** What opa says of a text, on one line. */
function firstLines(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, authzLimits.opaMessageLinesMax);
  return lines.join(' ').replaceAll(/^error: /g, '') || 'opa refused it without a word';
}
