/** `choria jwt keys`: makes a key pair, or shows the public half of one. */
import {ed25519PublicFromSeed, parseSeed} from '../../crypto/index.ts';
import {inputFileBytesMax} from '../limits.ts';
import {askYes} from '../prompt.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {textArgument} from './jwt-files.ts';
import {fileExists} from '../../lib/file-exists.ts';

export async function runJwtKeys(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {files, random} = context.platform;
  const seedFile = textArgument(parsed, 'seed-file');
  const publicFile = textArgument(parsed, 'public');
  const isThere = await fileExists(files, seedFile);
  if (parsed.flags['show-public'] === true && isThere) {
    const text = (await files.read(seedFile, {limitBytes: inputFileBytesMax})).toString('utf8');
    const shown = ed25519PublicFromSeed(parseSeed(text)).toString('hex');
    context.stdout.write(`Public Key: ${shown}\n`);
    if (publicFile !== '') await files.writeAtomic(publicFile, shown, {mode: 0o600});
    return 0;
  }
  const mayReplace = !isThere || parsed.flags['force'] === true;
  if (!mayReplace && !(await askYes(context, `Really overwrite ${inertLine(seedFile)}`))) {
    context.stdout.write('Skipping\n');
    return 0;
  }
  const seed = random.bytes(32);
  const publicKey = ed25519PublicFromSeed(seed).toString('hex');
  await files.writeAtomic(seedFile, seed.toString('hex'), {mode: 0o600});
  if (publicFile !== '') await files.writeAtomic(publicFile, publicKey, {mode: 0o600});
  context.stdout.write(`Public Key: ${publicKey}\n\nEd25519 seed saved in ${inertLine(seedFile)}\n`);
  return 0;
}
