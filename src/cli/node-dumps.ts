/**
 * What a program that hangs was doing, for those who have to find out: its stacks and its heap, in the names of the reference. Edge file.
 *
 * Both may hold secrets: they are for their owner only, and nothing of the environment is in them.
 */
import {randomUUID} from 'node:crypto';
import {createWriteStream, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {getHeapSnapshot} from 'node:v8';

const privateMode = 0o600;

/** @returns the paths of both files */
export async function writeDumps(): Promise<readonly [stacks: string, heap: string]> {
  const stamp = `${process.pid}-${BigInt(Date.now()) * 1_000_000n}-${randomUUID().slice(0, 8)}`;
  const stacks = join(tmpdir(), `choria-threaddump-${stamp}.txt`);
  const heap = join(tmpdir(), `choria-memoryprofile-${stamp}.mprof`);
  const report = process.report.getReport() as {environmentVariables?: unknown; header?: {commandLine?: unknown}};
  delete report.environmentVariables;
  writeFileSync(stacks, `${JSON.stringify(report, null, 1)}\n`, {mode: privateMode, flag: 'wx'});
  await pipeline(getHeapSnapshot(), createWriteStream(heap, {mode: privateMode, flags: 'wx'}));
  return [stacks, heap];
}
