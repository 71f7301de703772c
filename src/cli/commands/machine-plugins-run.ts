/** `choria machine plugins`: the list of plugins that nodes download, packed and signed for them. */
import {isHexKey, parseSeed} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {fileExists} from '../../lib/file-exists.ts';
import {parseJson} from '../../lib/json.ts';
import {silentLogger} from '../../lib/logger.ts';
import {
  compileMatcher,
  isSpecificationSignedBy,
  type ManagedPlugin,
  manifestBytesMax,
  matchesNode,
  packManifest,
  parseManifest,
  parseSpecification,
  putPlugin,
  renderManifest,
  specificationBytesMax,
  splitCredentials,
} from '../../machine/index.ts';
import {createFactSource, factPaths} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import {writeLogLine} from '../fatal.ts';
import {inputFileBytesMax} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import {loadCommandConfig} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {requireFile} from './existing.ts';
import {readPublicHex, textArgument, textFlag} from './jwt-files.ts';

async function readManifest(context: CliContext, path: string): Promise<readonly ManagedPlugin[]> {
  return parseManifest(await context.platform.files.read(path, {limitBytes: manifestBytesMax}), path);
}

/** Only its owner reads it, as it may hold passwords of downloads. */
async function saveManifest(context: CliContext, path: string, plugins: readonly ManagedPlugin[]): Promise<void> {
  await context.platform.files.writeAtomic(path, renderManifest(plugins), {mode: 0o600});
  context.stdout.write(`Use the pack command to sign the ${inertLine(path)} manifest\n`);
}

export async function runPluginsAdd(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const path = textFlag(parsed, 'manifest');
  const [matcher, governor] = [textFlag(parsed, 'matcher'), textFlag(parsed, 'governor')];
  const plugin: ManagedPlugin = {
    name: textArgument(parsed, 'name'),
    ...splitCredentials(textArgument(parsed, 'plugin')),
    verify_checksum: textArgument(parsed, 'verify-checksum'),
    checksum: textArgument(parsed, 'checksum'),
    ...(matcher === '' ? {} : {match: matcher}),
    ...(governor === '' ? {} : {governor}),
  };
  for (const message of doubts(plugin)) writeLogLine(context, context.stderr, {level: 'warning', message});
  const known = (await fileExists(context.platform.files, path)) ? await readManifest(context, path) : [];
  const {plugins, isNew} = putPlugin(known, plugin);
  context.stdout.write(`${isNew ? 'Adding' : 'Updating'} plugin ${plugin.name}\n`);
  await saveManifest(context, path, plugins);
  return 0;
}

/** What would be seen only later, on the nodes. Others take such entries, so they are no errors. */
function doubts({match, ...plugin}: ManagedPlugin): readonly string[] {
  const checksums = (['checksum', 'verify_checksum'] as const)
    .filter((name) => !/^[0-9a-f]{64}$/i.test(plugin[name]))
    .map(
      (name) =>
        `The ${name} ${JSON.stringify(plugin[name])} is no SHA256 checksum of 64 hexadecimal digits: nodes will refuse what they download`,
    );
  try {
    if (match !== undefined) compileMatcher(match);
    return checksums;
  } catch (error) {
    return [...checksums, `No node will match the plugin: ${errorMessage(error)}`];
  }
}

export async function runPluginsRemove(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const [path, name] = [textFlag(parsed, 'manifest'), textArgument(parsed, 'name')];
  await requireFile(context.platform.files, path);
  const plugins = await readManifest(context, path);
  const kept = plugins.filter((plugin) => plugin.name !== name);
  if (kept.length === plugins.length) throw new CliError('ERR_CLI_FAILED', `no plugin named ${name} found`);
  context.stdout.write(`Removing plugin ${name}\n`);
  await saveManifest(context, path, kept);
  return 0;
}

