/**
 * The words of the jobs behind npm scripts, read in one way: `--help` shows what a job takes and ends with 0, anything unknown is one line and ends with 2,
 * before any work is done. Plain JavaScript, because `run.mjs` needs it before anything is installed; the types are in `arguments.d.mts`.
 */
import {parseArgs} from 'node:util';

function usage({name, help, options, words}) {
  const rows = Object.entries({...options, help: {type: 'boolean', help: 'Show this'}}).map(([option, spec]) => [
    `${spec.short === undefined ? '' : `-${spec.short}, `}--${option}${spec.type === 'string' ? ` ${spec.value ?? 'TEXT'}` : ''}`,
    `${spec.help}${typeof spec.default === 'string' && spec.default !== '' ? ` (${spec.default})` : ''}`,
  ]);
  if (words !== undefined) rows.unshift([`${words.name}...`, words.help]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const takes = words === undefined ? '[OPTION...]' : `[OPTION...] [${words.name}...]`;
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  return `usage: npm run ${name} -- ${takes}\n\n${help}\n\n${lines.join('\n')}\n`;
}

export function refuseJob(name, reason) {
  process.stderr.write(`Cannot run ${name}: ${reason}; "npm run ${name} -- --help" shows what it takes\n`);
  process.exit(2);
}

export function jobArguments(job, words = process.argv.slice(2)) {
  const before = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (before.includes('--help') || before.includes('-h')) {
    process.stdout.write(usage(job));
    process.exit(0);
  }
  try {
    return parseArgs({args: [...words], options: job.options, allowPositionals: job.words !== undefined});
  } catch (error) {
    // What follows the first sentence is advice for other programs.
    return refuseJob(job.name, error.message.split('. ')[0]);
  }
}

export function jobNumber(text, {job, name, isWhole = false}) {
  const value = Number(text);
  const isGood = text.trim() !== '' && Number.isFinite(value) && value > 0 && (!isWhole || Number.isSafeInteger(value));
  if (isGood) return value;
  const wanted = isWhole ? 'whole number' : 'number';
  return refuseJob(job, `--${name} is ${JSON.stringify(text)}, expected a ${wanted} above 0`);
}