export async function runPluginsPack(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {files} = context.platform;
  const [source, seedPath, output] = [
    textArgument(parsed, 'source'),
    textArgument(parsed, 'seed'),
    textFlag(parsed, 'output'),
  ];
  const isForced = parsed.flags['force'] === true;
  // Everybody on the machine sees the words of a command line, and this one would stand in the message too.
  if (isHexKey(seedPath)) throw new CliError('ERR_CLI_VALUE', 'the seed has to be given as a file');
  for (const path of [source, seedPath]) if (path !== '') await requireFile(files, path);
  if (output !== '' && (await fileExists(files, output))) {
    if (!isForced) throw new CliError('ERR_CLI_FAILED', `output file ${output} exist, use --force to overwrite`);
    await refuseInputs(context, output, [source, seedPath]);
  }
  const manifest = await files.read(source, {limitBytes: manifestBytesMax});
  if (parseManifest(manifest, source).length === 0 && !isForced) {
    throw new CliError('ERR_CLI_FAILED', 'no plugins listed in specification, use --force to write an empty list');
  }
  if (seedPath === '' && !isForced) {
    const message = 'No ed25519 private key given, encoding without signing';
    // With the list on standard output it stands there too, where scripts that read it expect it.
    writeLogLine(context, context.stdout, {level: 'warning', message});
  }
  const seed = seedPath === '' ? undefined : await readSeed(context, seedPath);
  const packed = JSON.stringify(packManifest(manifest, seed));
  if (output === '') context.stdout.write(`${packed}\n`);
  else await files.writeAtomic(output, packed, {mode: 0o600});
  return 0;
}

/** `--force` replaces an earlier result, never the key or the list that it is made of. */
async function refuseInputs(context: CliContext, output: string, inputs: readonly string[]): Promise<void> {
  const {files} = context.platform;
  const place = await files.realPath(output);
  for (const path of inputs) {
    if (path !== '' && (await files.realPath(path)) === place) {
      throw new CliError('ERR_CLI_FAILED', `Cannot write to ${output}: it is ${path}, which the result is made of`);
    }
  }
}

async function readSeed(context: CliContext, path: string): Promise<Buffer> {
  return parseSeed((await context.platform.files.read(path, {limitBytes: inputFileBytesMax})).toString('utf8'));
}

export async function runPluginsVerify(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const source = textArgument(parsed, 'source');
  const key = await readPublicHex(context, textArgument(parsed, 'key'));
  await requireFile(context.platform.files, source);
  const text = await context.platform.files.read(source, {limitBytes: specificationBytesMax});
  if (!isSpecificationSignedBy(parseSpecification(text, source), Buffer.from(key, 'hex'))) {
    context.stdout.write(`Data ${inertLine(source)} does not have a valid signature for key ${key}\n`);
    throw new CliError('ERR_CLI_FAILED', 'verification failed');
  }
  context.stdout.write(`Data file ${inertLine(source)} is signed using ${key}\n`);
  return 0;
}

export async function runPluginsMatcher(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform} = context;
  const matcher = textArgument(parsed, 'matcher');
  const isMatched = await matchesNode(matcher, {
    ...(await describeNode(context, parsed)),
    platform,
    onProblem: (message) => writeLogLine(context, context.stderr, {level: 'error', message}),
  });
  context.stdout.write(`${isMatched ? 'Matched' : 'Failed to match'} plugin matcher: ${inertLine(matcher)}\n`);
  return 0;
}

/** What the flags say of the node, and `--config` where they say nothing. */
async function describeNode(
  context: CliContext,
  parsed: ParsedArguments,
): Promise<{readonly identity: string; readonly factsJson: string}> {
  const {files, host} = context.platform;
  const config = parsed.given.has('config') ? await loadCommandConfig(context, parsed) : undefined;
  const identity = parsed.given.has('identity') ? textFlag(parsed, 'identity') : (config?.get('identity') ?? '');
  const path = textFlag(parsed, 'facts');
  if (path !== '') {
    await requireFile(files, path);
    const text = (await files.read(path, {limitBytes: inputFileBytesMax})).toString('utf8');
    try {
      parseJson(text);
    } catch (error) {
      throw new CliError('ERR_CLI_FAILED', `Cannot read the facts in ${path}: it is not JSON`, {cause: error});
    }
    return {identity, factsJson: text};
  }
  if (config === undefined) return {identity, factsJson: '{}'};
  const paths = factPaths(config.get('plugin.yaml'), host.platform);
  const facts = await createFactSource({files, paths, logger: silentLogger}).json();
  return {identity, factsJson: facts.toString('utf8')};
}
